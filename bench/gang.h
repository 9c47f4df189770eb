// A gang of threads, each bound to a CPU of its own, that do the same piece of work at the same
// time: what the ceilings of one core and of all cores are measured with.
#ifndef BENCH_GANG_H
#define BENCH_GANG_H

struct gang;
// One member's part of a repeat; returns how much it did (operations, bytes).
typedef double gang_work(void *data, int member, double amount);

// As many of `threads` as the system gives, bound to the CPUs this process may use, whole cores
// first; NULL: none, or out of memory.
struct gang *gang_start(int threads);
int gang_members(const struct gang *);
struct gang_repeat {
  double done;    // by all of them
  double seconds; // from the first one's start to the last one's end
  double rate;    // what each did in a second of its own CPU time, all added up: what they would do
                  // at the same time if no other program took a CPU away, where nothing is shared
};
// The first `members` work, the others wait.
struct gang_repeat gang_repeat(struct gang *, int members, gang_work *, void *data, double amount);
void gang_stop(struct gang *);

#endif
