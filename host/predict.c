// What a candidate would take: its calls by the cost model, and the copies between host and device,
// each latency + bytes / bandwidth of the link. Leaves out parts that overlap (parts.c).
#include "decide.h"
#include <math.h>

static double link(double latency, double bytes, double bps) {
  if (bytes == 0) return 0;
  return bps > 0 ? latency + bytes / bps : NAN;
}

static void terms_of(const struct why_machine *m, int device, const struct why_kernel *k,
                     const struct why_work *work, int threads, enum why_cache cache,
                     const struct why_cost *cost, struct why_terms *out) {
  const struct why_facts *f = why_model_facts(m, device);
  double share = f->host ? why_share_of_cores(f->multiprocessors, k->threads, threads) : 1;
  why_cost_terms(f, k, work, cost, share, cache, out);
}

void why_predict_terms(const struct why_machine *m, int device, const struct why_kernel *k,
                       const struct why_problem *p, int threads, enum why_cache cache,
                       const struct why_cost *cost, struct why_terms *out) {
  struct why_work work;
  why_work_of(p, &work);
  terms_of(m, device, k, &work, threads, cache, cost, out);
}

void why_predict_prior(const struct why_machine *m, int device, const struct why_kernel *k,
                       const struct why_problem *p, int threads, struct why_cost *out) {
  why_cost_prior(why_model_facts(m, device), k, p, threads, out);
}

void why_predict(const struct why_machine *m, const struct why_case *cs, struct why_candidate *c) {
  const struct why_request *r = cs->request;
  const struct why_facts *f = why_model_facts(m, c->device);
  struct why_cost cost;
  c->copy_in_seconds = c->work_seconds = c->copy_out_seconds = c->seconds = NAN;
  why_cost_of(m, c->device, c->kernel, &r->problem, r->threads, &cost, &c->fit);
  terms_of(m, c->device, c->kernel, &cs->work, r->threads, r->cache, &cost, &c->terms);
  double n = (double)r->iterations, work = why_terms_seconds(&c->terms), in = 0, out = 0;
  if (isnan(work)) return;
  if (!f->host) {
    in = link(f->latency_seconds, cs->in_bytes, f->in_bps);
    out = link(f->latency_seconds, cs->out_bytes, f->out_bps);
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
