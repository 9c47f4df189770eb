// plain_softmax_rows.h for one TYPE of element; included once for each.

// The last elements of a row, filled up with -inf, which changes neither maximum nor sum.
SIMD vf NAME(load_part)(const TYPE *x, int64_t count) {
  TYPE part[LANES];
  for (int i = 0; i < LANES; i++) part[i] = i < count ? x[i] : (TYPE)MINUS_INFINITY;
  return LOAD(part);
}

// The largest of x[0, count). NaNs may be passed over: the sum has them.
SIMD float NAME(max)(const TYPE *x, int64_t count) {
  vf max0 = vf_set(-INFINITY), max1 = max0, max2 = max0, max3 = max0;
  int64_t i = 0;
  for (; i + STEP <= count; i += STEP) {
    max0 = vf_max(max0, LOAD(x + i));
    max1 = vf_max(max1, LOAD(x + i + SECOND));
    max2 = vf_max(max2, LOAD(x + i + THIRD));
    max3 = vf_max(max3, LOAD(x + i + FOURTH));
  }
  for (; i + LANES <= count; i += LANES) max0 = vf_max(max0, LOAD(x + i));
  if (i < count) max1 = vf_max(max1, NAME(load_part)(x + i, count - i));
  return vf_top(vf_max(vf_max(max0, max1), vf_max(max2, max3)));
}

SIMD vf NAME(exp)(const TYPE *x, vf max) {
  return vf_exp(vf_sub(LOAD(x), max));
}

// The sum of exp(x - top) over x[0, count). Keeps them in `kept`, rounded up to whole vectors, and
// asks for the elements at `next`, unless these are NULL.
SIMD float NAME(sum)(const TYPE *x, int64_t count, float top, float *kept, const TYPE *next) {
  const vf max = vf_set(top);
  vf sum0 = vf_set(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  int64_t i = 0;
  for (; i + STEP <= count; i += STEP) {
    const vf e0 = NAME(exp)(x + i, max), e1 = NAME(exp)(x + i + SECOND, max);
    const vf e2 = NAME(exp)(x + i + THIRD, max), e3 = NAME(exp)(x + i + FOURTH, max);
    if (next != NULL)
      for (size_t byte = 0; byte < STEP * sizeof *x; byte += 64)
        __builtin_prefetch((const char *)(next + i) + byte);
    if (kept != NULL) {
      vf_store(kept + i, e0);
      vf_store(kept + i + SECOND, e1);
      vf_store(kept + i + THIRD, e2);
      vf_store(kept + i + FOURTH, e3);
    }
    sum0 = vf_add(sum0, e0);
    sum1 = vf_add(sum1, e1);
    sum2 = vf_add(sum2, e2);
    sum3 = vf_add(sum3, e3);
  }
  for (; i < count; i += LANES) {
    const vf part = i + LANES <= count ? LOAD(x + i) : NAME(load_part)(x + i, count - i);
    const vf e = vf_exp(vf_sub(part, max));
    if (kept != NULL) vf_store(kept + i, e);
    sum0 = vf_add(sum0, e);
  }
  return vf_total(vf_add(vf_add(sum0, sum1), vf_add(sum2, sum3)));
}

SIMD void NAME(put)(TYPE *y, int64_t count, vf value, bool bypass) {
  if (count >= LANES) {
    if (bypass)
      BYPASS(y, value);
    else
      STORE(y, value);
    return;
  }
  TYPE part[LANES];
  STORE(part, value);
  for (int64_t i = 0; i < count; i++) y[i] = part[i];
}

SIMD void NAME(row_kept)(const TYPE *x, TYPE *y, int64_t cols, const TYPE *next, bool bypass) {
  float kept[KEPT] __attribute__((aligned(64)));
  const float top = NAME(max)(x, cols);
  const float sum =
      next != NULL ? NAME(sum)(x, cols, top, kept, next) : NAME(sum)(x, cols, top, kept, NULL);
  const vf factor = vf_set(1 / sum);
  if (bypass)
    for (int64_t i = 0; i < cols; i += LANES)
      NAME(put)(y + i, cols - i, vf_mul(vf_load(kept + i), factor), true);
  else
    for (int64_t i = 0; i < cols; i += LANES)
      NAME(put)(y + i, cols - i, vf_mul(vf_load(kept + i), factor), false);
}

SIMD void NAME(row_twice)(const TYPE *x, TYPE *y, int64_t cols, bool bypass) {
  float top = -INFINITY;
  double sum = 0;
  for (int64_t i = 0; i < cols; i += BLOCK) {
    const int64_t count = cols - i < BLOCK ? cols - i : BLOCK;
    const float max = NAME(max)(x + i, count);
    if (max > top) {
      sum *= exp((double)top - max);
      top = max;
    }
    // Before the first finite element the sum is 0, or NaN if one was passed over.
    sum += NAME(sum)(x + i, count, top == -INFINITY ? 0 : top, NULL, NULL);
  }
  const vf max = vf_set(top), factor = vf_set((float)(1 / sum));
  int64_t i = 0;
  for (; i + LANES <= cols; i += LANES)
    NAME(put)(y + i, LANES, vf_mul(NAME(exp)(x + i, max), factor), bypass);
  if (i == cols) return;
  const vf last = vf_exp(vf_sub(NAME(load_part)(x + i, cols - i), max));
  NAME(put)(y + i, cols - i, vf_mul(last, factor), false);
}

TARGET static void NAME(softmax)(void *argument, int64_t first, int64_t last) {
  const struct softmax_rows *rows = argument;
  for (int64_t row = first; row < last; row++) {
    const TYPE *x = (const TYPE *)rows->x + row * rows->ldx;
    TYPE *y = (TYPE *)rows->y + row * rows->ldy;
    const bool bypass = rows->bypass && (uintptr_t)y % (LANES * sizeof(TYPE)) == 0;
    if (rows->cols <= KEPT)
      NAME(row_kept)(x, y, rows->cols, row + 1 < last ? x + rows->ldx : NULL, bypass);
    else
      NAME(row_twice)(x, y, rows->cols, bypass);
  }
  if (rows->bypass) bypass_fence();
}

#undef TYPE
#undef NAME
#undef LOAD
#undef STORE
#undef BYPASS
#undef MINUS_INFINITY
