// Packing slices of any strides and types, and unpacking them, in any stretches and by any threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "stage.h"
#include <cmocka.h>

static unsigned state_of_random = 1;
static int below(int n) {
  state_of_random = state_of_random * 1103515245u + 12345u;
  return (int)(state_of_random >> 8) % n;
}

// Random dims in a random order of storage: `packed` without gaps, `slice` with.
static void make(struct why_tensor *packed, struct why_tensor *slice, int largest) {
  int order[4] = {0, 1, 2, 3}, rank = 1 + below(4);
  int64_t tight = 1, wide = 1;
  for (int i = rank - 1; i > 0; i--) {
    int j = below(i + 1), t = order[i];
    order[i] = order[j], order[j] = t;
  }
  packed->rank = slice->rank = rank;
  for (int i = 0; i < rank; i++) {
    int d = order[i];
    int64_t n = 1 + below(largest);
    packed->dim[d] = slice->dim[d] = n;
    packed->stride[d] = tight;
    slice->stride[d] = wide;
    tight *= n;
    wide *= n + (i && below(2) ? below(4) : 0) + (below(4) ? 0 : 2);
  }
}

static int64_t span(const struct why_tensor *t) {
  return (int64_t)(why_tensor_bytes(t) / why_type_bytes(t->type));
}

static void there_and_back(void **state) {
  (void)state;
  static const enum why_type types[][2] = {// packed, slice
                                           {WHY_F32, WHY_F32},
                                           {WHY_F64, WHY_F64},
                                           {WHY_BF16, WHY_BF16},
                                           {WHY_F32, WHY_BF16},
                                           {WHY_F32, WHY_F16}};
  for (int n = 0; n < 400; n++) {
    struct why_tensor packed, slice, back;
    make(&packed, &slice, n % 20 ? 9 : 40);
    packed.type = types[n % 5][0];
    slice.type = types[n % 5][1];
    slice.data = malloc(why_tensor_bytes(&slice));
    back = slice;
    back.data = malloc(why_tensor_bytes(&slice));
    memset(back.data, 0x5a, why_tensor_bytes(&slice));
    for (int64_t i = 0; i < span(&slice); i++) why_element_set(&slice, i, below(256) - 128);
    int64_t all = why_tensor_elements(&packed);
    packed.data = malloc(why_tensor_bytes(&packed));
    char *stage = malloc(why_tensor_bytes(&packed));
    for (int64_t first = 0; first < all;) { // in stretches
      int64_t count = 1 + below((int)all);
      if (count > all - first) count = all - first;
      why_stage_pack(stage, &packed, &slice, first, count, 1 + below(3));
      memcpy((char *)packed.data + (size_t)first * why_type_bytes(packed.type), stage,
             (size_t)count * why_type_bytes(packed.type));
      why_stage_unpack(stage, &packed, &back, first, count, 1 + below(3));
      first += count;
    }
    int64_t index[4] = {0};
    for (int64_t e = 0; e < all; e++) { // every element is where its index says
      int64_t in_packed = 0, in_slice = 0;
      for (int d = 0; d < packed.rank; d++) {
        in_packed += index[d] * packed.stride[d];
        in_slice += index[d] * slice.stride[d];
      }
      double want = why_element(&slice, in_slice);
      assert_true(why_element(&packed, in_packed) == want);
      assert_true(why_element(&back, in_slice) == want);
      why_element_set(&slice, in_slice, 1000);
      why_element_set(&back, in_slice, 1000);
      for (int d = 0; d < packed.rank && ++index[d] == packed.dim[d]; d++) index[d] = 0;
    }
    for (int64_t i = 0; i < span(&back); i++) { // and the gaps are as they were
      unsigned char gap[8],
          *at = (unsigned char *)back.data + (size_t)i * why_type_bytes(back.type);
      memset(gap, 0x5a, sizeof gap);
      assert_true(why_element(&back, i) == 1000 || !memcmp(at, gap, why_type_bytes(back.type)));
    }
    free(stage);
    free(packed.data);
    free(back.data);
    free(slice.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
