// The host's ceilings: a gang of bound threads does the same piece of work over and over; a
// repeat's time is from the first thread's start to the last one's end. Leaves out NUMA beyond
// first touch: each thread copies memory that it has touched itself.
#define _GNU_SOURCE
#include "ceilings.h"
#include "ceilings_loops.h"
#include "clock.h"
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPEATS_LEAST = 3, REPEATS_MOST = 101, BUFFER_MOST = 256 << 20 };
static const double REPEAT_SECONDS = 0.02; // long beside the few us in which threads start

struct gang;
typedef double work(struct gang *, int index, double amount); // returns how much it did

struct member {
  struct gang *gang;
  pthread_t thread;
  int index, cpu; // cpu -1: not bound
  double start, end, done;
};

struct gang {
  struct member *member;
  int members;
  pthread_mutex_t gate; // held until it is known how many members there are
  pthread_barrier_t begin, finish;
  bool stop;
  work *work;
  double amount; // for each member
  flops_loop *loop;
  char *source, *target; // of the copies; each member has share_bytes of both
  size_t share_bytes;
};

// Whether this is the first of the hardware threads that share its core.
static bool leads_core(int cpu) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *file = fopen(path, "re");
  if (file == NULL) return true;
  int first = cpu;
  if (fscanf(file, "%d", &first) != 1) first = cpu;
  fclose(file);
  return first == cpu;
}

// CPUs this thread may use, whole cores first. Returns how many.
static int list_cpus(int *list, int most) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  int count = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++)
      if (CPU_ISSET(cpu, &allowed) && leads_core(cpu) == (pass == 0)) list[count++] = cpu;
  return count;
}

static void *serve(void *argument) {
  struct member *self = argument;
  struct gang *gang = self->gang;
  if (self->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(self->cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  }
  pthread_mutex_lock(&gang->gate);
  pthread_mutex_unlock(&gang->gate);
  for (;;) {
    pthread_barrier_wait(&gang->begin);
    if (gang->stop) return NULL;
    self->start = seconds_now();
    self->done = gang->work(gang, self->index, gang->amount);
    self->end = seconds_now();
    pthread_barrier_wait(&gang->finish);
  }
}

// One repeat: seconds taken, and in *done what all members did.
static double repeat(struct gang *gang, double *done) {
  pthread_barrier_wait(&gang->begin);
  pthread_barrier_wait(&gang->finish);
  double start = INFINITY, end = 0;
  *done = 0;
  for (int i = 0; i < gang->members; i++) {
    const struct member *member = &gang->member[i];
    start = fmin(start, member->start);
    end = fmax(end, member->end);
    *done += member->done;
  }
  return end - start;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Median rate over repeats that fill `seconds`. The amount is first raised until a repeat is long
// enough to time; a copy passes over its whole buffers, so its amount counts passes.
static double rate(struct gang *gang, work *work, double amount, double seconds) {
  double sample[REPEATS_MOST], done;
  const double end = seconds_now() + seconds;
  gang->work = work;
  gang->amount = amount;
  while (repeat(gang, &done) < REPEAT_SECONDS && gang->amount < 1e12) gang->amount *= 2;
  int samples = 0;
  while (samples < REPEATS_MOST && (samples < REPEATS_LEAST || seconds_now() < end)) {
    const double taken = repeat(gang, &done);
    sample[samples++] = done / taken;
  }
  qsort(sample, (size_t)samples, sizeof *sample, by_value);
  return sample[samples / 2];
}

static double multiply_add(struct gang *gang, int index, double amount) {
  (void)index;
  double sink;
  const double flops = gang->loop((int64_t)amount, &sink);
  static _Atomic double kept;
  atomic_store_explicit(&kept, sink, memory_order_relaxed);
  return flops;
}

static double touch(struct gang *gang, int index, double amount) {
  (void)amount;
  const size_t first = (size_t)index * gang->share_bytes;
  uint64_t state = 0x9e3779b97f4a7c15u + (uint64_t)index;
  for (size_t i = 0; i < gang->share_bytes; i += sizeof state) {
    state = state * 6364136223846793005u + 1442695040888963407u; // random: zeros may be cheaper
    memcpy(gang->source + first + i, &state, sizeof state);
    memcpy(gang->target + first + i, &state, sizeof state);
  }
  return 0;
}

static double copy(struct gang *gang, int index, double amount) {
  const size_t first = (size_t)index * gang->share_bytes;
  for (int64_t pass = 0; pass < (int64_t)amount; pass++)
    copy_cached(gang->target + first, gang->source + first, gang->share_bytes);
  return 2 * amount * (double)gang->share_bytes;
}

static double copy_past_caches(struct gang *gang, int index, double amount) {
  const size_t first = (size_t)index * gang->share_bytes;
  for (int64_t pass = 0; pass < (int64_t)amount; pass++)
    copy_nontemporal(gang->target + first, gang->source + first, gang->share_bytes);
  return 2 * amount * (double)gang->share_bytes;
}

static size_t buffer_bytes(void) {
  long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (cache <= 0) cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (cache <= 0 || cache > BUFFER_MOST / 4) return BUFFER_MOST;
  return 4 * (size_t)cache;
}

static void measure(struct gang *gang, uint32_t cpu_features, double seconds,
                    struct ceilings *out) {
  const double each = seconds / 5;
  double done;
  gang->loop = flops_loop_f32();
  out->flops[WHY_MATH_F32] = rate(gang, multiply_add, 1 << 16, each);
  gang->loop = flops_loop_f64();
  out->flops[WHY_MATH_F64] = rate(gang, multiply_add, 1 << 16, each);
  out->flops[WHY_MATH_F16] = out->flops[WHY_MATH_BF16] = out->flops[WHY_MATH_F32];
  gang->loop = flops_loop_bf16(cpu_features);
  if (gang->loop != NULL) // dot products may be slower than f32 multiply-adds
    out->flops[WHY_MATH_BF16] =
        fmax(out->flops[WHY_MATH_F32], rate(gang, multiply_add, 1 << 14, each));

  gang->share_bytes = buffer_bytes() / (size_t)gang->members / 64 * 64;
  const size_t bytes = gang->share_bytes * (size_t)gang->members;
  gang->source = aligned_alloc(64, bytes);
  gang->target = aligned_alloc(64, bytes);
  if (gang->source != NULL && gang->target != NULL) {
    gang->work = touch;
    repeat(gang, &done);
    out->memory_bps = rate(gang, copy, 1, each);
    out->nontemporal_bps = rate(gang, copy_past_caches, 1, each);
  }
  free(gang->target);
  free(gang->source);
}

enum why_reason ceilings_measure(int threads, uint32_t cpu_features, double seconds,
                                 struct ceilings *out) {
  struct gang gang = {.gate = PTHREAD_MUTEX_INITIALIZER};
  int cpu[CPU_SETSIZE];
  const int cpus = list_cpus(cpu, CPU_SETSIZE), wanted = threads < 1 ? 1 : threads;
  memset(out, 0, sizeof *out);
  gang.member = calloc((size_t)wanted, sizeof *gang.member);
  if (gang.member == NULL) return WHY_ALLOC_FAILED;
  pthread_mutex_lock(&gang.gate);
  while (gang.members < wanted) { // as many as the system gives
    struct member *member = &gang.member[gang.members];
    member->gang = &gang;
    member->index = gang.members;
    member->cpu = cpus > 0 ? cpu[gang.members % cpus] : -1;
    if (pthread_create(&member->thread, NULL, serve, member) != 0) break;
    gang.members++;
  }
  pthread_barrier_init(&gang.begin, NULL, (unsigned)gang.members + 1);
  pthread_barrier_init(&gang.finish, NULL, (unsigned)gang.members + 1);
  pthread_mutex_unlock(&gang.gate);
  if (gang.members > 0) {
    measure(&gang, cpu_features, seconds, out);
    gang.stop = true;
    pthread_barrier_wait(&gang.begin);
  }
  for (int i = 0; i < gang.members; i++) pthread_join(gang.member[i].thread, NULL);
  pthread_barrier_destroy(&gang.finish);
  pthread_barrier_destroy(&gang.begin);
  free(gang.member);
  return gang.members > 0 ? WHY_OK : WHY_ALLOC_FAILED;
}

enum why_reason ceilings_host(int threads, struct why_facts *figures) {
  enum { MOST = 6 };
  static const double seconds = 0.7;
  double before = 0;
  for (int i = 0; i < MOST; i++) {
    struct ceilings now;
    const enum why_reason reason = ceilings_measure(threads, figures->cpu_features, seconds, &now);
    if (reason != WHY_OK) return reason;
    for (int k = 0; k < WHY_MATH_COUNT; k++)
      figures->flops[k] = i > 0 ? fmax(figures->flops[k], now.flops[k]) : now.flops[k];
    const double copy = fmax(now.memory_bps, now.nontemporal_bps), f32 = now.flops[WHY_MATH_F32];
    figures->memory_bps = i > 0 ? fmax(figures->memory_bps, copy) : copy;
    if (i > 0 && fabs(f32 - before) <= 0.1 * figures->flops[WHY_MATH_F32]) break;
    before = f32;
  }
  strcpy(figures->provenance, "measured");
  return WHY_OK;
}
