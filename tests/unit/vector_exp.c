// The exponential inside a vectorised softmax, for the test that measures it. Compiled once for
// each kernel: SOFTMAX_SOURCE is its file, EXP_NAME the function's name here.
#include SOFTMAX_SOURCE

// y[i] = e^x[i] for whole vectors of x[0, count); returns how many that were.
TARGET int64_t EXP_NAME(const float *x, float *y, int64_t count);
TARGET int64_t EXP_NAME(const float *x, float *y, int64_t count) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) vf_store(y + i, vf_exp(vf_load(x + i)));
  return i;
}
