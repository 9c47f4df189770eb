// The sentence about a threshold. See crossover_text.h.
#include "crossover_text.h"

const char *crossover_name(enum crossover_kind kind) {
  static const char *const name[] = {
      [CROSSOVER_FROM] = "from",   [CROSSOVER_ALWAYS] = "always", [CROSSOVER_NEVER] = "never",
      [CROSSOVER_UNTIL] = "until", [CROSSOVER_UNSURE] = "unsure",
  };
  return name[kind];
}

static const char *winner_name(const struct crossover_words *w, enum winner winner) {
  return winner == WINNER_A ? w->a : winner == WINNER_B ? w->b : "cannot tell";
}

// " (above 256 and at most 512 with 95% confidence; 256: the CPU, 1024: a GPU)"
static void write_evidence(FILE *f, const struct crossover_words *w, const struct crossover *x) {
  const char *open = " (";
  if (w->interval) {
    if (x->low >= 0)
      fprintf(f, " (above %lld and at most %lld with 95%% confidence", (long long)x->low,
              (long long)x->high);
    else
      fprintf(f, " (at most %lld with 95%% confidence", (long long)x->high);
    open = "; ";
  }
  if (x->below >= 0) {
    fprintf(f, "%s%lld: %s", open, (long long)x->below, winner_name(w, x->below_winner));
    open = ", ";
  }
  if (w->interval && x->from_winner == WINNER_UNSURE) {
    fprintf(f, "%s%lld: cannot tell", open, (long long)x->from);
    open = ", ";
  }
  if (x->above >= 0) {
    fprintf(f, "%s%lld: %s", open, (long long)x->above, winner_name(w, x->above_winner));
    open = ", ";
  }
  fputs(*open == ' ' ? "" : ")", f);
}

void crossover_write(FILE *f, const struct crossover_words *w, const struct crossover *x,
                     const struct contest *at, int n) {
  long long first = (long long)at[0].size, last = (long long)at[n - 1].size;
  switch (x->kind) {
  case CROSSOVER_ALWAYS:
    fprintf(f, "%s always %s %s, from %lld to %lld", w->a, w->beats, w->b, first, last);
    return;
  case CROSSOVER_NEVER:
    fprintf(f, "%s never %s %s, from %lld to %lld", w->a, w->beats, w->b, first, last);
    return;
  case CROSSOVER_UNSURE:
    fprintf(f, "cannot tell where %s %s %s: %s at %lld, the largest", w->a, w->beats, w->b,
            w->interval ? "the intervals overlap" : "their times are the same", last);
    return;
  case CROSSOVER_FROM:
    fprintf(f, "%s %s %s from %lld on", w->a, w->beats, w->b, (long long)x->from);
    break;
  case CROSSOVER_UNTIL:
    fprintf(f, "%s %s %s only below %lld", w->a, w->beats, w->b, (long long)x->from);
    break;
  }
  write_evidence(f, w, x);
}
