// What several rules ask of the facts: see judge.h.
#define _GNU_SOURCE // memmem
#include "judge.h"
#include <string.h>

bool cuda_sees(const struct facts *f) {
  return f->gpu.cuda_known && f->gpu.cuda_init == 0 && f->gpu.cuda_count_known &&
         f->gpu.cuda_count > 0;
}

bool cuda_works(const struct facts *f) {
  if (!cuda_sees(f)) return false;
  for (int i = 0; i < f->gpu.cudas; i++)
    if (f->gpu.cuda[i].context_known && f->gpu.cuda[i].context == 0) return true;
  return false;
}

bool nvml_sees(const struct facts *f) {
  if (!f->gpu.nvml_known || f->gpu.nvml_init != 0) return false;
  for (int i = 0; i < f->gpu.nvmls; i++)
    if (f->gpu.nvml[i].error == 0) return true;
  return false;
}

bool driver_found_gpu(const struct facts *f) {
  return cuda_sees(f) || nvml_sees(f) || f->kernel.gpus > 0;
}

bool driver_known_absent(const struct facts *f) {
  if (driver_found_gpu(f)) return false;
  bool gpu = f->pci.gpus || without_pci(f) || f->pci.bus.there == UNREAD;
  return !gpu || (f->kernel.nvidia == NO && !without_pci(f)) || f->driver.cuda.there == ABSENT;
}

bool without_pci(const struct facts *f) {
  return f->scope.platform != PLATFORM_LINUX;
}

bool in_container(const struct facts *f) {
  return f->scope.container == YES;
}

const char *platform_name(const struct facts *f) {
  static const char *const name[] = {[PLATFORM_LINUX] = "Linux",
                                     [PLATFORM_WSL1] = "WSL 1",
                                     [PLATFORM_WSL2] = "WSL2",
                                     [PLATFORM_JETSON] = "a Jetson"};
  return name[f->scope.platform];
}

// ---- GPUs --------------------------------------------------------------------------------------

struct share share_of(const struct facts *f, gpu_test *test) {
  const struct nvml_device *visible[GPU_ANSWERS];
  struct share share = {.all = visible_gpus(f, visible)};
  for (int i = 0; i < share.all; i++) {
    if (!test(visible[i])) continue;
    if (!share.first) share.first = visible[i];
    share.of++;
    share.first_visible |= i == 0;
  }
  return share;
}

static int add(int *out, int count, int most, int capability) {
  if (!capability || count == most) return count;
  for (int i = 0; i < count; i++)
    if (out[i] == capability) return count;
  out[count] = capability;
  return count + 1;
}

int capabilities(const struct facts *f, int *out, int most) {
  int count = 0;
  for (int i = 0; i < f->gpu.nvmls; i++) count = add(out, count, most, f->gpu.nvml[i].capability);
  for (int i = 0; i < f->gpu.cudas; i++) count = add(out, count, most, f->gpu.cuda[i].capability);
  for (int i = 0; !count && i < f->pci.gpus; i++)
    count = add(out, count, most, f->pci.gpu[i].capability);
  return count;
}

int best_capability(const struct facts *f) {
  int of[32], count = capabilities(f, of, 32), best = 0;
  for (int i = 0; i < count; i++) best = of[i] > best ? of[i] : best;
  return best;
}

const char *gpu_name(const struct facts *f) {
  if (f->gpu.nvmls && given(f->gpu.nvml[0].name)) return f->gpu.nvml[0].name;
  if (f->gpu.cudas && given(f->gpu.cuda[0].name)) return f->gpu.cuda[0].name;
  if (f->kernel.gpus && given(f->kernel.gpu[0].model)) return f->kernel.gpu[0].model;
  if (f->pci.gpus && given(f->pci.gpu[0].name)) return f->pci.gpu[0].name;
  return "the GPU";
}

bool consumer_gpu(const struct facts *f) {
  const char *name = gpu_name(f);
  return strstr(name, "GeForce") || strstr(name, "TITAN") || strstr(name, "Titan");
}

// ---- the driver's version ----------------------------------------------------------------------

bool given(const char *text) {
  return text && *text;
}

const char *driver_version(const struct facts *f, const char **path) {
  *path = f->kernel.version_path;
  if (given(f->kernel.version)) return f->kernel.version;
  *path = "nvmlSystemGetDriverVersion";
  if (given(f->gpu.nvml_version)) return f->gpu.nvml_version;
  *path = f->driver.cuda.real;
  // Under WSL2 the library's number is of its interface, not of the driver.
  if (given(f->driver.cuda.version) && version_major(f->driver.cuda.version) > 100)
    return f->driver.cuda.version;
  *path = "";
  return "";
}

int driver_cuda(const struct facts *f, const char **path) {
  *path = "cuDriverGetVersion";
  if (f->gpu.cuda_version_known && f->gpu.cuda_version > 0) return f->gpu.cuda_version;
  // A forward compatibility library serves its own CUDA, whatever the module is.
  if (given(f->driver.cuda.real) && strstr(f->driver.cuda.real, "/compat/")) {
    *path = f->driver.cuda.real;
    return table_driver_cuda(f->driver.cuda.version);
  }
  const char *version = driver_version(f, path);
  return *version ? table_driver_cuda(version) : 0;
}

const char *error_words(const struct facts *f, const char *api, int code) {
  struct error_row row;
  if (!table_error(api, code, &row)) return arena_print(f->arena, "error %d", code);
  return arena_print(f->arena, "%s (%d)", row.name, code);
}

// ---- the logs ----------------------------------------------------------------------------------

static bool has(const char *line, const char *words) {
  while (*words) {
    size_t length = strcspn(words, "|");
    if (memmem(line, strlen(line), words, length)) return true;
    words += length + (words[length] == '|');
  }
  return false;
}

const char *kernel_says(const struct facts *f, const char *words) {
  for (int i = f->log.lines; i-- > 0;)
    if (!f->log.line[i].stale && has(f->log.line[i].text, words)) return f->log.line[i].text;
  return NULL;
}

const char *framework_says(const struct facts *f, const char *words) {
  for (int i = f->log.owns; i-- > 0;)
    if (has(f->log.own[i], words)) return f->log.own[i];
  return NULL;
}
