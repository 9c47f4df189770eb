// Products of bf16 added up in f32, on the units that a CPU has for them: AMX tiles, or AVX-512 dot
// products. Both add ones times ones, so that the sum of the accumulators tells what was done; past
// 2^24 an accumulator stays where it is, and the speed does not depend on it. f16 is in
// ceilings_f16.c.
#define _GNU_SOURCE
#include "ceilings_loops.h"
#include "whycpu.h"
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

// A compiler without these headers knows no such instruction. GCC splits AMX over several.
#if defined __x86_64__ && (__has_include(<amxbf16intrin.h>) || __has_include(<amxintrin.h>))
#define HAVE_AMX_BF16 1
#endif
#if defined __x86_64__ && __has_include(<avx512bf16intrin.h>)
#define HAVE_AVX512_BF16 1
#endif

enum { BF16_ONE = 0x3f80 };

#ifdef HAVE_AMX_BF16
enum { TILES = 8, ROWS = 16, ROW_BYTES = 64, PAIRS = ROW_BYTES / 4, SUMS = 4 };

struct tile_config { // as LDTILECFG reads it
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

// Linux gives tiles to a process that asks; to all of its threads, and for good.
static int tiles_granted(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; // ARCH_REQ_XCOMP_PERM of asm/prctl.h
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

// Four sums of two tiles times two, as a product's inner loop has them: an instruction takes 16
// cycles and its result comes after 52.
__attribute__((target("amx-tile,amx-bf16"))) static double amx_bf16(int64_t rounds, double *sink) {
  struct tile_config config = {.palette = 1};
  uint16_t ones[ROWS * PAIRS * 2];
  float sums[SUMS][ROWS * PAIRS];
  for (int i = 0; i < TILES; i++) {
    config.row_bytes[i] = ROW_BYTES;
    config.rows[i] = ROWS;
  }
  for (int i = 0; i < ROWS * PAIRS * 2; i++) ones[i] = BF16_ONE;
  // GCC's intrinsics do not say that they read memory.
  __asm__ volatile("" : : "r"(&config), "r"(ones) : "memory");
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, ones, ROW_BYTES);
  _tile_loadd(5, ones, ROW_BYTES);
  _tile_loadd(6, ones, ROW_BYTES);
  _tile_loadd(7, ones, ROW_BYTES);
  for (int64_t round = 0; round < rounds; round++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums[0], ROW_BYTES);
  _tile_stored(1, sums[1], ROW_BYTES);
  _tile_stored(2, sums[2], ROW_BYTES);
  _tile_stored(3, sums[3], ROW_BYTES);
  _tile_release();
  __asm__ volatile("" : : "r"(sums) : "memory");
  *sink = 0;
  for (int n = 0; n < SUMS; n++)
    for (int i = 0; i < ROWS * PAIRS; i++) *sink += (double)sums[n][i];
  return 2.0 * SUMS * ROWS * PAIRS * (PAIRS * 2) * (double)rounds;
}
#endif

#ifdef HAVE_AVX512_BF16
// Two products a lane; twelve chains for the same reason as in f32.
__attribute__((target("avx512f,avx512bf16"))) static double avx512_bf16(int64_t rounds,
                                                                        double *sink) {
  enum { CHAINS = 12, LANES = 16 };
  const __m512bh ones = (__m512bh)_mm512_set1_epi16(BF16_ONE);
  __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a, e = a, f = a;
  __m512 g = a, h = a, i = a, j = a, k = a, l = a;
  for (int64_t round = 0; round < rounds; round++) {
    a = _mm512_dpbf16_ps(a, ones, ones);
    b = _mm512_dpbf16_ps(b, ones, ones);
    c = _mm512_dpbf16_ps(c, ones, ones);
    d = _mm512_dpbf16_ps(d, ones, ones);
    e = _mm512_dpbf16_ps(e, ones, ones);
    f = _mm512_dpbf16_ps(f, ones, ones);
    g = _mm512_dpbf16_ps(g, ones, ones);
    h = _mm512_dpbf16_ps(h, ones, ones);
    i = _mm512_dpbf16_ps(i, ones, ones);
    j = _mm512_dpbf16_ps(j, ones, ones);
    k = _mm512_dpbf16_ps(k, ones, ones);
    l = _mm512_dpbf16_ps(l, ones, ones);
    // Chains that start alike must not be merged into one.
    __asm__ volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));
    __asm__ volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
  }
  const __m512 chain[CHAINS] = {a, b, c, d, e, f, g, h, i, j, k, l};
  *sink = 0;
  for (int n = 0; n < CHAINS; n++) {
    float lane[LANES];
    _mm512_storeu_ps(lane, chain[n]);
    for (int m = 0; m < LANES; m++) *sink += (double)lane[m];
  }
  return 2.0 * CHAINS * LANES * 2 * (double)rounds;
}
#endif

flops_loop *flops_loop_bf16(enum why_cpu_feature unit) {
#ifdef HAVE_AMX_BF16
  if (unit == WHY_CPU_AMX_BF16 && tiles_granted()) return amx_bf16;
#endif
#ifdef HAVE_AVX512_BF16
  if (unit == WHY_CPU_AVX512_BF16) return avx512_bf16;
#endif
  (void)unit;
  return NULL;
}
