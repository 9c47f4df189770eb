// The host as a device: its cores, caches, memory and instruction sets, and binding threads to
// cores. hwloc knows the cores' order and caches where the build has it; /sys does otherwise. Cores
// and memory are bounded by cgroup v2; limits of cgroup v1 are not looked at.
#define _GNU_SOURCE
#include "machine.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef WHY_HAVE_HWLOC
#include <hwloc.h>
#endif
#ifdef __x86_64__
#include <cpuid.h>
#endif

// What this process was allowed to run on when it was first looked at; set once.
static pthread_once_t once = PTHREAD_ONCE_INIT;
static cpu_set_t allowed;
static int core[CPU_SETSIZE]; // the first hardware thread of each core, in the machine's order
static int cores;
// Caches for data that these cores have, all of a level together, by level from 1.
enum { CACHE_LEVELS = 5 };
static uint64_t level_bytes[CACHE_LEVELS];

// ---- small files -------------------------------------------------------------------------------

static bool read_text(const char *path, char *out, size_t size) {
  FILE *file = fopen(path, "re");
  if (!file) return false;
  size_t length = fread(out, 1, size - 1, file);
  fclose(file);
  out[length] = 0;
  return length > 0;
}

// A file that begins with a whole number; false for "max" and for no file.
static bool read_number(const char *path, uint64_t *out) {
  char text[64], *end;
  if (!read_text(path, text, sizeof text)) return false;
  *out = strtoull(text, &end, 10);
  return end != text;
}

// The number behind "key" in lines of "key value": /proc/meminfo, memory.stat.
static uint64_t number_of(const char *path, const char *key) {
  FILE *file = fopen(path, "re");
  char line[256];
  uint64_t out = 0;
  size_t length = strlen(key);
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, key, length) && !out) out = strtoull(line + length, NULL, 10);
  if (file) fclose(file);
  return out;
}

// ---- cores and caches --------------------------------------------------------------------------

#ifdef WHY_HAVE_HWLOC
static bool hwloc_look(void) {
  hwloc_topology_t topology;
  if (hwloc_topology_init(&topology)) return false;
  if (hwloc_topology_load(topology)) {
    hwloc_topology_destroy(topology);
    return false;
  }
  int found = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
  for (int i = 0; i < found && cores < CPU_SETSIZE; i++) {
    hwloc_obj_t object = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)i);
    int pu = -1;
    do pu = hwloc_bitmap_next(object->cpuset, pu);
    while (pu >= 0 && (pu >= CPU_SETSIZE || !CPU_ISSET(pu, &allowed)));
    if (pu >= 0) core[cores++] = pu;
  }
  static const hwloc_obj_type_t levels[CACHE_LEVELS] = {
      [1] = HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE};
  for (int level = 1; level < CACHE_LEVELS; level++) {
    int count = hwloc_get_nbobjs_by_type(topology, levels[level]);
    for (int i = 0; i < count; i++) {
      hwloc_obj_t object = hwloc_get_obj_by_type(topology, levels[level], (unsigned)i);
      bool ours = false;
      for (int j = 0; j < cores; j++) ours |= hwloc_bitmap_isset(object->cpuset, (unsigned)core[j]);
      if (ours) level_bytes[level] += object->attr->cache.size;
    }
  }
  hwloc_topology_destroy(topology);
  return cores > 0;
}
#endif

// The first hardware thread named in a list such as "0,56" or "0-1"; `otherwise` without a file.
static int first_of(const char *path, int otherwise) {
  uint64_t first;
  return read_number(path, &first) ? (int)first : otherwise;
}

// A cache is counted with the first CPU that shares it.
static void add_caches(int pu, bool counted[CACHE_LEVELS][CPU_SETSIZE]) {
  char path[160], text[64];
  for (int index = 0; index < 10; index++) {
    int end =
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/", pu, index);
    uint64_t level;
    strcpy(path + end, "level");
    if (!read_number(path, &level)) return;
    strcpy(path + end, "type");
    if (level < 1 || level >= CACHE_LEVELS || !read_text(path, text, sizeof text)) continue;
    if (!strncmp(text, "Instruction", 11)) continue;
    strcpy(path + end, "size");
    if (!read_text(path, text, sizeof text)) continue;
    char *unit;
    uint64_t bytes = strtoull(text, &unit, 10);
    bytes <<= *unit == 'K' ? 10 : *unit == 'M' ? 20 : 0;
    strcpy(path + end, "shared_cpu_list");
    int first = first_of(path, pu);
    if (first < 0 || first >= CPU_SETSIZE || counted[level][first]) continue;
    counted[level][first] = true;
    level_bytes[level] += bytes;
  }
}

// Without hwloc: cores in the order of their first hardware thread that may be used.
static void sys_look(void) {
  static bool taken[CPU_SETSIZE], counted[CACHE_LEVELS][CPU_SETSIZE];
  cores = 0;
  memset(level_bytes, 0, sizeof level_bytes);
  for (int pu = 0; pu < CPU_SETSIZE; pu++) {
    if (!CPU_ISSET(pu, &allowed)) continue;
    char path[160];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", pu);
    int first = first_of(path, pu);
    if (first < 0 || first >= CPU_SETSIZE || taken[first]) continue;
    taken[first] = true;
    core[cores++] = pu;
    add_caches(pu, counted);
  }
}

static void look(void) {
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed)) {
    CPU_ZERO(&allowed);
    CPU_SET(0, &allowed);
  }
#ifdef WHY_HAVE_HWLOC
  if (hwloc_look()) return;
#endif
  sys_look();
}

// ---- limits of cgroup v2 -----------------------------------------------------------------------

// Calls `each` for the folder of this process's group and of all groups above it.
static void for_groups(void (*each)(const char *folder, void *), void *data) {
  char line[1024], path[1200];
  FILE *file = fopen("/proc/self/cgroup", "re");
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) found = !strncmp(line, "0::/", 4);
  if (file) fclose(file);
  if (!found) return;
  line[strcspn(line, "\n")] = 0;
  char *group = line + 3;
  for (;;) {
    snprintf(path, sizeof path, "/sys/fs/cgroup%s", group);
    each(path, data);
    char *slash = strrchr(group, '/');
    if (!slash || !group[1]) return;
    *(slash == group ? slash + 1 : slash) = 0;
  }
}

// Page cache of the group counts as used there but is given back under pressure.
static void bound_free(const char *folder, void *data) {
  uint64_t *free_bytes = data, most, used;
  char path[1400];
  snprintf(path, sizeof path, "%s/memory.max", folder);
  if (!read_number(path, &most)) return;
  snprintf(path, sizeof path, "%s/memory.current", folder);
  if (!read_number(path, &used)) used = 0;
  snprintf(path, sizeof path, "%s/memory.stat", folder);
  uint64_t cached = number_of(path, "inactive_file ");
  used -= cached < used ? cached : used;
  uint64_t left = used < most ? most - used : 0;
  if (left < *free_bytes) *free_bytes = left;
}

// "MICROSECONDS PERIOD": more cores than that only wait.
static void bound_cores(const char *folder, void *data) {
  int *usable = data;
  char path[1400], text[64], *end;
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  if (!read_text(path, text, sizeof text)) return;
  double quota = strtod(text, &end), period = strtod(end, NULL);
  if (end == text || period <= 0) return;
  int most = (int)(quota / period + 0.999);
  if (most < 1) most = 1;
  if (most < *usable) *usable = most;
}

// ---- instruction sets --------------------------------------------------------------------------

#ifdef __x86_64__
// A set is there if the CPU has it and the operating system keeps its registers: CPUID leaf, and
// the bits of XCR0. AMX also needs the kernel's leave, which arch_prctl tells.
static uint32_t cpu_features(void) {
  enum { YMM = 0x6, ZMM = 0xe6, TILE = 0x60000, GET_XCOMP_SUPPORTED = 0x1021, TILE_DATA = 18 };
  unsigned a, b, c, d, c1, b7 = 0, d7 = 0, a71 = 0;
  if (!__get_cpuid(1, &a, &b, &c1, &d) || !(c1 & bit_OSXSAVE)) return 0;
  __get_cpuid_count(7, 0, &a, &b7, &c, &d7);
  unsigned subleaves = a;
  if (subleaves >= 1) __get_cpuid_count(7, 1, &a71, &b, &c, &d);
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  unsigned long tiles = 0;
  bool amx = (low & TILE) == TILE && !syscall(SYS_arch_prctl, GET_XCOMP_SUPPORTED, &tiles) &&
             (tiles >> TILE_DATA & 1);

  uint32_t out = 0;
  unsigned f16c = 1u << 29, avx2 = 1u << 5;
  unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; // F, DQ, BW, VL
  if ((low & YMM) == YMM && (c1 & bit_FMA) && (c1 & f16c) && (b7 & avx2)) out |= WHY_CPU_AVX2;
  if ((low & ZMM) == ZMM && (b7 & avx512) == avx512) {
    out |= WHY_CPU_AVX512;
    if (a71 & 1u << 5) out |= WHY_CPU_AVX512_BF16;
    if (d7 & 1u << 23) out |= WHY_CPU_AVX512_FP16;
  }
  if (amx && (d7 & 1u << 22) && (d7 & 1u << 24)) out |= WHY_CPU_AMX_BF16;
  return out;
}
#else
static uint32_t cpu_features(void) {
  return 0;
}
#endif

// ---- the host ----------------------------------------------------------------------------------

static void cpu_name(char *out, size_t size) {
  FILE *file = fopen("/proc/cpuinfo", "re");
  char line[512];
  snprintf(out, size, "CPU");
  while (file && fgets(line, sizeof line, file)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    line[strcspn(line, "\n")] = 0;
    colon += 1 + strspn(colon + 1, " \t");
    snprintf(out, size, "%.*s", (int)size - 1, colon);
    break;
  }
  if (file) fclose(file);
}

void why_topology_host(struct why_facts *facts) {
  pthread_once(&once, look);
  cpu_name(facts->name, sizeof facts->name);
  snprintf(facts->backend, sizeof facts->backend, "host");
  facts->host = 1;
  facts->numa_node = -1;
  facts->cpu_features = cpu_features();
  facts->multiprocessors = cores;
  for_groups(bound_cores, &facts->multiprocessors);
  facts->memory_bytes = number_of("/proc/meminfo", "MemTotal:") << 10;
  facts->free_bytes = number_of("/proc/meminfo", "MemAvailable:") << 10;
  for_groups(bound_free, &facts->free_bytes);
  int level = CACHE_LEVELS - 1; // the last that there is, and the one before it
  while (level > 0 && !level_bytes[level]) level--;
  facts->cache_bytes = level_bytes[level];
  if (level > 0) level--;
  while (level > 0 && !level_bytes[level]) level--;
  facts->core_cache_bytes = level_bytes[level];
}

int why_topology_numa_of_pci(const char *pci) {
  char path[128], text[32];
  snprintf(path, sizeof path, "/sys/bus/pci/devices/%.16s/numa_node", pci);
  for (char *c = path; *c; c++)
    if (*c >= 'A' && *c <= 'F') *c += 'a' - 'A';
  return read_text(path, text, sizeof text) ? atoi(text) : -1;
}

// ---- binding -----------------------------------------------------------------------------------

// A thread that ended in the meantime (ESRCH) is no failure.
static bool allow(int thread, const cpu_set_t *set) {
  return !sched_setaffinity(thread, sizeof *set, set) || errno == ESRCH;
}

// The n-th thread that was made: pinned to one of the first `pins` cores, the main thread to the
// first and the others in turn to the rest; or, without pins, allowed where the set says.
static bool place(int thread, int n, int pins, const cpu_set_t *set) {
  cpu_set_t one;
  if (!pins) return allow(thread, set);
  CPU_ZERO(&one);
  CPU_SET(core[n == 0 || pins < 2 ? 0 : 1 + (n - 1) % (pins - 1)], &one);
  return allow(thread, &one);
}

// Every thread of the process, again until no new one appeared in between (a few times at most).
static enum why_reason bind_all(const cpu_set_t *set, int pins) {
  int seen = -1;
  for (int round = 0; round < 8; round++) {
    DIR *folder = opendir("/proc/self/task"); // lists them in the order in which they were made
    if (!folder) return WHY_CALL_FAILED;
    int threads = 0;
    bool failed = false;
    for (struct dirent *entry; (entry = readdir(folder));) {
      if (entry->d_name[0] == '.') continue;
      failed |= !place(atoi(entry->d_name), threads++, pins, set);
    }
    closedir(folder);
    if (failed) return WHY_CALL_FAILED;
    if (threads == seen) return WHY_OK;
    seen = threads;
  }
  return WHY_OK;
}

enum why_reason why_topology_bind(int threads) {
  if (threads < 0) return WHY_BAD_INPUT;
  pthread_once(&once, look);
  if (threads == 0 || threads > cores) return bind_all(&allowed, 0);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < threads; i++) CPU_SET(core[i], &set);
  return bind_all(&set, 0);
}

enum why_reason why_topology_pin(int threads) {
  if (threads < 0) return WHY_BAD_INPUT;
  pthread_once(&once, look);
  return bind_all(NULL, threads == 0 || threads > cores ? cores : threads);
}
