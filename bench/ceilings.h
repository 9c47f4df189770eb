// What this machine can do at most, measured here and now: what results are compared with and
// predictions rest on. A ceiling is the best that was reached, for other work on the machine only
// lowers it; latencies and launches are medians of many.
#ifndef WHY_CEILINGS_H
#define WHY_CEILINGS_H
#include "whycpu.h"
#include <stdbool.h>

// Of one device. What the names are of:
//   fma-TYPE-UNIT       multiply-adds, two operations each, in a type on a unit of a CPU: sse2 (a
//                       product and a sum, it has none fused), avx2, avx512 (bf16: dot products
//                       added up in f32), amx
//   copy-l1             copies by a CPU of two buffers that half fill each core's first cache,
//   copy-core-cache     the cache before the last,
//   copy-last-cache     a part of the last one (see ceilings_last_cache_bytes), or a GPU's,
//   copy-memory         and that no cache holds
//   copy-nontemporal    the same with stores past the caches
//   copy-in-pinned      host to device; -out-: back; -both-: at once, bytes of both ways together;
//   copy-in-pageable    to or from memory that is not pinned
//   copy-device         within the device's memory
//   latency-in          of one byte, from the call to the host's knowing that it has arrived; -out
//   launch              from one mark in a queue to the next
//   launch-latency      of a product of one element, from the call to the host's knowing its end
//   launch-interval     the same, one of many launched without waiting
//   product-TYPE        a large square product, through the fastest kernel there is
enum { CEILINGS_MOST = 96 };
struct ceilings {
  struct why_ceiling ceiling[CEILINGS_MOST];
  int count;
};
void ceilings_add(struct ceilings *, const char *name, const char *unit, uint64_t bytes,
                  double value);

// What of it: the few that rows and predictions need, or all that is named above.
enum ceilings_extent { CEILINGS_FEW, CEILINGS_ALL };

// The host's, with one thread and with all of its cores, in rounds over all of them until none
// rises by more than 1% in three rounds on end, or `seconds` are over (at least one round: about
// 20 ms each). WHY_OK, or WHY_ALLOC_FAILED where no thread could be started; copies that there is
// no memory for are left out.
enum why_reason ceilings_host(const struct why_facts *host, enum ceilings_extent, double seconds,
                              struct ceilings *);
// The working set of copy-last-cache: four times the caches before it, so that little of it is
// there, and at most a quarter of the last, for other cores, or other virtual machines, use it too;
// where the cache before it is so large that this is less than twice that, twice, if that is still
// at most half of the last. 0: there is no such size.
uint64_t ceilings_last_cache_bytes(const struct why_facts *host);

// A device's link, memory and marks by way of its own functions; binds it to this thread. `now`:
// the host's clock. A device without a clock (an emulated one) has none: WHY_OK, and nothing is
// added. WHY_OK, WHY_ALLOC_FAILED or what a call returned.
typedef double ceilings_clock(void);
enum why_reason ceilings_device(struct why_device *, enum ceilings_extent, ceilings_clock *now,
                                struct ceilings *);

// ---- in a machine -------------------------------------------------------------------------------

// The largest value of those of this device and thread count whose name is `name`, or begins with
// it where it ends in a dash; 0: none.
double ceilings_best(const struct why_machine *, int device, const char *name, int threads);
// The host's figures with this many threads; false, and left alone: they were not measured.
bool ceilings_figures(const struct why_machine *, int threads, struct why_facts *);
// Keeps them in the machine, as those of this device, and sets its figures by them. WHY_OK or
// WHY_ALLOC_FAILED.
enum why_reason ceilings_keep(struct why_machine *, int device, const struct ceilings *);

#endif
