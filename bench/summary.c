// The summary is counted row by row and printed at the end. Leaves out the rows themselves.
#include "summary.h"
#include "rivals.h"
#include "table.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- gathering ----------------------------------------------------------------------------------

static enum why_reason reason_named(const char *name) {
  for (int i = 0; i < WHY_REASON_COUNT; i++)
    if (!strcmp(why_name((enum why_reason)i), name)) return (enum why_reason)i;
  return WHY_OK;
}

// More groups than there is room for share the last place.
static struct summary_group *group_of(struct summary *s, const struct csv_row *row) {
  for (int i = 0; i < s->groups; i++)
    if (s->group[i].bytes == row->device_memory_bytes && !strcmp(s->group[i].policy, row->policy))
      return &s->group[i];
  if (s->groups == SUMMARY_GROUPS) return &s->group[s->groups - 1];
  struct summary_group *group = &s->group[s->groups++];
  group->bytes = row->device_memory_bytes;
  snprintf(group->policy, sizeof group->policy, "%s", row->policy);
  return group;
}

static void count(struct summary *s, const struct csv_row *row, bool gpu) {
  struct summary_group *g = group_of(s, row);
  if (row->decision != s->decision) g->decisions++;
  s->decision = row->decision;
  if (strcmp(row->status, "chosen") != 0) return;
  gpu ? g->gpu++ : g->cpu++;
  g->parts += !strcmp(row->plan, why_plan_name(WHY_STREAMED));
  if (*row->fallback) g->fallback[reason_named(row->fallback)]++;
}

static void keep_best(struct summary *s, const struct csv_row *row) {
  struct summary_best *best = NULL;
  if (!strcmp(row->plan, why_plan_name(WHY_STREAMED))) return; // its ceiling is the link's
  for (int i = 0; i < s->bests && !best; i++)
    if (!strcmp(s->best[i].op, row->op) && !strcmp(s->best[i].type, row->type)) best = &s->best[i];
  if (!best && s->bests == SUMMARY_BESTS) return;
  if (!best) best = &s->best[s->bests++];
  bool roof = !isnan(row->roof_percent), had = *best->op && !isnan(best->roof_percent);
  bool better = roof == had
                    ? (roof ? row->roof_percent > best->roof_percent : row->gflops > best->gflops)
                    : roof;
  if (*best->op && !better) return;
  snprintf(best->op, sizeof best->op, "%s", row->op);
  snprintf(best->type, sizeof best->type, "%s", row->type);
  snprintf(best->kernel, sizeof best->kernel, "%s:%s", row->backend, row->kernel);
  snprintf(best->dims, sizeof best->dims, "%s", row->dims);
  best->gflops = row->gflops;
  best->gbps = row->gbps;
  best->roof_percent = row->roof_percent;
}

// The op's place, emptied where this problem moves more than the one before; NULL: it moves less.
static struct summary_largest *largest_of(struct summary *s, const struct csv_row *row) {
  int at = 0;
  while (at < s->largests && strcmp(s->largest[at].op, row->op) != 0) at++;
  if (at == SUMMARY_LARGEST) return NULL;
  struct summary_largest *l = &s->largest[at];
  if (at == s->largests) s->largests++;
  bool same = row->bytes == l->bytes && row->iterations == l->iterations &&
              !strcmp(l->dims, row->dims) && !strcmp(l->type, row->type) &&
              !strcmp(l->transfer, row->transfer);
  if (same) return l;
  if (row->bytes <= l->bytes) return NULL;
  *l = (struct summary_largest){.bytes = row->bytes, .iterations = row->iterations};
  snprintf(l->op, sizeof l->op, "%s", row->op);
  snprintf(l->type, sizeof l->type, "%s", row->type);
  snprintf(l->dims, sizeof l->dims, "%s", row->dims);
  snprintf(l->transfer, sizeof l->transfer, "%s", row->transfer);
  return l;
}

static void keep_largest(struct summary *s, const struct csv_row *row) {
  struct summary_largest *l = largest_of(s, row);
  int at = 0, plan = 0;
  if (!l) return;
  while (at < l->budgets && l->plans[at].bytes != row->device_memory_bytes) at++;
  if (at == SUMMARY_BUDGETS) return;
  struct summary_plans *p = &l->plans[at];
  if (at == l->budgets) {
    l->budgets++;
    *p = (struct summary_plans){.bytes = row->device_memory_bytes, .law = NAN};
    for (int i = 0; i < WHY_PLAN_COUNT; i++) p->second[i] = NAN;
  }
  while (plan < WHY_PLAN_COUNT && strcmp(why_plan_name((enum why_plan)plan), row->plan) != 0)
    plan++;
  double seconds = s->predicts ? row->predicted_s : row->median_s;
  if (plan == WHY_PLAN_COUNT || !why_could_run(reason_named(row->reason)) || isnan(seconds) ||
      seconds >= p->second[plan])
    return;
  p->second[plan] = seconds;
  if (plan == WHY_STREAMED) p->law = seconds * row->roof_percent / 100;
}

static void count_check(struct summary *s, const struct csv_row *row) {
  char kernel[64];
  int at = 0;
  snprintf(kernel, sizeof kernel, "%s:%s", row->backend, row->kernel);
  while (at < s->checks &&
         (strcmp(s->check[at].kernel, kernel) != 0 || strcmp(s->check[at].op, row->op) != 0))
    at++;
  if (at == SUMMARY_KERNELS) return;
  struct summary_checks *c = &s->check[at];
  if (at == s->checks) {
    snprintf(c->kernel, sizeof c->kernel, "%s", kernel);
    snprintf(c->op, sizeof c->op, "%s", row->op);
    s->checks++;
  }
  double ratio = row->error / row->tolerance;
  c->results++;
  c->wrong += !strcmp(row->verified, "no");
  if (c->results == 1 || !(ratio <= c->worst)) c->worst = ratio;
}

enum evidence summary_evidence(const struct summary *s) {
  return s->predicts ? EVIDENCE_EXACT : EVIDENCE_INTERVALS;
}

int summary_add(struct summary *s, const struct suite_case *item, const struct csv_row *row,
                bool gpu) {
  count(s, row, gpu);
  if (*row->verified) count_check(s, row);
  bool measured = !s->predicts && !isnan(row->median_s) && strcmp(row->status, "failed") != 0;
  if (measured) {
    s->measured++;
    s->wide += strcmp(row->stop_reason, "precision") != 0;
    keep_best(s, row);
  }
  keep_largest(s, row);
  bool point = measured || (s->predicts && why_could_run(reason_named(row->reason)) &&
                            !isnan(row->predicted_s));
  if (!point || !*item->family) return 0;
  return families_add(&s->families, item, row, gpu, summary_evidence(s));
}

void summary_free(struct summary *s) {
  families_free(&s->families);
  memset(s, 0, sizeof *s);
}

// ---- where, and why -----------------------------------------------------------------------------

static void budget_name(uint64_t bytes, char *out, size_t size) {
  if (bytes == WHY_UNLIMITED)
    snprintf(out, size, "no budget");
  else
    unit_text((double)bytes, TABLE_BYTES, out, size);
}

static struct summary_group all_groups(const struct summary *s) {
  struct summary_group all = {.policy = ""};
  for (int i = 0; i < s->groups; i++) {
    all.decisions += s->group[i].decisions;
    all.gpu += s->group[i].gpu;
    all.cpu += s->group[i].cpu;
    for (int r = 0; r < WHY_REASON_COUNT; r++) all.fallback[r] += s->group[i].fallback[r];
  }
  return all;
}

static void print_reasons(FILE *f, const struct summary_group *g) {
  const char *comma = "";
  for (int r = WHY_REASON_COUNT - 1; r > WHY_OK; r--)
    if (g->fallback[r]) {
      fprintf(f, "%s%s %lld", comma, why_name((enum why_reason)r), (long long)g->fallback[r]);
      comma = ", ";
    }
  fprintf(f, "%s\n", *comma ? "" : "-");
}

static void print_table(FILE *f, const char *label, const struct summary *s) {
  fprintf(f, "%s | %-10s %-13s %9s %7s %8s %7s %8s  %s\n", label, "policy", "device memory",
          "decisions", "on GPU", "in parts", "on CPU", "nowhere", "fell back to the CPU because");
  for (int i = 0; i < s->groups; i++) {
    const struct summary_group *g = &s->group[i];
    char name[32];
    budget_name(g->bytes, name, sizeof name);
    fprintf(f, "%s | %-10s %-13s %9lld %7lld %8lld %7lld %8lld  ", label, g->policy, name,
            (long long)g->decisions, (long long)g->gpu, (long long)g->parts, (long long)g->cpu,
            (long long)(g->decisions - g->gpu - g->cpu));
    print_reasons(f, g);
  }
}

static void print_commonest(FILE *f, const char *label, const struct summary_group *all) {
  int most = WHY_OK;
  int64_t fell = 0;
  for (int r = WHY_OK + 1; r < WHY_REASON_COUNT; r++) {
    fell += all->fallback[r];
    if (all->fallback[r] && (most == WHY_OK || all->fallback[r] > all->fallback[most])) most = r;
  }
  if (most == WHY_OK) return;
  char share[32] = "all";
  if (all->fallback[most] != fell)
    snprintf(share, sizeof share, "%lld of them", (long long)all->fallback[most]);
  fprintf(f, "%s | fell back %lld times of %lld, %s for %s: %s\n", label, (long long)fell,
          (long long)all->decisions, share, why_name((enum why_reason)most),
          why_sentence((enum why_reason)most));
  fprintf(f, "%s | what to do: %s\n", label, summary_advice((enum why_reason)most));
}

// Against the widest budget of the same policy: the same problems, so the difference is the
// budget's. Where nothing is kept off the GPU, because what does not fit runs in parts, no line.
static void print_budgets(FILE *f, const char *label, const struct summary *s) {
  for (int first = 0; first < s->groups; first++) {
    const struct summary_group *widest = &s->group[first];
    bool seen = false;
    int budgets = 0;
    for (int i = 0; i < s->groups; i++) {
      if (strcmp(s->group[i].policy, widest->policy) != 0) continue;
      if (i < first) seen = true;
      if (s->group[i].bytes > widest->bytes) widest = &s->group[i];
      budgets++;
    }
    if (seen || budgets < 2) continue;
    char name[32], head[160];
    budget_name(widest->bytes, name, sizeof name);
    snprintf(head, sizeof head,
             "%s | %s: %lld run on the GPU with %s; of these a budget keeps off it", label,
             widest->policy, (long long)widest->gpu, name);
    const char *before = head;
    for (int i = 0; i < s->groups; i++) {
      const struct summary_group *g = &s->group[i];
      if (g->gpu >= widest->gpu || strcmp(g->policy, widest->policy) != 0) continue;
      budget_name(g->bytes, name, sizeof name);
      fprintf(f, "%s %lld at %s", before, (long long)(widest->gpu - g->gpu), name);
      before = ",";
    }
    if (before != head) fprintf(f, "\n");
  }
}

// ---- what a budget costs ------------------------------------------------------------------------

static void seconds_cell(FILE *f, double seconds) {
  char text[32] = "-";
  if (!isnan(seconds)) unit_text(seconds, TABLE_SECONDS, text, sizeof text);
  fprintf(f, " %10s", text);
}

// The largest problem of each op that a budget keeps from being on the device whole. The law: all
// copies at the link's rate, the arithmetic at the device's, and neither waits for the other.
static void print_largest(FILE *f, const char *label, const struct summary *s) {
  for (int i = 0; i < s->largests; i++) {
    const struct summary_largest *l = &s->largest[i];
    bool tight = false, gpu = false;
    char moved[32], name[32], calls[32] = "";
    for (int b = 0; b < l->budgets; b++) {
      const double *second = l->plans[b].second;
      tight |= isnan(second[WHY_RESIDENT]);
      gpu |= !isnan(second[WHY_RESIDENT]) || !isnan(second[WHY_STREAMED]);
    }
    if (!tight || !gpu || l->budgets < 2) continue;
    unit_text(l->bytes, TABLE_BYTES, moved, sizeof moved);
    if (l->iterations > 1) snprintf(calls, sizeof calls, " x %lld", (long long)l->iterations);
    fprintf(f, "%s | %s %s type=%s%s, %s: the fastest of each plan\n", label, l->op, l->dims,
            l->type, calls, moved);
    fprintf(f, "%s |   %-13s %10s %10s %10s %10s\n", label, "device memory", "resident", "streamed",
            "the law", "on the CPU");
    for (int b = 0; b < l->budgets; b++) {
      const struct summary_plans *p = &l->plans[b];
      budget_name(p->bytes, name, sizeof name);
      fprintf(f, "%s |   %-13s", label, name);
      seconds_cell(f, p->second[WHY_RESIDENT]);
      seconds_cell(f, p->second[WHY_STREAMED]);
      seconds_cell(f, p->law);
      seconds_cell(f, p->second[WHY_ON_HOST]);
      fprintf(f, "\n");
    }
  }
}

// ---- the best of each op ------------------------------------------------------------------------

static void print_bests(FILE *f, const char *label, const struct summary *s) {
  for (int i = 0; i < s->bests; i++) {
    const struct summary_best *b = &s->best[i];
    char rate[32], traffic[32];
    unit_text(1e9 * b->gflops, TABLE_FLOPS_PER_SECOND, rate, sizeof rate);
    unit_text(1e9 * b->gbps, TABLE_BYTES_PER_SECOND, traffic, sizeof traffic);
    fprintf(f, "%s | %s %s at its best: %s, %s", label, b->op, b->type, rate, traffic);
    if (b->roof_percent > 105) // nothing runs faster than it can
      fprintf(f, ", more than the ceiling measured before, which other work may have lowered");
    else if (!isnan(b->roof_percent))
      fprintf(f, ", %.0f%% of the measured ceiling", b->roof_percent);
    fprintf(f, " (%s, %s)\n", b->kernel, b->dims);
  }
}

// ---- all of it ----------------------------------------------------------------------------------

static void print_checks(FILE *f, const char *label, const struct summary *s) {
  const struct summary_checks *worst = &s->check[0];
  int64_t results = 0, wrong = 0;
  for (int i = 0; i < s->checks; i++) {
    results += s->check[i].results;
    wrong += s->check[i].wrong;
    if (!(s->check[i].worst <= worst->worst)) worst = &s->check[i];
  }
  if (!results) return;
  fprintf(f,
          "%s | %lld results compared with the reference in double, %lld wrong; the largest error "
          "is %.3g of what is allowed (%s %s)\n",
          label, (long long)results, (long long)wrong, worst->worst, worst->op, worst->kernel);
}

void summary_print_kernels(FILE *f, const char *label, struct summary *s) {
  fprintf(f, "%s | %-8s %-18s %7s %7s  %s\n", label, "op", "kernel", "results", "wrong",
          "largest error, as a share of what is allowed");
  for (int i = 0; i < s->checks; i++) {
    const struct summary_checks *c = &s->check[i];
    fprintf(f, "%s | %-8s %-18s %7lld %7lld  %.3g\n", label, c->op, c->kernel,
            (long long)c->results, (long long)c->wrong, c->worst);
  }
  print_checks(f, label, s);
}

void summary_print(FILE *f, const char *label, struct summary *s) {
  summary_print_places(f, label, s);
  if (!s->groups) return;
  (void)rivals_print(f, label, &s->families, summary_evidence(s), NULL, false); // no memory: none
  summary_print_quality(f, label, s);
}

void summary_print_places(FILE *f, const char *label, const struct summary *s) {
  if (!s->groups) return;
  struct summary_group all = all_groups(s);
  print_table(f, label, s);
  print_commonest(f, label, &all);
  print_budgets(f, label, s);
  print_largest(f, label, s);
  print_bests(f, label, s);
}

void summary_print_quality(FILE *f, const char *label, const struct summary *s) {
  print_checks(f, label, s);
  if (s->wide)
    fprintf(f,
            "%s | %lld of %lld measurements ended before their interval was narrow enough: other "
            "work was running, or --time-budget is short\n",
            label, (long long)s->wide, (long long)s->measured);
}
