// How tests steer the fake libcudnn: through dlsym, or linked.
#ifndef WHY_FAKE_CUDNN_H
#define WHY_FAKE_CUDNN_H
#include <cudnn_ops.h>

void fake_cudnn_reset(void);                   // no faults, all engines, counts at 0
void fake_cudnn_fail(long nth, cudnnStatus_t); // the nth call from now fails, once; 0: none
long fake_cudnn_calls(void);                   // that could fail, since the reset
void fake_cudnn_offer(unsigned engines);       // bit 1 << engine: those that heuristics propose
void fake_cudnn_repeat(int times);             // each of them is proposed so often in a row
void fake_cudnn_refuse(int type);              // a cudnnDataType_t not supported; -1: none
int fake_cudnn_alive(void);                    // handles and descriptors made and not destroyed
long fake_cudnn_misuses(void);                 // calls that broke the interface's rules
double fake_cudnn_clock(void); // seconds that all convolutions pretend to have taken
void fake_cudnn_cost(int engine, double seconds); // what a convolution with it pretends to take
long fake_cudnn_runs(int engine);                 // convolutions with it since the reset
int fake_cudnn_last(void);                        // engine of the last convolution; -1
long fake_cudnn_softmaxes(cudnnSoftmaxMode_t);    // since the reset
void fake_cudnn_cudart(size_t version);           // what it says it was built with; 0 after a reset
// Tells live device memory; NULL: the emulated plug-in's emu_contains, where one is loaded.
void fake_cudnn_memory(int (*contains)(const void *, size_t));

enum {                  // engines, in the order in which mode A proposes them
  ENGINE_UNFINALISED,   // its plan is refused when it is finalised
  ENGINE_FAILS_AT_RUN,  // 4 KiB of workspace; cudnnBackendExecute refuses it
  ENGINE_TENSOR_CORE,   // noted to use tensor cores: tf32 for f32
  ENGINE_DOWN_CONVERTS, // noted to convert its inputs
  ENGINE_REDUCED,       // noted to reduce in lower precision
  ENGINE_WORKSPACE,     // 64 KiB, which it fills; noted to use Winograd's algorithm
  ENGINE_GREEDY,        // 64 MiB
  ENGINE_PLAIN,         // no workspace; mode FALLBACK proposes it, and mode A does not
  ENGINES
};
#define ALL_ENGINES ((1u << ENGINES) - 1)
enum { ENGINE_NUMBER = 40 }; // of the first, as the library numbers engines
#endif
