// Splits work over a pool of threads that lasts as long as the process.
#ifndef WHY_PLAIN_THREADS_H
#define WHY_PLAIN_THREADS_H
#include <stdint.h>

// Calls fn(arg, first, last) until [0, items) is covered once, on at most `threads` threads, the
// caller being one of them, and returns when all of it is done. Ranges are handed out as threads
// come for them, so a thread that the system holds back delays nobody. Workers run where the caller
// may run. Calls from several threads take turns; a call from inside fn runs on its own thread.
// Where no thread can be started the caller does all the work.
void why_parallel(int threads, int64_t items, void (*fn)(void *arg, int64_t first, int64_t last),
                  void *arg);

#endif
