#include "law.h"
#include <math.h>

static double rate_or_nan(double amount, double rate) {
  return rate > 0 ? amount / rate : NAN;
}

struct law law_of(const struct why_problem *p, const struct why_facts *f, uint64_t device_bytes) {
  double in = 0, out = 0;
  uint64_t has = f->free_bytes ? f->free_bytes : f->memory_bytes;
  if (has && has < device_bytes) device_bytes = has;
  for (int i = 0; i < p->op->operands; i++) {
    struct why_tensor t;
    p->op->shape(p, i, &t);
    double bytes = (double)why_tensor_elements(&t) * (double)why_type_bytes(t.type);
    enum why_role role = p->op->role(p, i);
    if (role & WHY_IN) in += bytes;
    if (role & WHY_OUT) out += bytes;
  }
  if (p->op->least_copied) in = p->op->least_copied(p, (double)device_bytes);
  struct law law = {rate_or_nan(in, f->in_bps),
                    rate_or_nan(p->op->flops(p), f->flops[why_math_of(p->type)]),
                    rate_or_nan(out, f->out_bps), NAN};
  if (!isnan(law.in) && !isnan(law.work) && !isnan(law.out))
    law.all = fmax(fmax(law.in, law.out), law.work);
  return law;
}

const char *law_bound_by(const struct law *law) {
  if (isnan(law->all)) return "";
  return law->work >= law->all ? "compute" : "transfer";
}
