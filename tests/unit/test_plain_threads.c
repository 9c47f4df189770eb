// The thread pool: every item once, whoever calls, from wherever.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "plain_threads.h"
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS_MOST = 1000 };

struct count {
  atomic_int item[ITEMS_MOST];
  atomic_int elsewhere; // ranges done on a CPU that is not allowed
  atomic_int begun;
  cpu_set_t allowed;
  int nested;
};

static void add(void *arg, int64_t first, int64_t last) {
  struct count *count = arg;
  for (int64_t i = first; i < last; i++) atomic_fetch_add(&count->item[i], 1);
}

static void expect_each(const struct count *count, int64_t items, int times) {
  for (int64_t i = 0; i < ITEMS_MOST; i++) assert_int_equal(count->item[i], i < items ? times : 0);
}

static void covers_each_item_once(void **state) {
  (void)state;
  static const int64_t items[] = {0, 1, 2, 7, 64, 999};
  for (int threads = -1; threads <= 8; threads++)
    for (int i = 0; i < 6; i++) {
      struct count count = {.nested = 0};
      why_parallel(threads, items[i], add, &count);
      expect_each(&count, items[i], 1);
    }
  for (int round = 0; round < 2000; round++) { // workers asleep, awake and too late
    struct count count = {.nested = 0};
    why_parallel(3, 50, add, &count);
    expect_each(&count, 50, 1);
  }
}

static void add_nested(void *arg, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; i++) why_parallel(4, 10, add, arg);
}

static void nests(void **state) {
  (void)state;
  struct count count = {.nested = 1};
  why_parallel(4, 20, add_nested, &count);
  expect_each(&count, 10, 20);
}

static void *call_often(void *arg) {
  (void)arg;
  for (int i = 0; i < 300; i++) {
    struct count count = {.nested = 0};
    why_parallel(2 + i % 3, 100, add, &count);
    for (int j = 0; j < 100; j++)
      if (count.item[j] != 1) return arg;
  }
  return NULL;
}

static void takes_calls_from_several_threads(void **state) {
  (void)state;
  pthread_t caller[4];
  int wrong = 1;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&caller[i], NULL, call_often, &wrong), 0);
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(caller[i], &result);
    assert_null(result);
  }
}

static void see_where(void *arg, int64_t first, int64_t last) {
  struct count *count = arg;
  add(arg, first, last);
  if (!CPU_ISSET(sched_getcpu(), &count->allowed)) atomic_fetch_add(&count->elsewhere, 1);
}

static void workers_run_where_the_caller_may(void **state) {
  (void)state;
  cpu_set_t before, one;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &before)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    for (int round = 0; round < 50; round++) {
      struct count count = {.allowed = one};
      why_parallel(3, 500, see_where, &count);
      expect_each(&count, 500, 1);
      assert_int_equal(count.elsewhere, 0);
    }
  }
  assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void meet(void *arg, int64_t first, int64_t last) {
  struct count *count = arg;
  add(arg, first, last);
  atomic_fetch_add(&count->begun, 1);
  for (int i = 0; i < 10000 && count->begun < 2; i++) usleep(1000);
}

// Whether two threads are at work at once: each range waits, up to 10 s, for another to begin.
static int two_meet(void) {
  struct count count = {.nested = 0};
  const double start = (double)time(NULL);
  why_parallel(2, 2, meet, &count);
  return count.item[0] == 1 && count.item[1] == 1 && (double)time(NULL) - start < 8;
}

static void workers_take_part(void **state) {
  (void)state;
  assert_true(two_meet());
}

static void works_in_a_child(void **state) {
  (void)state;
  struct count count = {.nested = 0};
  why_parallel(3, 100, add, &count);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    int wrong = 0;
    struct count mine = {.nested = 0};
    alarm(20); // a pool that hangs is killed, and the parent sees it
    why_parallel(3, 100, add, &mine);
    for (int i = 0; i < 100; i++) wrong |= mine.item[i] != 1;
    _exit(wrong || !two_meet());
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(covers_each_item_once),
      cmocka_unit_test(nests),
      cmocka_unit_test(takes_calls_from_several_threads),
      cmocka_unit_test(workers_run_where_the_caller_may),
      cmocka_unit_test(workers_take_part),
      cmocka_unit_test(works_in_a_child),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
