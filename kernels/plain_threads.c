// The thread pool of the plain kernels. A call opens a round; workers join while it is open, and
// the caller closes it once no work is left, waiting only for those that have joined: a worker that
// wakes too late costs nothing. Workers look for the next round for some microseconds, then sleep.
// Leaves out: giving threads back. The library they run in must never be unloaded.
#define _GNU_SOURCE
#include "plain_threads.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum {
  WORKERS_MOST = 1023,
  PAUSES = 100,         // about 5 us at 140 cycles a pause
  RANGES_PER_THREAD = 8 // small enough to even out, large enough to cost nothing
};

struct round {
  void (*fn)(void *arg, int64_t first, int64_t last);
  void *arg;
  int64_t items, step;
  int workers; // that may join
  bool has_where;
  cpu_set_t where;
};

static struct {
  pthread_mutex_t turn; // one call at a time
  pthread_mutex_t lock; // what follows
  pthread_cond_t wake, done;
  pthread_attr_t detached;
  int workers; // started
  bool open;   // the round may be joined
  int running; // workers that have joined and not yet left
  struct round round;
  atomic_uint_fast64_t number; // of the round; changed under the lock, also read without
  _Atomic int64_t next;        // first item that nobody has taken
} pool = {.turn = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;
// initial-exec: in a plug-in LeakSanitizer trips over the thread-locals of threads that still run.
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void take_ranges(const struct round *round) {
  inside = true;
  for (;;) {
    const int64_t first = atomic_fetch_add(&pool.next, round->step);
    if (first >= round->items) break;
    const int64_t left = round->items - first;
    round->fn(round->arg, first, first + (left < round->step ? left : round->step));
  }
  inside = false;
}

static void *work(void *argument) {
  const int index = (int)(intptr_t)argument;
  cpu_set_t where;
  CPU_ZERO(&where);
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < PAUSES && atomic_load(&pool.number) == seen; i++) pause_briefly();
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.number) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
    seen = atomic_load(&pool.number);
    if (pool.open && index < pool.round.workers) {
      const struct round round = pool.round;
      pool.running++;
      pthread_mutex_unlock(&pool.lock);
      if (round.has_where && !CPU_EQUAL(&where, &round.where)) {
        where = round.where; // a refusal leaves the thread where it was: slower, not wrong
        (void)pthread_setaffinity_np(pthread_self(), sizeof where, &where);
      }
      take_ranges(&round);
      pthread_mutex_lock(&pool.lock);
      if (--pool.running == 0) pthread_cond_signal(&pool.done);
    }
    pthread_mutex_unlock(&pool.lock);
  }
  return NULL;
}

// A child of fork() has no workers: it starts its own when it needs them.
static void before_fork(void) {
  pthread_mutex_lock(&pool.turn);
  pthread_mutex_lock(&pool.lock);
}
static void after_fork_parent(void) {
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.turn);
}
static void after_fork_child(void) {
  pool.workers = 0;
  pthread_cond_init(&pool.wake, NULL);
  pthread_cond_init(&pool.done, NULL);
  pthread_mutex_init(&pool.lock, NULL);
  pthread_mutex_init(&pool.turn, NULL);
}

static void start_once(void) {
  pthread_attr_init(&pool.detached);
  pthread_attr_setdetachstate(&pool.detached, PTHREAD_CREATE_DETACHED);
  pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static void start_workers(int wanted) { // with the turn held
  while (pool.workers < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, &pool.detached, work, (void *)(intptr_t)pool.workers) != 0) break;
    pool.workers++;
  }
}

void why_parallel(int threads, int64_t items, void (*fn)(void *arg, int64_t first, int64_t last),
                  void *arg) {
  if (items <= 0) return;
  int helpers = threads - 1 < WORKERS_MOST ? threads - 1 : WORKERS_MOST;
  if (helpers > items - 1) helpers = (int)(items - 1);
  if (helpers <= 0 || inside) {
    fn(arg, 0, items);
    return;
  }
  pthread_once(&once, start_once);
  pthread_mutex_lock(&pool.turn);
  start_workers(helpers);
  struct round round = {fn, arg, items, items / ((helpers + 1) * (int64_t)RANGES_PER_THREAD),
                        helpers};
  if (round.step < 1) round.step = 1;
  round.has_where = sched_getaffinity(0, sizeof round.where, &round.where) == 0;

  pthread_mutex_lock(&pool.lock);
  pool.round = round;
  pool.open = true;
  atomic_store(&pool.next, 0);
  atomic_fetch_add(&pool.number, 1);
  pthread_cond_broadcast(&pool.wake);
  pthread_mutex_unlock(&pool.lock);

  take_ranges(&round);

  pthread_mutex_lock(&pool.lock);
  pool.open = false;
  while (pool.running > 0) pthread_cond_wait(&pool.done, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.turn);
}
