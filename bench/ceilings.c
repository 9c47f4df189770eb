// The host's ceilings. A round gives each of them a few repeats of 5 ms: short, so that some fall
// between the time slices of other programs, and spread over many rounds, so that what disturbs the
// machine for a while lowers no ceiling for good.
#define _GNU_SOURCE
#include "ceilings.h"
#include "ceilings_loops.h"
#include "clock.h"
#include "gang.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEAST_ROUNDS = 4, CALM_ROUNDS = 3, REPEATS = 4, PAGE_BYTES = 2 << 20 };
static const uint64_t most_buffer_bytes = 256 << 20, enough_buffer_bytes = 64 << 20;
static const size_t most_block_bytes = 1 << 20;
static const double repeat_seconds = 0.005; // long beside the some 10 us in which threads start
static const double risen = 1.01, touch_seconds = 1;

// Two buffers, of which each member has a share that it touched itself, up to `touched`.
struct buffers {
  char *source, *target;
  size_t share_bytes, touched;
};

struct item {
  struct why_ceiling ceiling;
  int members;
  bool shared; // what is measured: by all cores
  gang_work *work;
  flops_loop *flops;
  copy_loop *copy;
  const struct buffers *buffers;
  size_t block_bytes;                 // a member's set is copied in blocks, around and around
  int64_t blocks, share_blocks, next; // share_blocks: in the share of one member
  double amount;
  int calm; // rounds since it rose
};

static double multiply_add(void *data, int member, double amount) {
  const struct item *item = data;
  (void)member;
  double sink;
  const double flops = item->flops((int64_t)amount, &sink);
  static _Atomic double kept;
  atomic_store_explicit(&kept, sink, memory_order_relaxed);
  return flops;
}

// A small set is one block, and where it lies is found once: in the first cache a division shows.
static double copy(void *data, int member, double amount) {
  const struct item *item = data;
  const int64_t blocks = (int64_t)amount;
  size_t at = 0;
  for (int64_t i = 0; i < blocks; i++) {
    if (i == 0 || item->blocks > 1) {
      const int64_t block = (item->next + i) % item->blocks;
      at = (size_t)(member + block / item->share_blocks) * item->buffers->share_bytes +
           (size_t)(block % item->share_blocks) * item->block_bytes;
    }
    item->copy(item->buffers->target + at, item->buffers->source + at, item->block_bytes);
  }
  return 2 * amount * (double)item->block_bytes;
}

// The next `amount` bytes of its share, with random ones: zeros may be cheaper.
static double touch(void *data, int member, double amount) {
  const struct buffers *buffers = data;
  const size_t first = (size_t)member * buffers->share_bytes + buffers->touched;
  uint64_t state = 0x9e3779b97f4a7c15u + first;
  for (size_t i = first; i < first + (size_t)amount; i += sizeof state) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    memcpy(buffers->source + i, &state, sizeof state);
    memcpy(buffers->target + i, &state, sizeof state);
  }
  return amount;
}

// A repeat; the amount is first raised until one is long enough to time. What each core has for
// itself is timed by what it ran, what they share by the clock on the wall.
static double repeat(struct gang *gang, struct item *item) {
  for (;;) {
    const struct gang_repeat r = gang_repeat(gang, item->members, item->work, item, item->amount);
    if (item->blocks > 0) item->next = (item->next + (int64_t)item->amount) % item->blocks;
    if (r.seconds >= repeat_seconds / 2 || item->amount >= 1e12)
      return item->shared ? r.done / r.seconds : r.rate;
    item->amount *= r.seconds > repeat_seconds / 20 ? ceil(repeat_seconds / r.seconds) : 10;
  }
}

static void take_turn(struct gang *gang, struct item *item) {
  double best = 0;
  for (int i = 0; i < REPEATS; i++) best = fmax(best, repeat(gang, item));
  item->calm = best > risen * item->ceiling.value ? 0 : item->calm + 1;
  item->ceiling.value = fmax(item->ceiling.value, best);
}

static void measure(struct gang *gang, struct item *item, int items, double seconds) {
  const double end = seconds_now() + seconds;
  for (int round = 0; round == 0 || seconds_now() < end; round++) {
    int calm = 0;
    for (int i = 0; i < items; i++) {
      take_turn(gang, &item[i]);
      calm += item[i].calm >= CALM_ROUNDS;
    }
    if (calm == items && round >= LEAST_ROUNDS) break;
  }
}

// ---- working sets -------------------------------------------------------------------------------

uint64_t ceilings_last_cache_bytes(const struct why_facts *host) {
  const uint64_t last = host->cache_bytes, before = host->core_cache_bytes;
  const uint64_t bytes = before > 0 && 4 * before < last / 4 ? 4 * before : last / 4;
  if (bytes >= 2 * before) return bytes;
  return 2 * before <= last / 2 ? 2 * before : 0;
}

// So that both buffers are twice the last cache or more, but of memory that is easily spared: on a
// machine (or a virtual one) that says its cache is larger, copies may run partly from it.
static uint64_t memory_bytes(const struct why_facts *host) {
  uint64_t bytes = 4 * host->cache_bytes;
  if (bytes > enough_buffer_bytes) bytes = enough_buffer_bytes;
  if (bytes < host->cache_bytes) bytes = host->cache_bytes;
  if (bytes == 0 || bytes > most_buffer_bytes) bytes = most_buffer_bytes;
  if (host->free_bytes > 0 && bytes > host->free_bytes / 16) bytes = host->free_bytes / 16;
  return bytes;
}

// Of the shares that were touched near this CPU's memory: CPUs of a node follow one another, and
// begin with the first member's.
static int near_shares(int members) {
  FILE *file = fopen("/sys/devices/system/node/online", "re"); // "0", "0-1"
  int first = 0, last = 0;
  if (file != NULL) {
    if (fscanf(file, "%d-%d", &first, &last) != 2) last = first;
    fclose(file);
  }
  const int nodes = last - first + 1, shares = nodes > 0 ? members / nodes : members;
  return shares > 0 ? shares : 1;
}

// Where memory is slow to come (a host that had taken it back from its virtual machine), a quarter
// of it will do.
static bool allocate(struct gang *gang, int members, uint64_t bytes, struct buffers *b) {
  b->share_bytes = (size_t)bytes / (size_t)members / most_block_bytes * most_block_bytes;
  if (b->share_bytes == 0) b->share_bytes = (size_t)bytes / (size_t)members / 4096 * 4096;
  if (b->share_bytes == 0) return false;
  const size_t all = (b->share_bytes * (size_t)members + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES;
  b->source = aligned_alloc(PAGE_BYTES, all);
  b->target = aligned_alloc(PAGE_BYTES, all);
  if (b->source == NULL || b->target == NULL) return false;
  (void)madvise(b->source, all, MADV_HUGEPAGE); // where not, with pages as they come
  (void)madvise(b->target, all, MADV_HUGEPAGE);
  const double end = seconds_now() + touch_seconds;
  while (b->touched < b->share_bytes) {
    const size_t left = b->share_bytes - b->touched;
    const size_t next = left < most_block_bytes ? left : most_block_bytes;
    gang_repeat(gang, members, touch, b, (double)next);
    b->touched += next;
    if (b->touched >= b->share_bytes / 4 && seconds_now() > end) break;
  }
  return true;
}

// ---- what is measured ---------------------------------------------------------------------------

static struct item new_item(const char *name, const char *unit, int members) {
  struct item item = {.members = members, .amount = 1};
  snprintf(item.ceiling.name, sizeof item.ceiling.name, "%s", name);
  snprintf(item.ceiling.unit, sizeof item.ceiling.unit, "%s", unit);
  item.ceiling.threads = members;
  return item;
}

static int list_arithmetic(const struct why_facts *host, enum ceilings_extent extent, int members,
                           struct item *out) {
  struct flops_unit unit[FLOPS_UNITS];
  const int units = flops_units(host->cpu_features, unit);
  int count = 0;
  for (int i = 0; i < units; i++) {
    char name[48];
    const bool widest = i + 1 == units || unit[i + 1].math != unit[i].math;
    if (extent == CEILINGS_FEW && (!widest || unit[i].math == WHY_MATH_F16)) continue;
    snprintf(name, sizeof name, "fma-%s", unit[i].name);
    out[count] = new_item(name, "flop/s", members);
    out[count].work = multiply_add;
    out[count].flops = unit[i].loop;
    out[count++].amount = 1 << 14;
  }
  return count;
}

// Each member's copies go over `shares` shares, from its own on.
static int list_copies(const struct why_facts *host, int members, int shares,
                       const struct buffers *buffers, struct item *out) {
  const long l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE);
  const uint64_t cores = host->multiprocessors > 0 ? (uint64_t)host->multiprocessors : 1;
  const uint64_t core = host->core_cache_bytes / cores, first = l1 > 0 ? (uint64_t)l1 : 0;
  const uint64_t shared = ceilings_last_cache_bytes(host);
  copy_loop *const cached = copy_loop_cached(host->cpu_features);
  const struct {
    const char *name;
    uint64_t bytes; // source and target of one member
    copy_loop *loop;
    bool shared;
  } level[] = {
      {"copy-l1", first < core ? first / 2 : 0, cached, false},
      {"copy-core-cache", core / 2, cached, false},
      {"copy-last-cache", shared / (uint64_t)members, cached, true},
      {"copy-memory", 2 * (uint64_t)shares * buffers->touched, cached, true},
      {"copy-nontemporal", 2 * (uint64_t)shares * buffers->touched,
       copy_loop_nontemporal(host->cpu_features), true},
  };
  int count = 0;
  for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
    const size_t bytes = (size_t)(level[i].bytes / 2 / 64 * 64);
    if (bytes == 0 || bytes > (size_t)shares * buffers->touched) continue;
    size_t block = bytes < most_block_bytes ? bytes : most_block_bytes;
    if (block > buffers->touched) block = buffers->touched;
    out[count] = new_item(level[i].name, "byte/s", members);
    out[count].work = copy;
    out[count].shared = level[i].shared;
    out[count].copy = level[i].loop;
    out[count].buffers = buffers;
    out[count].block_bytes = block;
    out[count].blocks = (int64_t)(bytes / block);
    out[count].share_blocks = (int64_t)(buffers->touched / block);
    out[count++].ceiling.bytes = 2 * (bytes / block * block) * (uint64_t)members;
  }
  return count;
}

enum why_reason ceilings_host(const struct why_facts *host, enum ceilings_extent extent,
                              double seconds, struct ceilings *out) {
  enum { COUNTS = 2, EACH = FLOPS_UNITS + 5 };
  struct item item[COUNTS * EACH];
  struct buffers buffers = {0};
  int items = 0;
  struct gang *gang = gang_start(host->multiprocessors);
  if (gang == NULL) return WHY_ALLOC_FAILED;
  const int all = gang_members(gang), count[COUNTS] = {1, all};
  const int shares[COUNTS] = {near_shares(all), 1};
  const bool room = allocate(gang, all, memory_bytes(host), &buffers);
  for (int i = all > 1 ? 0 : 1; i < COUNTS; i++) {
    items += list_arithmetic(host, extent, count[i], &item[items]);
    if (room) items += list_copies(host, count[i], shares[i], &buffers, &item[items]);
  }
  measure(gang, item, items, seconds);
  for (int i = 0; i < items && out->count < CEILINGS_MOST; i++)
    out->ceiling[out->count++] = item[i].ceiling;
  free(buffers.source);
  free(buffers.target);
  gang_stop(gang);
  return WHY_OK;
}
