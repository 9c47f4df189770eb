// The fabric manager, which HGX machines need to join their GPUs: installed, running, and of which
// version, for it has to be the driver's. It is the host's: a container does not see it.
#include "probe_kernel.h"
#include <string.h>
#include <unistd.h>

static const char *const programs[] = {"/usr/bin/nv-fabricmanager",
                                       "/usr/lib/systemd/system/nvidia-fabricmanager.service",
                                       "/lib/systemd/system/nvidia-fabricmanager.service",
                                       "/etc/systemd/system/nvidia-fabricmanager.service"};

// "Fabric Manager version is : 550.54.14", as it writes each time that it starts.
static const char *version_in_log(struct facts *f) {
  static const char key[] = "Fabric Manager version is";
  struct text log = root_text(f->root, ROOT_TEXT, "/var/log/fabricmanager.log");
  struct slice rest = slice_text(&log), line, before, version;
  const char *last = "";
  while (slice_line(&rest, &line))
    if (slice_has(line, key) && slice_split(line, ':', &before, &version)) {
      while (slice_split(version, ':', &before, &version)) continue; // a time stamp has some too
      version = slice_trim(version);
      version = slice_word(&version);
      if (version.length) last = slice_show(f->arena, version, 32);
    }
  return last;
}

// Of the package, from dpkg's list: megabytes of paragraphs, read through a window.
static const char *version_of_package(struct facts *f) {
  enum { WINDOW = 64 << 10, READ_MOST = 32 << 20 };
  char *window = arena_give(f->arena, WINDOW);
  char version[64] = "";
  bool inside = false;
  int file = root_file(f->root, "/var/lib/dpkg/status");
  if (file < 0) return "";
  size_t held = 0, all = 0;
  while (!*version && all < READ_MOST) {
    ssize_t got = read(file, window + held, WINDOW - held);
    if (got <= 0) break;
    held += (size_t)got;
    all += (size_t)got;
    struct slice rest = {window, held}, line;
    while (!*version && memchr(rest.at, '\n', rest.length) && slice_line(&rest, &line)) {
      if (!line.length) inside = false;
      if (slice_begins(line, "Package: nvidia-fabricmanager")) inside = true;
      if (!inside || !slice_begins(line, "Version: ")) continue;
      struct slice name, number = slice_word(&line); // "550.54.14-1": the packager's own at its end
      number = slice_word(&line);
      slice_split(number, '-', &number, &name);
      if (number.length < sizeof version) memcpy(version, number.at, number.length);
    }
    if (rest.length == WINDOW) rest.length = 0; // no line is that long
    held = rest.length;
    memmove(window, rest.at, held);
  }
  close(file);
  return arena_copy(f->arena, version, strlen(version));
}

// Its pid file may outlive it.
static enum known running(struct facts *f, const struct text *pid) {
  uint64_t number;
  if (pid->there == UNREAD) return UNKNOWN;
  if (pid->there == ABSENT) return NO;
  if (!root_live(f->root) || !slice_number(slice_trim(slice_text(pid)), 10, INT32_MAX, &number))
    return YES;
  return root_stat(f->root, NULL, "/proc/%d", (int)number) == ABSENT ? NO : YES;
}

void kernel_fabric(struct facts *f) {
  struct kernel *k = &f->kernel;
  k->fabric_path = programs[0];
  k->fabric_version = "";
  struct text pid = root_text(f->root, 64, "/run/nvidia-fabricmanager/nv-fabricmanager.pid");
  k->fabric_installed =
      any_there(f->root, programs, sizeof programs / sizeof *programs, &k->fabric_path);
  k->fabric_running = running(f, &pid);
  if (k->fabric_running == YES) k->fabric_installed = YES;
  if (k->fabric_running == YES) k->fabric_path = pid.path;
  if (f->scope.container == YES && k->fabric_installed != YES)
    k->fabric_installed = k->fabric_running = UNKNOWN;
  if (k->fabric_installed != YES) return;
  k->fabric_version = version_in_log(f);
  if (!*k->fabric_version) k->fabric_version = version_of_package(f);
}
