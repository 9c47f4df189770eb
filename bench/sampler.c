// The measuring loop. See sampler.h.
#include "sampler.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  MOST_SAMPLES = 16384,
  LEAST_SAMPLES = 10,
  FEW_SAMPLES = 3, // where one takes over a second
  STRETCHES = 32,  // of consecutive samples
  LEAST_WARM = 6,  // samples that are looked at for whether it is warm
  MOST_WARM = 1000,
  RESOLUTIONS = 500 // that a sample is long, so that the clock's step is a fifth of a percent
};
static const int64_t most_batch = (int64_t)1 << 30;
// A shorter sample would measure the clock and the loop: reading CLOCK_MONOTONIC costs 25 to 50 ns.
static const double least_seconds = 20e-6, long_seconds = 1;
static const double least_share = 0.05; // of the time there is: what drifts within it is to be seen
static const double steady = 0.02;      // groups that differ by less have settled
static const double clocks_agree = 5e-3;      // relative; NTP slews by 5e-4 at most
static const double suspects_tolerated = 0.2; // of samples: one can be preempted between two clocks

enum why_reason sampler_open(struct sampler *s) {
  *s = (struct sampler){.stop = ""};
  s->sample = malloc(sizeof *s->sample * MOST_SAMPLES);
  s->scratch = malloc(sizeof *s->scratch * MOST_SAMPLES);
  if (s->sample && s->scratch) return WHY_OK;
  sampler_close(s);
  return WHY_ALLOC_FAILED;
}

void sampler_close(struct sampler *s) {
  free(s->sample);
  free(s->scratch);
  *s = (struct sampler){.stop = ""};
}

static bool given_up(struct sampler *s) {
  if (s->stopped && s->stopped()) s->given_up = true;
  return s->given_up;
}

// ---- the clock ----------------------------------------------------------------------------------

static void refuse_clock(struct sampler *s) {
  s->stop = "clock";
}

static double now(struct sampler *s) {
  double at = s->timer.now(s->timer.state);
  if (!(at >= s->last)) refuse_clock(s);
  return s->last = at;
}

static double least_sample(const struct sampler *s) {
  return fmax(least_seconds, RESOLUTIONS * s->resolution);
}

// So that a batch takes `need` seconds, where it took `took`. False: there is no such batch.
static bool grow(struct sampler *s, double took) {
  double need = 1.2 * least_sample(s), factor = took > 0 ? ceil(need / took) : 8;
  int64_t most = s->subject.most ? s->subject.most : most_batch;
  if (factor > 1000) factor = 1000; // what took so short may have been the clock's step
  if (factor < 2) factor = 2;
  if (s->batch == most) return false;
  s->batch = (double)s->batch * factor < (double)most ? s->batch * (int64_t)factor : most;
  return true;
}

// ---- a sample -----------------------------------------------------------------------------------

// One batch. *took: its seconds; *whole: those before and after it too.
static enum why_reason take(struct sampler *s, struct sample *sample, double *took, double *whole) {
  const struct subject *subject = &s->subject;
  const struct watcher *w = &s->watcher;
  bool two = s->timer.second;
  double sum[PARTS] = {0}, began = now(s), other = 0;
  enum why_reason reason = subject->ready ? subject->ready(subject->to, s->batch) : WHY_OK;
  if (reason) return reason;
  if (w->before) w->before(w->to);
  if (two) other = s->timer.second(s->timer.state);
  double start = now(s);
  reason = subject->run(subject->to, s->batch, sum);
  *took = now(s) - start;
  if (two) other = s->timer.second(s->timer.state) - other;
  if (reason) return reason;
  sample->marks = w->after ? w->after(w->to, *took) : 0;
  sum[PART_TOTAL] = *took;
  for (int part = 0; part < PARTS; part++) sample->seconds[part] = sum[part] / (double)s->batch;
  if (subject->refine) reason = subject->refine(subject->to, sample->seconds);
  // The other clock was read around this one: it may have seen more by some readings.
  if (two && fabs(other - *took) > clocks_agree * other + 20 * s->resolution) s->suspect++;
  *whole = now(s) - began;
  return reason;
}

// ---- warming up ---------------------------------------------------------------------------------

static double fastest(const double *seconds, int n) {
  double least = INFINITY;
  for (int i = 0; i < n; i++) least = fmin(least, seconds[i]);
  return least;
}

// Of the later half of what there is, or the last six: is the fastest of its first half that of its
// second? What settles slowly is looked at over a longer time, the longer it takes.
static bool settled(const double *seconds, int n) {
  int group = n / 4 > LEAST_WARM / 2 ? n / 4 : LEAST_WARM / 2;
  if (n < LEAST_WARM) return false;
  double before = fastest(seconds + n - (ptrdiff_t)2 * group, group);
  return fabs(fastest(seconds + n - group, group) / before - 1) < steady;
}

// Finds the batch, and goes on until samples no longer become faster or slower.
static enum why_reason warm_up(struct sampler *s) {
  double spent = 0, took = 0, whole = 0, *seconds = s->scratch;
  int n = 0;
  for (int i = 0; i < MOST_WARM && !given_up(s); i++) {
    struct sample sample;
    enum why_reason reason = take(s, &sample, &took, &whole);
    if (reason || *s->stop) return reason;
    spent += whole;
    if (took < least_sample(s)) {
      if ((took <= 0 && !timer_moves(&s->timer)) || !grow(s, took)) refuse_clock(s);
      if (*s->stop) return WHY_OK;
      n = 0;
      continue;
    }
    seconds[n++] = sample.seconds[PART_TOTAL];
    if (spent > s->rules.seconds / 4 || settled(seconds, n)) break;
  }
  s->least = took > long_seconds ? FEW_SAMPLES : LEAST_SAMPLES;
  return WHY_OK;
}

// Sampling begins, or begins anew.
static void restart(struct sampler *s) {
  s->samples = s->window = s->owed = s->suspect = 0;
  s->replaced = false;
  s->next_look = s->least;
  if (s->watcher.begin) s->watcher.begin(s->watcher.to);
}

enum why_reason sampler_begin(struct sampler *s) {
  s->stop = "";
  s->batch = 1;
  s->given_up = false;
  s->spent = 0;
  s->last = -INFINITY;
  if (s->resolution == 0) s->resolution = timer_resolution(&s->timer);
  if (isnan(s->resolution) || RESOLUTIONS * s->resolution > s->rules.seconds) {
    refuse_clock(s);
    return WHY_OK;
  }
  enum why_reason reason = warm_up(s);
  restart(s);
  return reason;
}

// ---- sampling -----------------------------------------------------------------------------------

// One part of the samples that count, in the order in which they were taken.
static int gather(const struct sampler *s, enum sample_part part, bool all) {
  int n = 0;
  for (int i = 0; i < s->samples; i++)
    if (all || !s->sample[i].marks) s->scratch[n++] = s->sample[i].seconds[part];
  return n;
}

static double median_of_part(const struct sampler *s, enum sample_part part, bool all) {
  int n = gather(s, part, all);
  for (int i = 0; i < n; i++)
    if (isnan(s->scratch[i])) return NAN;
  sort_rising(s->scratch, n);
  return median_of(s->scratch, n);
}

static int disturbed(const struct sampler *s) {
  int n = 0;
  for (int i = 0; i < s->samples; i++) n += s->sample[i].marks != 0;
  return n;
}

// Noise of a machine comes in spells, and samples within one tell the same thing many times over.
// So the medians of stretches of consecutive samples are looked at too, as if they were samples:
// they differ more than so many independent ones would where there are such spells (the method of
// batch means: Law and Kelton, Simulation Modeling and Analysis, 9.5.3).
static void widen_by_stretches(double *values, int n, double *low, double *high) {
  double median[STRETCHES];
  int rank = median_rank(STRETCHES);
  if (n < 2 * STRETCHES) return;
  for (int i = 0; i < STRETCHES; i++) {
    int first = i * n / STRETCHES, after = (i + 1) * n / STRETCHES;
    sort_rising(values + first, after - first);
    median[i] = median_of(values + first, after - first);
  }
  sort_rising(median, STRETCHES);
  *low = median[rank - 1];
  *high = median[STRETCHES - rank];
}

// Of the total alone: what has to be known at each look.
static struct sampled of_total(const struct sampler *s) {
  struct sampled out = {.samples = s->samples, .disturbed = disturbed(s)};
  out.on_all = s->samples - out.disturbed < s->least;
  out.ci_low = INFINITY;
  out.ci_high = -INFINITY;
  int n = gather(s, PART_TOTAL, out.on_all), rank = median_rank(n);
  widen_by_stretches(s->scratch, n, &out.ci_low, &out.ci_high);
  sort_rising(s->scratch, n);
  out.median = median_of(s->scratch, n);
  out.min = s->scratch[0];
  out.p95 = percentile_of(s->scratch, n, 0.95);
  // The clock may have been off by a step in all of them alike.
  double step = s->resolution / (double)s->batch;
  out.ci_low = rank ? fmax(out.min, fmin(out.ci_low, s->scratch[rank - 1]) - step) : NAN;
  out.ci_high = rank ? fmax(out.ci_high, s->scratch[n - rank]) + step : NAN;
  out.half_width = (out.ci_high - out.ci_low) / 2 / out.median;
  return out;
}

void sampler_result(const struct sampler *s, struct sampled *out) {
  bool none = s->given_up || !s->samples || !strcmp(s->stop, "clock");
  *out = (struct sampled){.median = NAN, .min = NAN, .p95 = NAN, .ci_low = NAN, .ci_high = NAN};
  out->half_width = NAN;
  if (!none) *out = of_total(s);
  for (int part = 0; part < PARTS; part++)
    out->part[part] = none ? NAN : median_of_part(s, (enum sample_part)part, out->on_all);
}

// Why it could stop here; "": it cannot.
static const char *verdict(const struct sampler *s) {
  if (s->samples < s->least) return "";
  if (s->suspect > suspects_tolerated * s->samples) return "clock";
  bool long_enough = s->spent >= least_share * s->rules.seconds;
  if (long_enough && of_total(s).half_width <= s->rules.precision) return "precision"; // not if NAN
  if (s->spent >= s->rules.seconds) return "time";
  return s->samples == MOST_SAMPLES ? "count" : "";
}

static void judge(struct sampler *s, bool last) {
  uint32_t marks;
  if (!s->watcher.look || !s->watcher.look(s->watcher.to, last, &marks)) return;
  for (; s->window < s->samples; s->window++) s->sample[s->window].marks |= marks;
}

// When there are enough samples, or no time: stops, or asks for disturbed ones to be taken again.
static void decide(struct sampler *s) {
  const char *stop = verdict(s);
  if (!*stop) return;
  judge(s, true);
  if (!*(stop = verdict(s))) return;
  int again = disturbed(s);
  if (s->replaced || !again || !strcmp(stop, "clock") || s->spent >= 2 * s->rules.seconds) {
    s->stop = stop;
    return;
  }
  s->replaced = true;
  s->owed = again < MOST_SAMPLES - s->samples ? again : MOST_SAMPLES - s->samples;
  if (!s->owed) s->stop = stop;
}

enum why_reason sampler_step(struct sampler *s) {
  double took, whole;
  struct sample *sample = &s->sample[s->samples];
  enum why_reason reason = take(s, sample, &took, &whole);
  if (reason || *s->stop) return reason;
  s->spent += whole;
  if (took < least_sample(s) / 2) { // it is faster than it was when it warmed up
    if ((took <= 0 && !timer_moves(&s->timer)) || !grow(s, took)) refuse_clock(s);
    restart(s);
    return WHY_OK;
  }
  s->samples++;
  judge(s, false);
  if (s->owed) {
    s->owed--;
    if (s->owed && s->spent < 2 * s->rules.seconds) return WHY_OK;
    s->owed = 0;
  } else if (s->samples < s->next_look && s->spent < s->rules.seconds) {
    return WHY_OK;
  }
  s->next_look = s->samples + (s->samples + 7) / 8;
  if (s->next_look > MOST_SAMPLES) s->next_look = MOST_SAMPLES;
  decide(s);
  return WHY_OK;
}

enum why_reason sampler_run(struct sampler *s) {
  enum why_reason reason = sampler_begin(s);
  while (!reason && !*s->stop && !given_up(s)) reason = sampler_step(s);
  return reason;
}
