// Frameworks' builds: the CUDA, the cuDNN and the architectures of a version.
#include "table_bytes.h"
#include "table_rows.h"
#include "tables.h"
#include <pthread.h>
#include <string.h>

struct list { // of architectures; NULL: not known
  const int *arch;
  int archs;
};
static struct tensorflow {
  const char *version;
  int cuda, cudnn;
  struct list list;
} tensorflow[64], capabilities[16];
static struct pin { const char *first, *last, *package, *version; } pin[128];
static struct torch {
  const char *version;
  int cuda;
  bool pypi, aarch64;
  int cudnn;
  struct list list;
} torch[128];
static struct onnxruntime {
  const char *first, *last;
  bool pypi;
  struct onnxruntime_row row;
} onnxruntime[64];
static int tensorflows, capability_rows, pins, torches, onnxruntimes;
static int pool[1024], pooled;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct list list_of(const char *words) {
  struct list list = {.arch = pool + pooled};
  list.archs = architectures_of(words, pool + pooled, (int)(sizeof pool / sizeof *pool) - pooled);
  pooled += list.archs;
  return list.archs ? list : (struct list){0};
}

static void load_tensorflow(void) {
  struct csv_rows csv =
      table_rows_open(table_tf_cuda, table_tf_cuda_length,
                      "package,tf_version,cuda,cudnn,python,compiler,build_tool,source");
  char *cell[8];
  while (ROOM(tensorflow, tensorflows) && csv_rows_next(&csv, cell, 8) == 8)
    tensorflow[tensorflows++] = (struct tensorflow){
        .version = cell[1], .cuda = cuda_number(cell[2]), .cudnn = cudnn_number(cell[3])};
  csv = table_rows_open(
      table_tf_build_capabilities, table_tf_build_capabilities_length,
      "tf_version,cuda_version,cudnn_version,cuda_compute_capabilities,note,source");
  while (ROOM(capabilities, capability_rows) && csv_rows_next(&csv, cell, 6) == 6)
    capabilities[capability_rows++] = (struct tensorflow){.version = cell[0],
                                                          .cuda = cuda_number(cell[1]),
                                                          .cudnn = cudnn_number(cell[2]),
                                                          .list = list_of(cell[3])};
  csv = table_rows_open(table_tf_and_cuda_extra, table_tf_and_cuda_extra_length,
                        "tf_first,tf_last,package,version,source");
  while (ROOM(pin, pins) && csv_rows_next(&csv, cell, 5) == 5)
    pin[pins++] = (struct pin){cell[0], cell[1], cell[2], cell[3]};
}

static void load_torch(void) {
  struct csv_rows csv = table_rows_open(table_torch_cuda, table_torch_cuda_length,
                                        "torch_version,cuda,on_pypi,cudnn,architectures,source");
  char *cell[6];
  while (ROOM(torch, torches) && csv_rows_next(&csv, cell, 6) == 6)
    torch[torches++] = (struct torch){.version = cell[0],
                                      .cuda = cuda_number(cell[1]),
                                      .pypi = !strcmp(cell[2], "yes"),
                                      .cudnn = cudnn_number(cell[3]),
                                      .list = list_of(cell[4])};
  csv = table_rows_open(table_torch_aarch64, table_torch_aarch64_length,
                        "torch_version,cuda,architectures,source");
  while (ROOM(torch, torches) && csv_rows_next(&csv, cell, 4) == 4)
    torch[torches++] = (struct torch){.version = cell[0],
                                      .cuda = cuda_number(cell[1]),
                                      .aarch64 = true,
                                      .list = list_of(cell[2])};
}

static void load_onnxruntime(void) {
  struct csv_rows csv =
      table_rows_open(table_onnxruntime_cuda, table_onnxruntime_cuda_length,
                      "first,last,cuda_major,cudnn_major,install,needed_sonames,source");
  char *cell[7];
  while (ROOM(onnxruntime, onnxruntimes) && csv_rows_next(&csv, cell, 7) == 7)
    onnxruntime[onnxruntimes++] =
        (struct onnxruntime){.first = cell[0],
                             .last = cell[1],
                             .pypi = !strcmp(cell[4], "PyPI"),
                             .row = {version_major(cell[2]), version_major(cell[3])}};
}

static void load(void) {
  load_tensorflow();
  load_torch();
  load_onnxruntime();
}

// `last` "": to the end of the major version.
static bool within(const char *version, const char *first, const char *last) {
  int minor = minor_number(version), least = minor_number(first);
  int most = *last ? minor_number(last) : least / 1000 * 1000 + 999;
  return is_release(version) && minor >= least && minor <= most;
}

// Of a release its own row or that of another patch; of another's build its own row alone.
static const struct tensorflow *find(const struct tensorflow *rows, int count,
                                     const char *version) {
  const struct tensorflow *near = NULL;
  for (int i = 0; i < count; i++) {
    if (!strcmp(rows[i].version, version)) return &rows[i];
    if (is_release(rows[i].version) && within(version, rows[i].version, rows[i].version))
      near = &rows[i];
  }
  return near;
}

bool table_tensorflow(const char *version, struct tensorflow_row *row) {
  pthread_once(&once, load);
  const struct tensorflow *list = find(capabilities, capability_rows, version);
  const struct tensorflow *build = find(tensorflow, tensorflows, version);
  if (!build) build = list;
  if (!build) return false;
  *row = (struct tensorflow_row){build->cuda, build->cudnn, list ? list->list.arch : NULL,
                                 list ? list->list.archs : 0};
  return true;
}

const char *table_tensorflow_pin(const char *version, const char *package) {
  pthread_once(&once, load);
  for (int i = 0; i < pins; i++)
    if (!strcmp(pin[i].package, package) && within(version, pin[i].first, pin[i].last))
      return pin[i].version;
  return NULL;
}

bool table_torch(const char *version, int cuda, bool aarch64, struct torch_row *row) {
  pthread_once(&once, load);
  for (int i = 0; i < torches; i++)
    if (torch[i].aarch64 == aarch64 && torch[i].cuda == cuda &&
        within(version, torch[i].version, torch[i].version)) {
      *row = (struct torch_row){torch[i].cudnn, torch[i].list.arch, torch[i].list.archs};
      return true;
    }
  return false;
}

int table_torch_default_cuda(const char *version) {
  pthread_once(&once, load);
  for (int i = 0; i < torches; i++)
    if (torch[i].pypi && within(version, torch[i].version, torch[i].version)) return torch[i].cuda;
  return 0;
}

bool table_onnxruntime(const char *version, struct onnxruntime_row *row) {
  pthread_once(&once, load);
  for (int i = 0; i < onnxruntimes; i++)
    if (onnxruntime[i].pypi && within(version, onnxruntime[i].first, onnxruntime[i].last)) {
      *row = onnxruntime[i].row;
      return true;
    }
  return false;
}
