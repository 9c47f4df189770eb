// How much of a device's memory is free, asked of the driver's management library: the CUDA
// runtime can tell only once it has made a context, which takes some of it. Leaves out all else
// that NVML knows.
#pragma once
#include <dlfcn.h>
#include <stdint.h>

// 0 where NVML is not there or does not know the device. `pci` as "0000:65:00.0".
// Types and names: nvml.h; struct nvmlMemory_t is total, free, used.
static inline uint64_t nvml_free_bytes(const char *pci) {
  if (!*pci) return 0;
  void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return 0;
  int (*init)(void) = (int (*)(void))dlsym(library, "nvmlInit_v2");
  int (*shutdown)(void) = (int (*)(void))dlsym(library, "nvmlShutdown");
  int (*find)(const char *, void **) =
      (int (*)(const char *, void **))dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2");
  int (*memory)(void *, unsigned long long *) =
      (int (*)(void *, unsigned long long *))dlsym(library, "nvmlDeviceGetMemoryInfo");
  unsigned long long bytes[3] = {0, 0, 0};
  void *device;
  if (init && shutdown && find && memory && !init()) {
    if (find(pci, &device) || memory(device, bytes)) bytes[1] = 0;
    shutdown();
  }
  dlclose(library);
  return bytes[1];
}
