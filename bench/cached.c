#include "cached.h"
#include "program.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool folder(char out[CACHED_PATH]) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = -1;
  if (cache && *cache == '/')
    length = snprintf(out, CACHED_PATH, "%s", cache);
  else if (home && *home == '/')
    length = snprintf(out, CACHED_PATH, "%s/.cache", home);
  return length > 0 && length < CACHED_PATH;
}

bool cached_path(char out[CACHED_PATH]) {
  char node[72] = "", base[CACHED_PATH];
  if (!folder(base)) return false;
  if (gethostname(node, sizeof node - 1) || strchr(node, '/')) node[0] = 0;
  int length = snprintf(out, CACHED_PATH, "%s/whycpu/machine-%s.json", base, *node ? node : "node");
  return length > 0 && length < CACHED_PATH;
}

void cached_adopt(struct why_machine *machine) {
  char path[CACHED_PATH];
  struct why_machine *recorded;
  struct why_error error;
  FILE *file = cached_path(path) ? fopen(path, "re") : NULL;
  if (!file) return;
  if (why_read(file, &recorded, &error) == WHY_OK)
    why_adopt(machine, recorded);
  else
    fprintf(stderr, "whycpu: %s:%d:%d is not used: %s; whycpu machine --measure makes it anew\n",
            path, error.line, error.column, error.text);
  fclose(file);
}

static bool make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    bool well = !mkdir(path, 0777) || errno == EEXIST;
    *slash = '/';
    if (!well) return false;
  }
  return true;
}

int cached_write(const struct why_machine *machine, char path[CACHED_PATH]) {
  char part[CACHED_PATH + 32];
  if (!cached_path(path))
    return machine_failed("no folder to keep the calibration in: neither XDG_CACHE_HOME nor HOME "
                          "is an absolute path");
  snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
  FILE *file = make_folders(path) ? fopen(part, "we") : NULL;
  bool well = file && why_write(file, machine) == WHY_OK;
  if (file && fclose(file)) well = false;
  if (well && !rename(part, path)) return STATUS_OK;
  int error = errno;
  if (file) unlink(part);
  return machine_failed("%s: %s", path, strerror(error));
}
