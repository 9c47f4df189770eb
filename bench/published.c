#include "published.h"
#include "machines.h"
#include "table.h"

#define FIGURE(member) offsetof(struct why_facts, member)
static const struct {
  const char *name;
  size_t offset;
  enum table_unit unit;
} figure[] = {
    // clang-format off
    {"memory speed",   FIGURE(memory_bps),           TABLE_BYTES_PER_SECOND},
    {"cache speed",    FIGURE(cache_bps),            TABLE_BYTES_PER_SECOND},
    {"host to device", FIGURE(in_bps),               TABLE_BYTES_PER_SECOND},
    {"device to host", FIGURE(out_bps),              TABLE_BYTES_PER_SECOND},
    {"copy latency",   FIGURE(latency_seconds),      TABLE_SECONDS},
    {"launch",         FIGURE(launch_seconds),       TABLE_SECONDS},
    {"f64",            FIGURE(flops[WHY_MATH_F64]),  TABLE_FLOPS_PER_SECOND},
    {"f32",            FIGURE(flops[WHY_MATH_F32]),  TABLE_FLOPS_PER_SECOND},
    {"f16",            FIGURE(flops[WHY_MATH_F16]),  TABLE_FLOPS_PER_SECOND},
    {"bf16",           FIGURE(flops[WHY_MATH_BF16]), TABLE_FLOPS_PER_SECOND},
    // clang-format on
};
enum { FIGURES = sizeof figure / sizeof figure[0] };

static double figure_of(const struct why_facts *facts, int i) {
  return *(const double *)((const char *)facts + figure[i].offset);
}

void published_text(FILE *file, const struct why_machine *measured) {
  struct why_machine *published = machine_published(measured);
  if (!published) return;
  const struct why_facts *ours = why_machine_device(measured, machine_gpu(measured));
  const struct why_facts *theirs = why_machine_device(published, machine_gpu(published));
  fprintf(file, "%s: measured beside published (--machine published/%s)\n", ours->name,
          why_machine_name(published));
  for (int i = 0; i < FIGURES; i++) {
    double a = figure_of(ours, i), b = figure_of(theirs, i);
    char left[48], right[48];
    if (!(a > 0) || !(b > 0)) continue;
    unit_text(a, figure[i].unit, left, sizeof left);
    unit_text(b, figure[i].unit, right, sizeof right);
    fprintf(file, "    %-16s %-14s published %-14s %.0f%%\n", figure[i].name, left, right,
            100 * a / b);
  }
  putc('\n', file);
  why_close(published);
}
