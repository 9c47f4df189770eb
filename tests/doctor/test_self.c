// What this build says of itself is what was built: the plug-ins are there, and CMake's own words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "self.h"
#include "tables.h"
#include <cmocka.h>

static void backends_are_there(void **state) {
  (void)state;
  struct self self = self_build();
  assert_int_equal(self.cuda > 0, !access(WHY_TEST_PLUGINS "/libwhycpu-cuda.so", F_OK));
  assert_int_equal(self.cublas, !access(WHY_TEST_PLUGINS "/libwhycpu-cublas.so", F_OK));
  assert_int_equal(self.cudnn, !access(WHY_TEST_PLUGINS "/libwhycpu-cudnn.so", F_OK));
}

static void a_build_without_cuda_says_why(void **state) {
  (void)state;
  struct self self = self_build();
  assert_int_equal(self.cuda > 0, !*self.words);
  assert_int_equal(self.cuda > 0, self.archs > 0);
}

static void the_toolkit_and_architectures_are_cmakes(void **state) {
  (void)state;
  struct self self = self_build();
  if (!self.cuda) skip();
  assert_int_equal(self.cuda, cuda_number(NVCC_RELEASE));
  int newest = 0;
  for (const char *at = NVCC_ARCHITECTURES; *at; at += strcspn(at, " "), at += *at == ' ') {
    int number = atoi(at);
    newest = number > newest ? number : newest;
    bool listed = false;
    for (int i = 0; i < self.archs; i++) listed |= self.arch[i] == number;
    assert_true(listed);
  }
  assert_int_equal(self.arch[self.archs - 1], ARCH_PTX + newest);
  for (int i = 1; i < self.archs; i++) assert_true(self.arch[i - 1] < self.arch[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(backends_are_there),
      cmocka_unit_test(a_build_without_cuda_says_why),
      cmocka_unit_test(the_toolkit_and_architectures_are_cmakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
