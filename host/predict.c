// What a candidate would take: a roofline with transfers, scaled by the kernel's prior.
//
// work = launch + max(flops / rate, bytes / bandwidth) / efficiency; a transfer = latency + bytes /
// bandwidth of the link. Left out: caches, occupancy, tails, overlap.
#include "machine.h"
#include <math.h>

// The rate for the problem's arithmetic. Without matrix units, of the kernel or of the device,
// 16-bit types are computed in f32.
double why_rate(const struct why_facts *f, const struct why_kernel *k,
                const struct why_problem *p) {
  enum why_math math = why_math_of(p->type);
  if (math <= WHY_MATH_F32) return f->flops[math];
  double units = k->matrix_units * f->flops[math];
  return units > 0 ? units : f->flops[WHY_MATH_F32];
}

// Figures are those of all cores; a kernel may use fewer, and be given fewer. 0: no limit.
double why_share_of_cores(int cores, int used, int given) {
  int threads = cores;
  if (used && used < threads) threads = used;
  if (given && given < threads) threads = given;
  return cores > 0 ? (double)threads / cores : 1;
}

static double link(double latency, double bytes, double bps) {
  if (bytes == 0) return 0;
  return bps > 0 ? latency + bytes / bps : NAN;
}

void why_predict(const struct why_facts *facts, const struct why_request *r,
                 const struct why_traffic *t, struct why_candidate *c) {
  double flops = why_rate(facts, c->kernel, &r->problem), bandwidth = facts->memory_bps;
  c->copy_in_seconds = c->work_seconds = c->copy_out_seconds = c->seconds = NAN;
  if (!(flops > 0) || !(bandwidth > 0)) return;
  if (facts->host)
    flops *= why_share_of_cores(facts->multiprocessors, c->kernel->threads, r->threads);
  double roof = fmax(t->flops / flops, t->least_bytes / bandwidth);
  double n = (double)r->iterations;
  double work = facts->launch_seconds + roof / c->kernel->efficiency;
  double in = 0, out = 0;
  if (!facts->host) {
    in = link(facts->latency_seconds, t->in_bytes, facts->in_bps);
    out = link(facts->latency_seconds, t->out_bytes, facts->out_bps);
  }
  if (r->transfer == WHY_ALWAYS) {
    in *= n;
    out *= n;
  }
  c->copy_in_seconds = in;
  c->work_seconds = n * work;
  c->copy_out_seconds = out;
  c->seconds = in + n * work + out;
}
