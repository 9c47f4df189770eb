// A machine file written, and the table of its keys. Reading is in machine_read.c.
#include "machine_file.h"
#include "json.h"
#include <math.h>
#include <string.h>
#include <time.h>

#define FACT(member) offsetof(struct why_facts, member), sizeof(((struct why_facts *)0)->member)
// clang-format off
const struct why_field why_device_fields[] = {
  {"name",           WHY_FIELD_TEXT,  FACT(name),            0, 0,       true},
  {"backend",        WHY_FIELD_TEXT,  FACT(backend),         0, 0,       true},
  {"host",           WHY_FIELD_FLAG,  FACT(host),            0, 0,       false},
  {"emulated",       WHY_FIELD_FLAG,  FACT(emulated),        0, 0,       false},
  {"uuid",           WHY_FIELD_TEXT,  FACT(uuid),            0, 0,       false},
  {"pci",            WHY_FIELD_TEXT,  FACT(pci),             0, 0,       false},
  {"numa_node",      WHY_FIELD_WHOLE, FACT(numa_node),      -1, 65535,   false},
  {"capability",     WHY_FIELD_WHOLE, FACT(capability),      0, 9999,    false},
  {"multiprocessors",WHY_FIELD_WHOLE, FACT(multiprocessors), 0, 1 << 20, false},
  {"driver",         WHY_FIELD_WHOLE, FACT(driver),          0, 1 << 20, false},
  {"memory_bytes",   WHY_FIELD_BYTES, FACT(memory_bytes),    0, 0,       true},
  {"free_bytes",     WHY_FIELD_BYTES, FACT(free_bytes),      0, 0,       false},
  {"context_bytes",  WHY_FIELD_BYTES, FACT(context_bytes),   0, 0,       false},
  {"shared_bytes",   WHY_FIELD_BYTES, FACT(shared_bytes),    0, 0,       false},
  {"cache_bytes",    WHY_FIELD_BYTES, FACT(cache_bytes),     0, 0,       false},
  {"core_cache_bytes", WHY_FIELD_BYTES, FACT(core_cache_bytes), 0, 0,    false},
  {NULL},
};
const struct why_field why_figure_fields[] = {
  {"in_bps",          WHY_FIELD_FIGURE, FACT(in_bps),               0, 0, false},
  {"out_bps",         WHY_FIELD_FIGURE, FACT(out_bps),              0, 0, false},
  {"memory_bps",      WHY_FIELD_FIGURE, FACT(memory_bps),           0, 0, false},
  {"cache_bps",       WHY_FIELD_FIGURE, FACT(cache_bps),            0, 0, false},
  {"core_cache_bps",  WHY_FIELD_FIGURE, FACT(core_cache_bps),       0, 0, false},
  {"latency_seconds", WHY_FIELD_FIGURE, FACT(latency_seconds),      0, 0, false},
  {"launch_seconds",  WHY_FIELD_FIGURE, FACT(launch_seconds),       0, 0, false},
  {"f64_flops",       WHY_FIELD_FIGURE, FACT(flops[WHY_MATH_F64]),  0, 0, false},
  {"f32_flops",       WHY_FIELD_FIGURE, FACT(flops[WHY_MATH_F32]),  0, 0, false},
  {"f16_flops",       WHY_FIELD_FIGURE, FACT(flops[WHY_MATH_F16]),  0, 0, false},
  {"bf16_flops",      WHY_FIELD_FIGURE, FACT(flops[WHY_MATH_BF16]), 0, 0, false},
  {NULL},
};
const struct why_feature why_features[] = {
  {"avx2",        WHY_CPU_AVX2},
  {"avx512",      WHY_CPU_AVX512},
  {"avx512_bf16", WHY_CPU_AVX512_BF16},
  {"avx512_fp16", WHY_CPU_AVX512_FP16},
  {"amx_bf16",    WHY_CPU_AMX_BF16},
  {NULL},
};
// clang-format on

enum why_reason why_reason_find(const char *name) {
  int reason = 0;
  while (reason < WHY_REASON_COUNT && strcmp(why_name((enum why_reason)reason), name) != 0)
    reason++;
  return (enum why_reason)reason;
}

// What is 0, "" or false is left out, unless the key is required.
static void write_field(struct why_json_writer *out, const struct why_field *field,
                        const struct why_facts *facts) {
  const void *at = (const char *)facts + field->offset;
  double figure;
  uint64_t bytes;
  int whole;
  switch (field->kind) {
  case WHY_FIELD_TEXT:
    if (field->required || *(const char *)at) why_json_text(out, field->key, at);
    break;
  case WHY_FIELD_FLAG:
    memcpy(&whole, at, sizeof whole);
    if (whole) why_json_bool(out, field->key, true);
    break;
  case WHY_FIELD_WHOLE:
    memcpy(&whole, at, sizeof whole);
    if (whole != (field->least < 0 ? -1 : 0)) why_json_whole(out, field->key, whole);
    break;
  case WHY_FIELD_BYTES:
    memcpy(&bytes, at, sizeof bytes);
    if (field->required || bytes) why_json_bytes(out, field->key, bytes);
    break;
  case WHY_FIELD_FIGURE:
    memcpy(&figure, at, sizeof figure);
    if (figure > 0) why_json_number(out, field->key, figure);
    break;
  }
}

static void write_device(struct why_json_writer *out, const struct why_facts *facts) {
  why_json_begin(out, NULL, '{');
  for (const struct why_field *field = why_device_fields; field->key; field++)
    write_field(out, field, facts);
  why_json_begin_line(out, "cpu_features", '[');
  for (const struct why_feature *feature = why_features; feature->name; feature++)
    if (facts->cpu_features & feature->bit) why_json_text(out, NULL, feature->name);
  why_json_end(out, ']');
  why_json_begin(out, "figures", '{');
  for (const struct why_field *field = why_figure_fields; field->key; field++)
    write_field(out, field, facts);
  why_json_end(out, '}');
  why_json_end(out, '}');
}

static void write_verdict(struct why_json_writer *out, const struct why_verdict *verdict) {
  why_json_begin_line(out, "verdict", '{');
  why_json_text(out, "reason", why_name(verdict->reason));
  if (verdict->need > 0 && isfinite(verdict->need)) why_json_number(out, "need", verdict->need);
  if (verdict->have > 0 && isfinite(verdict->have)) why_json_number(out, "have", verdict->have);
  if (*verdict->note) why_json_text(out, "note", verdict->note);
  if (*verdict->cause) why_json_text(out, "cause", verdict->cause);
  why_json_end(out, '}');
}

static void write_slot(struct why_json_writer *out, const struct why_slot *slot) {
  why_json_begin(out, NULL, '{');
  why_json_text(out, "name", slot->name);
  if (*slot->version) why_json_text(out, "version", slot->version);
  if (*slot->build) why_json_text(out, "build", slot->build);
  write_verdict(out, &slot->verdict);
  why_json_begin_line(out, "lacks", '[');
  for (int i = 0; i < why_kernel_count(); i++) {
    char text[96];
    snprintf(text, sizeof text, "%s %s", why_kernel_at(i)->op, why_kernel_at(i)->name);
    if (slot->lacks[i]) why_json_text(out, NULL, text);
  }
  why_json_end(out, ']');
  why_json_end(out, '}');
}

static void write_answer(struct why_json_writer *out, const struct why_answer *answer) {
  const struct why_kernel *kernel = why_kernel_at(answer->kernel);
  char name[64], problem[1024] = "*";
  snprintf(name, sizeof name, "%s:%s", kernel->backend, kernel->name);
  if (!answer->any) why_problem_text(&answer->problem, problem, sizeof problem);
  // The op's name begins the text and has a key of its own.
  const char *params = answer->any ? problem : problem + strcspn(problem, " ");
  why_json_begin_line(out, NULL, '{');
  why_json_text(out, "kernel", name);
  why_json_text(out, "op", kernel->op);
  why_json_whole(out, "device", answer->device);
  why_json_text(out, "problem", params + (*params == ' '));
  if (answer->most_bytes != WHY_UNLIMITED) why_json_bytes(out, "most_bytes", answer->most_bytes);
  why_json_bytes(out, "workspace_bytes", answer->workspace_bytes);
  write_verdict(out, &answer->verdict);
  why_json_end(out, '}');
}

static void write_fit(struct why_json_writer *out, const struct why_fit *fit) {
  const struct why_op *op = why_op_find(fit->kernel->op);
  char name[64];
  snprintf(name, sizeof name, "%s:%s", fit->kernel->backend, fit->kernel->name);
  why_json_begin_line(out, NULL, '{');
  why_json_text(out, "kernel", name);
  why_json_text(out, "op", fit->kernel->op);
  why_json_whole(out, "device", fit->device);
  why_json_text(out, "type", why_type_name(fit->type));
  if (*fit->form) why_json_text(out, "form", fit->form);
  if (fit->threads) why_json_whole(out, "threads", fit->threads);
  why_json_number(out, "launch_seconds", fit->cost.launch_seconds);
  why_json_number(out, "rate", fit->cost.rate);
  why_json_number(out, "distance", fit->cost.distance);
  why_json_number(out, "hidden", fit->cost.hidden);
  why_json_begin_line(out, "passes", '[');
  for (int i = 0; i < op->operands; i++) why_json_number(out, NULL, fit->cost.passes[i]);
  why_json_end(out, ']');
  why_json_begin_line(out, "loop_seconds", '[');
  for (int i = 0; i < WHY_LOOPS && op->loop[i]; i++)
    why_json_number(out, NULL, fit->cost.loop_seconds[i]);
  why_json_end(out, ']');
  if (fit->cost.edge_seconds > 0) why_json_number(out, "edge_seconds", fit->cost.edge_seconds);
  if (fit->cost.aliased_passes > 0)
    why_json_number(out, "aliased_passes", fit->cost.aliased_passes);
  if (fit->cost.far_passes > 0) why_json_number(out, "far_passes", fit->cost.far_passes);
  why_json_whole(out, "points", fit->points);
  why_json_number(out, "error", fit->error);
  why_json_end(out, '}');
}

static void write_ceiling(struct why_json_writer *out, const struct why_ceiling *ceiling) {
  why_json_begin_line(out, NULL, '{');
  why_json_whole(out, "device", ceiling->device);
  why_json_text(out, "name", ceiling->name);
  if (ceiling->threads) why_json_whole(out, "threads", ceiling->threads);
  if (ceiling->bytes) why_json_bytes(out, "bytes", ceiling->bytes);
  why_json_number(out, "value", ceiling->value);
  why_json_text(out, "unit", ceiling->unit);
  why_json_end(out, '}');
}

static void write_provenance(struct why_json_writer *out, const struct why_machine *machine) {
  char now[32] = "";
  time_t seconds = time(NULL);
  struct tm utc;
  if (gmtime_r(&seconds, &utc)) strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
  bool live = !machine->replayed;
  why_json_begin(out, "provenance", '{');
  why_json_text(out, "facts", live ? "measured" : machine->provenance);
  why_json_text(out, "time", live && !*machine->time ? now : machine->time);
  if (*machine->commit) why_json_text(out, "commit", machine->commit);
  if (*machine->source) why_json_text(out, "source", machine->source);
  why_json_end(out, '}');
}

enum why_reason why_write(FILE *file, const struct why_machine *machine) {
  struct why_json_writer out = {.file = file};
  why_json_begin(&out, NULL, '{');
  why_json_whole(&out, "schema", WHY_SCHEMA);
  why_json_text(&out, "kind", "machine");
  why_json_text(&out, "name", machine->name);
  if (*machine->host) why_json_text(&out, "host", machine->host);
  write_provenance(&out, machine);
  why_json_begin(&out, "devices", '[');
  for (int i = *machine->host != 0; i < machine->devices; i++)
    write_device(&out, &machine->facts[i]);
  why_json_end(&out, ']');
  why_json_begin(&out, "backends", '[');
  for (int i = 0; i < machine->slots; i++)
    if (machine->slot[i].tried) write_slot(&out, &machine->slot[i]);
  why_json_end(&out, ']');
  why_json_begin(&out, "answers", '[');
  for (int i = 0; i < machine->answers; i++) write_answer(&out, &machine->answer[i]);
  why_json_end(&out, ']');
  why_json_begin(&out, "fits", '[');
  for (int i = 0; i < machine->fits; i++) write_fit(&out, &machine->fit[i]);
  why_json_end(&out, ']');
  if (machine->ceilings) {
    why_json_begin(&out, "ceilings", '[');
    for (int i = 0; i < machine->ceilings; i++) write_ceiling(&out, &machine->ceiling[i]);
    why_json_end(&out, ']');
  }
  why_json_end(&out, '}');
  return fflush(file) || ferror(file) ? WHY_CALL_FAILED : WHY_OK;
}
