// What the files of the onednn backend share. An op's file describes a problem to oneDNN: the
// primitive that computes it, and in which layouts it wants its operands. onednn_plan.c makes of
// that what a job launches: the primitive between the reorders, and one workspace cut up for them.
#ifndef WHY_ONEDNN_H
#define WHY_ONEDNN_H
#include "ops/ops.h"
#include "whycpu.h"
#include <dnnl.h>
#include <stdbool.h>

enum { ONEDNN_OPERANDS = 3, ONEDNN_NONE = -1 };

struct onednn_design {
  int operands;
  int argument[ONEDNN_OPERANDS];             // DNNL_ARG_SRC ...
  dnnl_memory_desc_t given[ONEDNN_OPERANDS]; // as the caller stores it
  uint32_t outputs;                          // bit i: operand i
  int once; // the operand that is reordered while preparing, not in each launch; ONEDNN_NONE
  dnnl_primitive_desc_t primitive;
};

// Fills all of a design. WHY_OK; WHY_LIBRARY, with words, where oneDNN has nothing but its
// reference loops for the case: they are up to a hundred times slower than what is known as oneDNN.
typedef enum why_reason onednn_describe(dnnl_engine_t, const struct why_problem *,
                                        const struct why_tensor *operand, struct onednn_design *,
                                        struct why_verdict *);
onednn_describe onednn_gemm, onednn_softmax, onednn_direct, onednn_winograd;

enum why_reason onednn_fail(struct why_verdict *, enum why_reason, const char *note);
// WHY_OK or what the status means; `lacking` says so where it is that oneDNN does not have it.
enum why_reason onednn_check(struct why_verdict *, dnnl_status_t, const char *lacking);
dnnl_data_type_t onednn_type(enum why_type);
// The description of an operand of two dims.
dnnl_status_t onednn_matrix(const struct why_tensor *, dnnl_memory_desc_t *);
// The primitive for an op's description, with the workspace in our hands, or NULL and the reason:
// `lacking` where oneDNN has none. `attributes` is NULL or what else is wanted of it.
enum why_reason onednn_primitive(dnnl_engine_t, const_dnnl_op_desc_t, dnnl_primitive_attr_t,
                                 const char *lacking, dnnl_primitive_desc_t *out,
                                 struct why_verdict *);
const char *onednn_implementation(dnnl_primitive_desc_t); // its name, such as "brgconv:avx512_core"

// A primitive is made for a number of threads and must run with as many: OpenMP's setting belongs
// to the calling thread, so that jobs of different threads do not meet.
void onednn_threads(int threads);

// Workspace in bytes for a problem on so many threads.
enum why_reason onednn_workspace(dnnl_engine_t, onednn_describe *, const struct why_problem *,
                                 int threads, uint64_t *bytes, struct why_verdict *);
// The two ends of a why_code; the plan is in call->plan. call->state is a dnnl_engine_t.
enum why_reason onednn_prepare(struct why_call *, onednn_describe *);
enum why_reason onednn_run(struct why_call *);
void onednn_release(struct why_call *);

#endif
