// Contests by name, and the thresholds in them. See rivals.h.
#include "rivals.h"

static const struct rivals { // A is the one that is expected to win at large sizes
  const char *a_name, *beats, *b_name;
  struct side a, b;
  bool measured_only; // of priors there is nothing to learn, nor of files with one library
} rivals[] = {
    // clang-format off
    {"a GPU",       "beats", "the CPU",    {.gpu = true},                         {.host = true},                        false},
    {"all threads", "beat",  "one thread", {.host = true},                        {.host = true, .threads = 1},          true},
    {"OpenBLAS",    "beats", "plain C",    {.host = true, .backend = "openblas"}, {.host = true, .backend = "plain"},    true},
    {"oneDNN",      "beats", "OpenBLAS",   {.host = true, .backend = "onednn"},   {.host = true, .backend = "openblas"}, true},
    // clang-format on
};

static int between(struct families *fs, enum evidence evidence, const struct side *a,
                   const struct side *b, struct rivals_threshold *t, rivals_each *each, void *to) {
  int error = 0;
  t->words.interval = evidence != EVIDENCE_EXACT;
  for (int64_t i = 0; i < fs->count && !error; i++) {
    t->family = fs->item[i].key;
    error = families_find(fs, i, a, b, evidence, &t->found);
    if (!error && t->found.count > 1) each(to, t);
    family_threshold_free(&t->found);
  }
  return error;
}

int rivals_thresholds(struct families *fs, enum evidence evidence, const struct sides *sides,
                      rivals_each *each, void *to) {
  struct rivals_threshold t = {0};
  int error = 0;
  if (sides) {
    char a[80], b[80];
    side_name(&sides->a, a, sizeof a);
    side_name(&sides->b, b, sizeof b);
    t.words = (struct crossover_words){.a = a, .beats = "beats", .b = b};
    return between(fs, evidence, &sides->a, &sides->b, &t, each, to);
  }
  for (size_t k = 0; k < sizeof rivals / sizeof rivals[0] && !error; k++) {
    const struct rivals *r = &rivals[k];
    if (evidence != EVIDENCE_INTERVALS && r->measured_only) continue;
    if (r->b.threads == 1 && fs->threads == 1) continue;
    t.words = (struct crossover_words){.a = r->a_name, .beats = r->beats, .b = r->b_name};
    error = between(fs, evidence, &r->a, &r->b, &t, each, to);
  }
  return error;
}

struct lines {
  FILE *file;
  const char *label;
  bool blob;
};
static void print_line(void *to, const struct rivals_threshold *t) {
  const struct lines *l = to;
  const struct family_threshold *found = &t->found;
  fprintf(l->file, "%s | %s: ", l->label, t->family);
  crossover_write(l->file, &t->words, &found->crossover, found->contest, found->count);
  if (l->blob && found->blob < 0) fputs("; GPU-BLOB's rule: none", l->file);
  if (l->blob && found->blob >= 0)
    fprintf(l->file, "; GPU-BLOB's rule: %lld", (long long)found->blob);
  putc('\n', l->file);
}

int rivals_print(FILE *f, const char *label, struct families *fs, enum evidence evidence,
                 const struct sides *sides, bool blob) {
  struct lines lines = {f, label, blob};
  return rivals_thresholds(fs, evidence, sides, print_line, &lines);
}
