// See fit.h. MINPACK's Levenberg-Marquardt (cminpack) does the minimising.
#include "fit.h"
#include "statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct why_cost fit_unit = {.launch_seconds = 1,
                                  .rate = 1,
                                  .distance = 1,
                                  .passes = {1, 1, 1, 1, 1, 1, 1, 1},
                                  .loop_seconds = {1, 1, 1},
                                  .edge_seconds = 1,
                                  .aliased_passes = 1,
                                  .far_passes = 1};
_Static_assert(WHY_OPERANDS == 8 && WHY_LOOPS == 3, "as many passes and loops");

double fit_seconds(const struct fit_point *p, const struct why_cost *c) {
  double arithmetic = p->unit.arithmetic / c->rate, traffic = 0;
  double sum = c->launch_seconds + p->unit.edges * c->edge_seconds +
               p->unit.aliased * c->aliased_passes + p->unit.far * c->far_passes;
  for (int i = 0; i < WHY_OPERANDS; i++) traffic += p->unit.traffic[i] * c->passes[i];
  for (int i = 0; i < WHY_LOOPS; i++) sum += p->unit.loop[i] * c->loop_seconds[i];
  return sum + arithmetic + traffic - c->hidden * fmin(arithmetic, traffic);
}

#ifdef WHY_HAVE_MINPACK
#include <cminpack.h>

const bool fit_possible = true;

enum {
  LAUNCH,
  RATE,
  HIDDEN,
  EDGE,
  ALIASED,
  FAR,
  LOOP,
  PASS = LOOP + WHY_LOOPS,
  PARAMS = PASS + WHY_OPERANDS
};
enum { ROUNDS = 6 };
// In logarithms: what measuring and the model's form are taken to leave, and how far the prior is
// taken to be off; what has none is taken to be some nanoseconds, or a twentieth of a pass.
static const double POINT_OFF = 0.1, PRIOR_OFF = 1.5, LAUNCH_OFF = 0.8;
static const double LOOP_OFF = 3, LOOP_SECONDS = 5e-10, FURTHER_OFF = 1.5, FURTHER_PASSES = 0.05;

struct problem {
  const struct fit_point *point;
  double *weight; // of each point
  int points, params;
  const double *prior; // its parameters
};

// Parameters are logarithms, so that no cost is negative; `hidden` is a logistic one.
static void to_params(const struct why_cost *c, double *x) {
  double hidden = fmin(fmax(c->hidden, 0.1), 0.9);
  x[LAUNCH] = log(fmax(c->launch_seconds, 1e-9));
  x[RATE] = log(c->rate);
  x[HIDDEN] = log(hidden / (1 - hidden));
  x[EDGE] = log(LOOP_SECONDS);
  x[ALIASED] = x[FAR] = log(FURTHER_PASSES);
  for (int i = 0; i < WHY_LOOPS; i++) x[LOOP + i] = log(LOOP_SECONDS);
  for (int i = 0; i < WHY_OPERANDS; i++) x[PASS + i] = log(fmax(c->passes[i], 1e-3));
}

static void from_params(const double *x, struct why_cost *c) {
  *c = (struct why_cost){.launch_seconds = exp(x[LAUNCH]),
                         .rate = exp(x[RATE]),
                         .distance = 1,
                         .hidden = 1 / (1 + exp(-x[HIDDEN])),
                         .edge_seconds = exp(x[EDGE]),
                         .aliased_passes = exp(x[ALIASED]),
                         .far_passes = exp(x[FAR])};
  for (int i = 0; i < WHY_LOOPS; i++) c->loop_seconds[i] = exp(x[LOOP + i]);
  for (int i = 0; i < WHY_OPERANDS; i++) c->passes[i] = exp(x[PASS + i]);
}

static double off(const struct problem *p, int point, const struct why_cost *c) {
  return log(fit_seconds(&p->point[point], c) / p->point[point].seconds);
}

static double param_off(int param) {
  if (param == LAUNCH) return LAUNCH_OFF;
  if (param == ALIASED || param == FAR) return FURTHER_OFF;
  return param >= EDGE && param < PASS ? LOOP_OFF : PRIOR_OFF;
}

static int residuals(void *data, int m, int n, const double *x, double *out, int flag) {
  const struct problem *p = data;
  struct why_cost cost;
  (void)m;
  (void)flag;
  from_params(x, &cost);
  for (int i = 0; i < p->points; i++) {
    double residual = p->weight[i] * off(p, i, &cost) / POINT_OFF;
    out[i] = isfinite(residual) ? residual : 1e6;
  }
  for (int i = 0; i < n; i++) out[p->points + i] = (x[i] - p->prior[i]) / param_off(i);
  return 0;
}

// Points that are far off count less, by Huber's weights.
static void weigh(struct problem *p, const double *x) {
  struct why_cost cost;
  from_params(x, &cost);
  for (int i = 0; i < p->points; i++) {
    double far = fabs(off(p, i, &cost)) / POINT_OFF;
    p->weight[i] = far > 1 ? 1 / sqrt(far) : 1;
  }
}

static bool minimise(struct problem *p, int params, double *x) {
  int m = p->points + params, work = m * params + 5 * params + m, pivots[PARAMS];
  double *out = malloc(sizeof *out * (size_t)(m + work));
  for (int round = 0; out && round < ROUNDS; round++) {
    lmdif1(residuals, p, m, params, x, out, 1e-8, pivots, out + m, work);
    weigh(p, x);
  }
  free(out);
  return out != NULL;
}

// The sum that is minimised, once more: what points and parameters are off by, the former at most
// as Huber counts it.
static double misfit(const struct problem *p, const struct why_cost *cost, const double *x) {
  double sum = 0;
  for (int i = 0; i < p->points; i++) {
    double far = fabs(off(p, i, cost)) / POINT_OFF;
    sum += far > 1 ? 2 * far - 1 : far * far;
  }
  for (int i = 0; i < p->params; i++) {
    double far = (x[i] - p->prior[i]) / param_off(i);
    sum += far * far;
  }
  return sum;
}

static double median_error(const struct problem *p, const struct why_cost *cost) {
  for (int i = 0; i < p->points; i++) p->weight[i] = fabs(exp(off(p, i, cost)) - 1);
  sort_rising(p->weight, p->points);
  return p->weight[p->points / 2];
}

// What no point has costs nothing.
static void drop(const struct problem *p, struct why_cost *c) {
  bool edges = false, aliased = false, far = false, loop[WHY_LOOPS] = {false},
       pass[WHY_OPERANDS] = {false};
  for (int i = 0; i < p->points; i++) {
    const struct why_terms *unit = &p->point[i].unit;
    edges |= unit->edges > 0;
    aliased |= unit->aliased > 0;
    far |= unit->far > 0;
    for (int k = 0; k < WHY_LOOPS; k++) loop[k] |= unit->loop[k] > 0;
    for (int k = 0; k < WHY_OPERANDS; k++) pass[k] |= unit->traffic[k] > 0;
  }
  if (!edges) c->edge_seconds = 0;
  if (!aliased) c->aliased_passes = 0;
  if (!far) c->far_passes = 0;
  for (int k = 0; k < WHY_LOOPS; k++) c->loop_seconds[k] *= loop[k];
  for (int k = 0; k < WHY_OPERANDS; k++) c->passes[k] *= pass[k];
}

bool fit_costs(const struct fit_point *point, int points, const struct why_cost *prior,
               struct why_cost *out, double *error, double *missed) {
  double x[PARAMS], start[PARAMS];
  if (points < 1 || !(prior->rate > 0)) return false;
  to_params(prior, start);
  memcpy(x, start, sizeof x);
  struct problem p = {point, malloc(sizeof(double) * (size_t)points), points, PARAMS, start};
  for (int i = 0; p.weight && i < points; i++) p.weight[i] = 1;
  bool fitted = p.weight && minimise(&p, PARAMS, x);
  if (fitted) {
    from_params(x, out);
    drop(&p, out);
    *missed = misfit(&p, out, x);
    *error = median_error(&p, out);
  }
  free(p.weight);
  return fitted;
}
#else
const bool fit_possible = false;

bool fit_costs(const struct fit_point *point, int points, const struct why_cost *prior,
               struct why_cost *out, double *error, double *missed) {
  (void)point, (void)points, (void)prior, (void)out, (void)error, (void)missed;
  return false;
}
#endif
