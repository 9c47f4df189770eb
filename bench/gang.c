// The members wait at a barrier between repeats. Leaves out NUMA beyond binding: a member that
// touches memory first has it near.
#define _GNU_SOURCE
#include "gang.h"
#include "clock.h"
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
  struct gang *gang;
  pthread_t thread;
  int index, cpu; // cpu -1: not bound
  double start, end, cpu_seconds, done;
};

struct gang {
  struct member *member;
  int members, working;
  pthread_mutex_t gate; // held until it is known how many members there are
  pthread_barrier_t begin, finish;
  bool stop;
  gang_work *work;
  void *data;
  double amount; // for each member
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

static double own_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
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
    if (self->index < gang->working) {
      self->start = seconds_now();
      const double before = own_seconds();
      self->done = gang->work(gang->data, self->index, gang->amount);
      self->cpu_seconds = own_seconds() - before;
      self->end = seconds_now();
    }
    pthread_barrier_wait(&gang->finish);
  }
}

static void release(struct gang *gang) {
  for (int i = 0; i < gang->members; i++) pthread_join(gang->member[i].thread, NULL);
  pthread_barrier_destroy(&gang->finish);
  pthread_barrier_destroy(&gang->begin);
  pthread_mutex_destroy(&gang->gate);
  free(gang->member);
  free(gang);
}

struct gang *gang_start(int threads) {
  int cpu[CPU_SETSIZE];
  const int cpus = list_cpus(cpu, CPU_SETSIZE), wanted = threads < 1 ? 1 : threads;
  struct gang *gang = calloc(1, sizeof *gang);
  if (gang != NULL) gang->member = calloc((size_t)wanted, sizeof *gang->member);
  if (gang == NULL || gang->member == NULL) {
    free(gang);
    return NULL;
  }
  pthread_mutex_init(&gang->gate, NULL);
  pthread_mutex_lock(&gang->gate);
  while (gang->members < wanted) {
    struct member *member = &gang->member[gang->members];
    member->gang = gang;
    member->index = gang->members;
    member->cpu = cpus > 0 ? cpu[gang->members % cpus] : -1;
    if (pthread_create(&member->thread, NULL, serve, member) != 0) break;
    gang->members++;
  }
  pthread_barrier_init(&gang->begin, NULL, (unsigned)gang->members + 1);
  pthread_barrier_init(&gang->finish, NULL, (unsigned)gang->members + 1);
  pthread_mutex_unlock(&gang->gate);
  if (gang->members > 0) return gang;
  release(gang);
  return NULL;
}

int gang_members(const struct gang *gang) {
  return gang->members;
}

struct gang_repeat gang_repeat(struct gang *gang, int members, gang_work *work, void *data,
                               double amount) {
  gang->working = members < gang->members ? members : gang->members;
  gang->work = work;
  gang->data = data;
  gang->amount = amount;
  pthread_barrier_wait(&gang->begin);
  pthread_barrier_wait(&gang->finish);
  struct gang_repeat out = {0};
  double start = INFINITY, end = 0;
  for (int i = 0; i < gang->working; i++) {
    const struct member *member = &gang->member[i];
    start = fmin(start, member->start);
    end = fmax(end, member->end);
    out.done += member->done;
    if (member->cpu_seconds > 0) out.rate += member->done / member->cpu_seconds;
  }
  out.seconds = end - start;
  return out;
}

void gang_stop(struct gang *gang) {
  if (gang == NULL) return;
  gang->stop = true;
  pthread_barrier_wait(&gang->begin);
  release(gang);
}
