// How tests steer the fake libcublasLt: through dlsym, or through the environment where the whole
// program runs (FAKE_CUBLASLT_FAIL=n, FAKE_CUBLASLT_OFFER=n, FAKE_CUBLASLT_REFUSE=f64|f32|f16|bf16,
// read when it is loaded).
#ifndef WHY_FAKE_CUBLASLT_H
#define WHY_FAKE_CUBLASLT_H
#include <cublasLt.h>

void fake_cublaslt_reset(void);                    // no faults, all candidates, counts at 0
void fake_cublaslt_fail(long nth, cublasStatus_t); // the nth call from now fails, once; 0: none
long fake_cublaslt_calls(void);                    // that could fail, since the reset
void fake_cublaslt_offer(int candidates);          // at most so many from a heuristic; 0: none
void fake_cublaslt_refuse(int type);               // a cudaDataType_t not supported; -1: none
int fake_cublaslt_handles(void);                   // created and not destroyed
long fake_cublaslt_misuses(void);                  // calls that broke the interface's rules
double fake_cublaslt_clock(void); // seconds that all products pretend to have taken
void fake_cublaslt_cost(int candidate, double seconds); // what a product with it pretends to take
long fake_cublaslt_runs(int candidate);                 // products with it since the reset
int fake_cublaslt_last(void); // candidate that the last product ran with; -1
// Tells live device memory; NULL: the emulated plug-in's emu_contains, where one is loaded.
void fake_cublaslt_memory(int (*contains)(const void *, size_t));

enum {               // candidates, in the order in which they are proposed
  FAKE_FAILS_AT_RUN, // 4 KiB of workspace; cublasLtMatmul refuses it
  FAKE_UNAVAILABLE,  // its `state` is an error
  FAKE_WORKSPACE,    // 64 KiB, which it fills
  FAKE_PLAIN,        // no workspace
  FAKE_GREEDY,       // 64 MiB, which it fills
  FAKE_CANDIDATES
};
#endif
