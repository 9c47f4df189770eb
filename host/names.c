// The words for each value of the enums: the tables behind text, CSV and JSON.
#include "whycpu.h"

static const struct {
  const char *name, *unit, *sentence;
} reasons[] = {
#define X(name, unit, sentence) {#name, unit, sentence},
#include "reasons.def"
#undef X
};

static const struct {
  const char *name;
  size_t bytes;
  enum why_math math;
} types[WHY_TYPE_COUNT] = {
    [WHY_F64] = {"f64", 8, WHY_MATH_F64},
    [WHY_F32] = {"f32", 4, WHY_MATH_F32},
    [WHY_F16] = {"f16", 2, WHY_MATH_F16},
    [WHY_BF16] = {"bf16", 2, WHY_MATH_BF16},
};

static const char *const maths[WHY_MATH_COUNT] = {"f64", "f32", "f16", "bf16"};
static const char *const policies[WHY_POLICY_COUNT] = {"auto", "gpu-first", "gpu-only", "cpu-only"};
static const char *const plans[WHY_PLAN_COUNT] = {"resident", "streamed", "on-host"};
static const char *const transfers[WHY_TRANSFER_COUNT] = {"once", "always", "unified"};
static const char *const submits[WHY_SUBMIT_COUNT] = {"calls", "graph"};
static const char *const caches[WHY_CACHE_COUNT] = {"hot", "cold"};

const char *why_name(enum why_reason r) {
  return reasons[r].name;
}
const char *why_unit(enum why_reason r) {
  return reasons[r].unit;
}
const char *why_sentence(enum why_reason r) {
  return reasons[r].sentence;
}
int why_could_run(enum why_reason r) {
  return r == WHY_OK || r == WHY_POLICY || r == WHY_UNRANKED || r == WHY_SLOWER;
}
size_t why_type_bytes(enum why_type t) {
  return types[t].bytes;
}
const char *why_type_name(enum why_type t) {
  return types[t].name;
}
enum why_math why_math_of(enum why_type t) {
  return types[t].math;
}
const char *why_math_name(enum why_math m) {
  return maths[m];
}
const char *why_policy_name(enum why_policy p) {
  return policies[p];
}
const char *why_plan_name(enum why_plan p) {
  return plans[p];
}
const char *why_transfer_name(enum why_transfer t) {
  return transfers[t];
}
const char *why_submit_name(enum why_submit s) {
  return submits[s];
}
const char *why_cache_name(enum why_cache c) {
  return caches[c];
}
