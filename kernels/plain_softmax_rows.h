// The vectorised softmax, written once and compiled for each instruction set. The including file
// defines LANES, the type vf (floats), SIMD and TARGET (attributes of inline and of plain
// functions) and the vf_ functions used below.
//
// Rows up to KEPT elements: the maximum; exp(x - max) into a buffer in L1 and their sum, while the
// next row is fetched; the buffer times 1 / sum into y. Longer rows go by twice: block by block, so
// that a block is still in L1, the maximum and the sum of exp(x - maximum so far), brought to a new
// maximum by a factor; then exp(x - max) / sum, computed again because that costs less than writing
// it and reading it back.
//
// Errors in units u = 2^-24: 1 for x - max, which the exponential makes |x - max| in the result;
// vf_exp under 4; a partial sum has at most KEPT / STEP terms, then log2(STEP) additions, and
// blocks are added in double; 2 for the division. No bound grows with rows longer than KEPT. NaN in
// a row, +inf, or nothing but -inf make all of the row NaN, as the formula does.

enum { BLOCK = 2048, KEPT = 8192 };                                               // elements
enum { SECOND = LANES, THIRD = 2 * LANES, FOURTH = 3 * LANES, STEP = 4 * LANES }; // of four sums

// e^x for x <= 0, results below the normal range included. x = n ln 2 + r with |r| <= ln 2 / 2;
// e^r = 1 + r + r^2 q(r), q being the polynomial of degree 4 with the least largest error relative
// to e^r over that range, by Remez exchange: 3.1e-9, or 0.05 u. ln 2 is split so that n times its
// high part is exact. Measured against exp() in double: tests/unit/test_cpu_kernels.c.
SIMD vf vf_exp(vf x) {
  const vf shift = vf_set(0x1.8p23f + 32); // adding it leaves n + 32 in the lowest bits
  const vf bounded = vf_bound(x);
  const vf t = vf_fma(bounded, vf_set(0x1.715476p0f), shift);
  const vf n = vf_sub(t, shift);
  vf r = vf_fma(n, vf_set(-0x1.62e4p-1f), bounded);
  r = vf_fma(n, vf_set(-0x1.7f7d1cp-20f), r);
  vf e = vf_set(0x1.6a23c4p-10f);
  e = vf_fma(e, r, vf_set(0x1.123a2p-7f));
  e = vf_fma(e, r, vf_set(0x1.5558f4p-5f));
  e = vf_fma(e, r, vf_set(0x1.555492p-3f));
  e = vf_fma(e, r, vf_set(0x1.fffffcp-2f));
  e = vf_fma(e, r, vf_set(1));
  e = vf_fma(e, r, vf_set(1));
  return vf_times_power(e, n, t, x);
}

#define TYPE float
#define NAME(name) name##_f32
#define LOAD vf_load
#define STORE vf_store
#define BYPASS vf_bypass
#define MINUS_INFINITY (-INFINITY)
#include "plain_softmax_type.h"

#define TYPE uint16_t
#define NAME(name) name##_bf16
#define LOAD vf_load_bf16
#define STORE vf_store_bf16
#define BYPASS vf_bypass_bf16
#define MINUS_INFINITY 0xff80
#include "plain_softmax_type.h"
