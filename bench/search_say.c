// What a search found, as a row or in words. See search.h.
#include "crossover_text.h"
#include "search.h"
#include <math.h>
#include <string.h>

const struct table_column search_column[] = {
    {"source"},
    {"machine"},
    {"suite"},
    {"op"},
    {"type"},
    {"family"},
    {"transfer"},
    {"iterations"},
    {"device_memory_bytes", TABLE_BYTES},
    {"threads"},
    {"a"},
    {"b"},
    {"answer"},
    {"from"},
    {"above"},
    {"at_most"},
    {"confidence"},
    {"smaller"},
    {"smaller_winner"},
    {"larger"},
    {"larger_winner"},
    {"gpu_blob"},
    {"a_kernel"},
    {"b_kernel"},
    {"sizes"},
    {"samples"},
    {"seconds", TABLE_SECONDS},
    {"stop_reason"},
    {"reason"},
    {"note"},
};
const int search_columns = sizeof search_column / sizeof search_column[0];

// The rule of GPU-BLOB on the first pair at each size: single totals, as it has them.
static int64_t blob_of(const struct search *s, struct threshold_answer *answer) {
  for (int i = 0; i < answer->sizes; i++) {
    struct why_problem p;
    double flops = search_problem(s, answer->first[i].size, &p) ? p.op->flops(&p) : NAN;
    answer->first[i].a *= flops;
    answer->first[i].b *= flops;
  }
  return crossover_blob(answer->first, answer->sizes);
}

static const struct choice *choice_of(const struct search *s, int64_t size) {
  for (int i = 0; i < s->choices; i++)
    if (s->choice[i].size == size) return &s->choice[i];
  return NULL;
}

static void put_size(struct table *t, int64_t size) {
  if (size < 0)
    table_none(t);
  else
    table_integer(t, size);
}

static void put_winner(struct table *t, const struct thresholds *asked, int64_t size,
                       enum winner winner) {
  put_size(t, size);
  const char *name = winner == WINNER_A   ? asked->sides.a.text
                     : winner == WINNER_B ? asked->sides.b.text
                                          : "unsure";
  table_string(t, size < 0 ? NULL : name);
}

static void put_row(struct search *s, const char *suite, struct threshold_answer *answer) {
  const struct thresholds *asked = s->asked;
  const struct crossover *x = &answer->crossover;
  const struct why_request *r = &s->shown;
  struct table *t = s->table;
  bool any = answer->sizes > 0, refused = !strcmp(s->stop, "none") || !strcmp(s->stop, "failed");
  int64_t blob = blob_of(s, answer);
  const struct choice *c = choice_of(s, x->from);
  table_string(t, s->label);
  table_string(t, why_machine_name(asked->machine));
  table_string(t, suite);
  table_string(t, s->item->problem.op->name);
  table_string(t, why_type_name(s->item->problem.type));
  table_string(t, s->item->family);
  table_string(t, why_transfer_name(r->transfer));
  table_integer(t, r->iterations);
  if (r->budget.device_bytes == WHY_UNLIMITED)
    table_none(t);
  else
    table_unsigned(t, r->budget.device_bytes);
  int threads = (int)asked->options->threads[s->request % asked->options->thread_counts];
  table_integer(t, threads ? threads : why_machine_device(asked->machine, 0)->multiprocessors);
  table_string(t, asked->sides.a.text);
  table_string(t, asked->sides.b.text);
  table_string(t, any ? crossover_name(x->kind) : "none");
  bool never = x->kind == CROSSOVER_NEVER;
  put_size(t, never ? -1 : x->from);
  put_size(t, never ? -1 : x->low);
  put_size(t, never ? -1 : x->high);
  table_number(t, s->predicts || !any ? NAN : 1 - THRESHOLD_ERROR);
  put_winner(t, asked, never ? -1 : x->below, x->below_winner);
  put_winner(t, asked, never ? -1 : x->above, x->above_winner);
  put_size(t, blob);
  table_string(t, c && *c->kernel[0] ? c->kernel[0] : NULL);
  table_string(t, c && *c->kernel[1] ? c->kernel[1] : NULL);
  table_integer(t, answer->sizes);
  table_integer(t, s->predicts ? 0 : s->search->samples);
  table_number(t, s->predicts ? NAN : s->seconds);
  table_string(t, s->stop);
  table_string(t, refused ? why_name(s->verdict.reason) : NULL);
  table_string(t, refused && *s->verdict.note ? s->verdict.note : NULL);
}

static void write_case(const struct search *s) {
  const struct why_request *r = &s->shown;
  const struct options *o = s->asked->options;
  int64_t threads = o->threads[s->request % o->thread_counts];
  fprintf(s->file, "%s | %s", s->label, s->item->family);
  if (r->iterations > 1) fprintf(s->file, " x %lld", (long long)r->iterations);
  if (r->transfer != WHY_ONCE) fprintf(s->file, ", copied %s", why_transfer_name(r->transfer));
  if (r->budget.device_bytes != WHY_UNLIMITED) {
    char budget[32];
    unit_text((double)r->budget.device_bytes, TABLE_BYTES, budget, sizeof budget);
    fprintf(s->file, ", device memory %s", budget);
  }
  if (threads && search_threads_matter(s->asked))
    fprintf(s->file, ", CPU threads %lld", (long long)threads);
  fputs(": ", s->file);
}

static void write_why_not(const struct search *s, const char *const name[2]) {
  fprintf(s->file, "%s cannot run at %lld: %s: %s%s%s%s\n", name[s->wrong_side],
          (long long)s->failed_size, why_name(s->verdict.reason), why_sentence(s->verdict.reason),
          *s->verdict.note ? " (" : "", s->verdict.note, *s->verdict.note ? ")" : "");
}

static void write_text(struct search *s, struct threshold_answer *answer) {
  char a[80], b[80], took[32];
  const char *const name[2] = {a, b};
  FILE *f = s->file;
  side_name(&s->asked->sides.a, a, sizeof a);
  side_name(&s->asked->sides.b, b, sizeof b);
  write_case(s);
  if (!answer->sizes) {
    write_why_not(s, name);
    return;
  }
  struct crossover_words words = {a, "beats", b, !s->predicts};
  crossover_write(f, &words, &answer->crossover, answer->contest, answer->sizes);
  int64_t blob = blob_of(s, answer);
  fprintf(f, "; GPU-BLOB's rule on the same %s: ", s->predicts ? "times" : "data");
  fprintf(f, blob < 0 ? "none" : "%lld", (long long)blob);
  unit_text(s->seconds, TABLE_SECONDS, took, sizeof took);
  if (!s->predicts)
    fprintf(f, "; %lld samples at %d sizes in %s", (long long)s->search->samples, answer->sizes,
            took);
  if (!strcmp(s->stop, "time"))
    fprintf(f, "; the time budget ended it%s", answer->whole ? "" : " before all sizes were seen");
  putc('\n', f);
  if (!strcmp(s->stop, "failed")) {
    write_case(s);
    write_why_not(s, name);
  }
}

void search_say(struct search *s, const char *suite) {
  struct threshold_answer answer;
  threshold_answer(s->search, &answer);
  if (!strcmp(s->stop, "none") || !strcmp(s->stop, "failed")) s->refused = true;
  if (s->table)
    put_row(s, suite, &answer);
  else
    write_text(s, &answer);
  fflush(s->file);
}
