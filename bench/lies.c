// The arithmetic of the distortions; how the subject is run is lies_job.c's.
#include "lies.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// The way that is claimed; LIES_HONEST: made of its samples.
static const struct {
  const char *name;
  enum lies_way way;
  const char *help;
} row[LIES] = {
    // clang-format off
    [LIE_AGAIN]        = {"again",        LIES_AGAIN,  "nothing: the same once more, so what noise alone makes here"},
    [LIE_ZEROS]        = {"zeros",        LIES_ZEROS,  "operands of zeros, which take less power, and on some chips less time"},
    [LIE_HOT]          = {"hot",          LIES_WARM,   "the same operands again and again, which the caches then hold"},
    [LIE_CALL_ALONE]   = {"call-alone",   LIES_CALL,   "the call alone: handing over (copies, the library's plan and layouts) left out"},
    [LIE_DEVICE_CLOCK] = {"device-clock", LIES_DEVICE, "the call by the device's clock: launching it left out"},
    [LIE_PADDED]       = {"padded",       LIES_PADDED, "dims rounded up to what the kernel likes, and the padding's operations counted"},
    [LIE_MINIMUM]      = {"minimum",      LIES_HONEST, "the fastest run of all instead of the median"},
    [LIE_FIRST_CALL]   = {"first-call",   LIES_FIRST,  "the mean of ten runs, the first one among them"},
    [LIE_BASELINE]     = {"baseline",     LIES_NAIVE,  "as the CPU's side, plain loops on one thread"},
    // clang-format on
};

const char *lie_name(enum lie lie) {
  return row[lie].name;
}

const char *lie_help(enum lie lie) {
  return row[lie].help;
}

struct rounds {
  int count;
  double seconds[LIES_WAYS][LIES_ROUNDS_MOST];
  double sorted[LIES_ROUNDS_MOST]; // of what was sorted last
};

struct estimate {
  double median, low, high;
};
static struct estimate estimate(struct rounds *r, const double *sample) {
  memcpy(r->sorted, sample, (size_t)r->count * sizeof *sample);
  sort_rising(r->sorted, r->count);
  int rank = median_rank(r->count);
  return (struct estimate){median_of(r->sorted, r->count), rank ? r->sorted[rank - 1] : NAN,
                           rank ? r->sorted[r->count - rank] : NAN};
}

// The mean of a first run and of the nine honest ones from this round on, around and around.
static double mean_with_first(const struct rounds *r, int round) {
  double sum = r->seconds[LIES_FIRST][round];
  for (int i = 1; i < LIES_MEAN_OF; i++) sum += r->seconds[LIES_HONEST][(round + i) % r->count];
  return sum / LIES_MEAN_OF;
}

// One number, claimed of all rounds.
static struct lie_result minimum(struct rounds *r) {
  struct estimate e = estimate(r, r->seconds[LIES_HONEST]);
  double least = r->sorted[0];
  return (struct lie_result){true,          e.median,      least, e.median / least,
                             e.low / least, e.high / least};
}

static struct lie_result evaluate(const struct lies_subject *s, struct rounds *r, enum lie lie) {
  double claimed[LIES_ROUNDS_MOST], ratio[LIES_ROUNDS_MOST];
  if (s->cannot[lie]) return (struct lie_result){false, NAN, NAN, NAN, NAN, NAN};
  if (lie == LIE_MINIMUM) return minimum(r);
  const double *honest = r->seconds[s->honest[lie]];
  for (int i = 0; i < r->count; i++) {
    claimed[i] = lie == LIE_FIRST_CALL ? mean_with_first(r, i) : r->seconds[row[lie].way][i];
    ratio[i] = honest[i] / claimed[i];
    if (lie == LIE_PADDED) ratio[i] *= s->padded_flops / s->flops; // as operations a second
    if (lie == LIE_BASELINE) ratio[i] = 1 / ratio[i];
  }
  struct estimate all = estimate(r, ratio);
  return (struct lie_result){
      true, estimate(r, honest).median, estimate(r, claimed).median, all.median, all.low, all.high};
}

static bool close_enough(const struct lies *out, double precision) {
  if (!((out->high - out->low) / 2 <= precision * out->seconds)) return false;
  for (int i = 0; i < LIES; i++) {
    const struct lie_result *l = &out->lie[i];
    if (l->shown && !((l->high - l->low) / 2 <= precision * l->ratio)) return false;
  }
  return true;
}

static void sum_up(const struct lies_subject *s, struct rounds *r, struct lies *out) {
  struct estimate honest = estimate(r, r->seconds[LIES_HONEST]);
  out->rounds = r->count;
  out->seconds = honest.median;
  out->low = honest.low;
  out->high = honest.high;
  for (int i = 0; i < LIES; i++) out->lie[i] = evaluate(s, r, (enum lie)i);
}

// A new order in every round, so that none always runs after the same other one.
static void shuffle(int order[LIES_WAYS], uint64_t *state) {
  for (int i = 0; i < LIES_WAYS; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    int at = (int)((*state >> 33) % (uint64_t)(i + 1));
    order[i] = order[at];
    order[at] = i;
  }
}

enum why_reason lies_measure(const struct lies_subject *s, const struct lies_rules *rules,
                             struct lies *out) {
  bool wanted[LIES_WAYS] = {[LIES_HONEST] = true};
  for (int i = 0; i < LIES; i++)
    if (!s->cannot[i]) wanted[row[i].way] = wanted[s->honest[i]] = true;
  struct rounds *r = calloc(1, sizeof *r);
  if (!r) return WHY_ALLOC_FAILED;
  enum why_reason reason = WHY_OK;
  double ignored, start = rules->now();
  for (int way = 0; way < LIES_WAYS && !reason; way++) // each once before it counts
    if (wanted[way]) reason = s->time(s->data, (enum lies_way)way, &ignored);
  uint64_t state = 1;
  while (!reason && r->count < LIES_ROUNDS_MOST) {
    int order[LIES_WAYS];
    shuffle(order, &state);
    for (int i = 0; i < LIES_WAYS && !reason; i++) {
      int way = order[i];
      if (wanted[way]) reason = s->time(s->data, (enum lies_way)way, &r->seconds[way][r->count]);
    }
    if (reason) break;
    r->count++;
    if (r->count < LIES_ROUNDS_LEAST) continue;
    sum_up(s, r, out);
    if (rules->now() - start > rules->seconds) break;
    if (r->count >= LIES_ROUNDS_ENOUGH && close_enough(out, rules->precision)) break;
  }
  free(r);
  return reason;
}

const char *lie_verdict(const struct lie_result *l) {
  if (!l->shown) return "";
  if (l->low > 1) return "flatters";
  return l->high < 1 ? "belittles" : "no difference"; // without an interval: none is known
}
