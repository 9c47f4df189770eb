// Is there an NVIDIA GPU, and does its driver answer: asked of the kernel's files and of libcuda
// itself, before any CUDA runtime library is loaded, because the static runtime says "driver
// version is insufficient" for a driver that is not there at all. What to do about it is the
// doctor's business; nothing here needs a CUDA header.
#define _GNU_SOURCE // strcasestr
#include "machine.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The first line of a small file below the root, without its line end; false if there is none.
static bool read_file(const char *root, const char *path, char *out, size_t size) {
  char full[4400];
  snprintf(full, sizeof full, "%s/%s", root, path);
  FILE *file = fopen(full, "re");
  if (!file) return false;
  size_t length = fread(out, 1, size - 1, file);
  fclose(file);
  out[length] = 0;
  out[strcspn(out, "\n")] = 0;
  return length > 0;
}

static bool exists(const char *root, const char *path) {
  char full[4400];
  snprintf(full, sizeof full, "%s/%s", root, path);
  return access(full, F_OK) == 0;
}

// ---- hardware ----------------------------------------------------------------------------------

// Under WSL2 and on Jetson boards the GPU is not on a PCI bus that Linux sees.
static const char *without_pci(const char *root) {
  char text[4096];
  if (exists(root, "dev/dxg")) return "WSL2 (/dev/dxg)";
  if (read_file(root, "proc/version", text, sizeof text) && strcasestr(text, "microsoft"))
    return "WSL2 (/proc/version)";
  if (read_file(root, "proc/device-tree/compatible", text, sizeof text - 1)) {
    // A list of strings, each ended by a NUL: looked through one by one.
    char full[4400];
    snprintf(full, sizeof full, "%s/proc/device-tree/compatible", root);
    FILE *file = fopen(full, "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[length] = 0;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
      if (!strncmp(text + at, "nvidia,tegra", 12)) return "a Jetson (/proc/device-tree/compatible)";
  }
  return NULL;
}

static const struct {
  unsigned long vendor;
  const char *name;
} other_vendors[] = {{0x1002, "AMD"}, {0x8086, "Intel"}};

struct scan {
  int devices, gpus;
  char others[128]; // "an AMD GPU at 0000:03:00.0"
};

static void look_at(const char *root, const char *address, struct scan *scan) {
  char path[512], text[32];
  unsigned long vendor = 0, class = 0;
  snprintf(path, sizeof path, "sys/bus/pci/devices/%s/vendor", address);
  if (read_file(root, path, text, sizeof text)) vendor = strtoul(text, NULL, 16);
  snprintf(path, sizeof path, "sys/bus/pci/devices/%s/class", address);
  if (read_file(root, path, text, sizeof text)) class = strtoul(text, NULL, 16);
  scan->devices++;
  if (class >> 16 != 0x03) return; // display controllers: 0x0300 VGA, 0x0302 3D (data-centre cards)
  scan->gpus += vendor == 0x10de;
  for (size_t i = 0; i < sizeof other_vendors / sizeof *other_vendors; i++)
    if (vendor == other_vendors[i].vendor && !scan->others[0])
      snprintf(scan->others, sizeof scan->others, "%s GPU at %.40s", other_vendors[i].name,
               address);
}

enum why_reason why_probe_hardware(const char *root, char *note, size_t size) {
  const char *elsewhere = without_pci(root);
  if (elsewhere) {
    snprintf(note, size, "this is %s, where a GPU is not on the PCI bus", elsewhere);
    return WHY_OK;
  }
  if (!exists(root, "sys/bus")) { // no sysfs, or one that a sandbox shows little of
    snprintf(note, size, "there is no /sys/bus to look for a GPU in");
    return WHY_OK; // not known; the driver is asked next
  }
  char path[4400];
  snprintf(path, sizeof path, "%s/sys/bus/pci/devices", root);
  DIR *folder = opendir(path);
  if (!folder && errno == ENOENT) {
    snprintf(note, size, "there is no /sys/bus/pci/devices: this machine has no PCI bus");
    return WHY_NO_HARDWARE;
  }
  if (!folder) {
    snprintf(note, size, "/sys/bus/pci/devices: %s", strerror(errno));
    return WHY_OK; // not known
  }
  struct scan scan = {0};
  for (struct dirent *entry; (entry = readdir(folder));)
    if (entry->d_name[0] != '.') look_at(root, entry->d_name, &scan);
  closedir(folder);
  if (scan.gpus) {
    snprintf(note, size, "/sys/bus/pci/devices lists %d NVIDIA GPU%s", scan.gpus,
             scan.gpus == 1 ? "" : "s");
    return WHY_OK;
  }
  snprintf(note, size,
           "/sys/bus/pci/devices lists %d device%s, none of vendor 0x10de with class 0x03%s%s",
           scan.devices, scan.devices == 1 ? "" : "s", scan.others[0] ? "; there is an " : "",
           scan.others);
  return WHY_NO_HARDWARE;
}

// ---- driver ------------------------------------------------------------------------------------

// From the CUDA driver API, which is stable: calls return a CUresult, 0 being success.
enum { CUDA_STUB_LIBRARY = 34, CUDA_NO_DEVICE = 100 };
struct driver {
  int (*init)(unsigned flags);
  int (*version)(int *);
  int (*count)(int *);
  int (*error_name)(int, const char **);
  int (*error_string)(int, const char **);
};

// "cuInit: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is detected"
static int say(const struct driver *driver, const char *call, int error, char *note, size_t size) {
  const char *name = NULL, *text = NULL;
  if (driver->error_name) driver->error_name(error, &name);
  if (driver->error_string) driver->error_string(error, &text);
  return snprintf(note, size, "%s: %s (%d)%s%s", call, name ? name : "error", error,
                  text ? ", " : "", text ? text : "");
}

// Is the kernel's half of the driver there: 1 yes, 0 no, -1 not known.
static int module_loaded(const char *root) {
  if (exists(root, "sys/module/nvidia") || exists(root, "proc/driver/nvidia/version")) return 1;
  if (without_pci(root) || !exists(root, "sys/module")) return -1;
  return 0;
}

// CUDA reads the list from the left and stops at the first entry that names no device; with at
// least one device, 0 always names one.
static const char *hidden_by(void) {
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  if (!visible) return NULL;
  char *end;
  long first = strtol(visible, &end, 10);
  bool names_one = end != visible && first == 0 && (*end == 0 || *end == ',');
  return names_one ? NULL : visible;
}

static enum why_reason no_library(const char *root, char *note, size_t size, const char **cause) {
  const char *error = dlerror();
  int module = module_loaded(root);
  *cause = module == 0 ? "driver-not-installed" : "libcuda-missing";
  snprintf(note, size, "%s%s", error ? error : "libcuda.so.1 does not load",
           module == 0   ? "; no nvidia kernel module is loaded either"
           : module == 1 ? "; the nvidia kernel module is loaded"
                         : "");
  return WHY_NO_DRIVER;
}

static enum why_reason no_device(const char *root, char *note, size_t size, size_t used,
                                 const char **cause) {
  const char *visible = hidden_by();
  size_t left = used < size ? size - used : 0;
  if (module_loaded(root) == 0) {
    *cause = "driver-not-loaded"; // libcuda says "no device" then, too
    snprintf(note + (size - left), left, "; no nvidia kernel module is loaded");
    return WHY_NO_DRIVER;
  }
  if (visible) {
    *cause = "visible-devices-invalid";
    snprintf(note + (size - left), left, "; CUDA_VISIBLE_DEVICES is \"%s\"", visible);
  }
  return WHY_NO_DEVICE;
}

enum why_reason why_probe_driver(const char *root, int *version, char *note, size_t size,
                                 const char **cause) {
  *version = 0;
  *cause = "";
  note[0] = 0;
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return no_library(root, note, size, cause);
  struct driver driver = {0};
  *(void **)&driver.init = dlsym(library, "cuInit");
  *(void **)&driver.version = dlsym(library, "cuDriverGetVersion");
  *(void **)&driver.count = dlsym(library, "cuDeviceGetCount");
  *(void **)&driver.error_name = dlsym(library, "cuGetErrorName");
  *(void **)&driver.error_string = dlsym(library, "cuGetErrorString");
  if (!driver.init || !driver.version || !driver.count) {
    snprintf(note, size, "libcuda.so.1 has no cuInit, cuDriverGetVersion or cuDeviceGetCount");
    return WHY_NO_DRIVER;
  }
  driver.version(version); // answers without cuInit
  int error = driver.init(0), devices = 0;
  const char *call = "cuInit";
  if (!error) {
    call = "cuDeviceGetCount";
    error = driver.count(&devices);
  }
  if (!error && devices > 0) return WHY_OK;
  int used = error ? say(&driver, call, error, note, size)
                   : snprintf(note, size, "cuDeviceGetCount: 0 devices");
  if (!error || error == CUDA_NO_DEVICE) return no_device(root, note, size, (size_t)used, cause);
  if (error == CUDA_STUB_LIBRARY)
    *cause = "libcuda-stub";
  else if (module_loaded(root) == 0)
    *cause = "driver-not-loaded";
  return WHY_NO_DRIVER;
}
