// How the name of a machine becomes one. See machines.h.
#include "machines.h"
#include "files.h"
#include "program.h"
#include "values.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char published[] = "machines", recorded[] = "recorded"; // folders of the shipped data
#define ENDING ".json"
#define PUBLISHED "published/"
#define RECORDED "recorded/"

static bool begins(const char *text, const char *with) {
  return !strncmp(text, with, strlen(with));
}

// ---- files --------------------------------------------------------------------------------------

// A shipped file. NULL: there is none of this name.
static FILE *shipped(const char *kind, const char *name) {
  char folder[PATH_MAX], path[PATH_MAX + 128];
  if (strchr(name, '/') || !data_path(kind, folder, sizeof folder)) return NULL;
  snprintf(path, sizeof path, "%s/%.100s" ENDING, folder, name);
  return fopen(path, "r");
}

static int unknown(const char *said, const char *name, int error) {
  char *known[MACHINE_NAMES], near[512];
  int names = machine_names(known);
  nearest(name, (const char *const *)known, names, near, sizeof near);
  data_free(known, names);
  return request_wrong("%s: %s; a machine file, or of those shipped: %s", said, strerror(error),
                       near);
}

// Reads a file and closes it; the line of what is wrong in it is printed.
static int read_file(const char *name, FILE *file, struct why_machine **machine) {
  struct why_error error = {0};
  enum why_reason reason = why_read(file, machine, &error);
  fclose(file);
  if (reason == WHY_OK) return STATUS_OK;
  if (reason != WHY_BAD_INPUT) return machine_failed("%s: %s", name, why_sentence(reason));
  return error.line ? request_wrong("%s:%d:%d: %s", name, error.line, error.column, error.text)
                    : request_wrong("%s: %s", name, error.text);
}

// A shipped file, for looking at: whatever is wrong with it makes it absent.
static struct why_machine *look(const char *kind, const char *name) {
  struct why_machine *machine = NULL;
  struct why_error error;
  FILE *file = shipped(kind, name);
  if (file && why_read(file, &machine, &error) != WHY_OK) machine = NULL;
  if (file) fclose(file);
  return machine;
}

// ---- which is the same --------------------------------------------------------------------------

int machine_gpu(const struct why_machine *machine) {
  for (int i = 0; i < why_machine_devices(machine); i++)
    if (!why_machine_device(machine, i)->host) return i;
  return -1;
}

// As the driver names it, with about as much memory: one name may be sold with several sizes, and
// drivers differ in how much they keep.
static bool same_gpu(const struct why_machine *a, const struct why_machine *b) {
  int i = machine_gpu(a), j = machine_gpu(b);
  if (i < 0 || j < 0) return false;
  const struct why_facts *x = why_machine_device(a, i), *y = why_machine_device(b, j);
  double bytes = (double)x->memory_bytes;
  return !strcmp(x->name, y->name) && x->capability == y->capability && !x->emulated &&
         !y->emulated && fabs(bytes - (double)y->memory_bytes) <= 0.1 * bytes;
}

// The shipped machine of `kind` with the same GPU; "" if there is none.
static void find_same(const char *kind, const struct why_machine *machine, char *out, size_t size) {
  char *name[MACHINE_NAMES];
  int names = data_names(kind, ENDING, name, MACHINE_NAMES);
  out[0] = 0;
  for (int i = 0; i < names && !*out; i++) {
    struct why_machine *other = look(kind, name[i]);
    if (other && same_gpu(machine, other)) snprintf(out, size, "%s", name[i]);
    why_close(other);
  }
  data_free(name, names);
}

// The recorded machine that stands for a published one; "" if there is none.
static void preferred(const char *name, char *out, size_t size) {
  FILE *file = shipped(recorded, name);
  snprintf(out, size, "%s", file ? name : "");
  if (file) fclose(file);
  if (*out) return;
  struct why_machine *machine = look(published, name);
  if (machine) find_same(recorded, machine, out, size);
  why_close(machine);
}

struct why_machine *machine_published(const struct why_machine *machine) {
  char name[PATH_MAX];
  int gpu = machine_gpu(machine);
  if (gpu < 0 || strcmp(why_machine_device(machine, gpu)->provenance, "measured") != 0) return NULL;
  find_same(published, machine, name, sizeof name);
  return *name ? look(published, name) : NULL;
}

// ---- opening ------------------------------------------------------------------------------------

// The file that a name without '@' means. prefer: a recorded one before a published one. NULL:
// errno says why.
static FILE *find(const char *name, bool prefer) {
  char other[PATH_MAX] = "";
  FILE *file = NULL;
  if (begins(name, PUBLISHED)) file = shipped(published, name + strlen(PUBLISHED));
  if (!file && begins(name, RECORDED)) file = shipped(recorded, name + strlen(RECORDED));
  if (!file && prefer) preferred(name, other, sizeof other);
  if (!file && *other) file = shipped(recorded, other);
  if (!file) file = shipped(published, name);
  if (!file) file = shipped(recorded, name);
  return file ? file : fopen(name, "r");
}

static int compose(const char *said, struct why_machine *gpus, const struct why_machine *host,
                   const char *called, struct why_machine **machine) {
  struct why_error error = {0};
  enum why_reason reason = why_compose(gpus, host, called, machine, &error);
  if (reason == WHY_OK) return STATUS_OK;
  if (reason == WHY_BAD_INPUT) return request_wrong("%s: %s", said, error.text);
  return machine_failed("%s: %s", said, why_sentence(reason));
}

// Gives a file of GPUs the host that it names.
static int complete(const char *said, struct why_machine **machine) {
  struct why_machine *gpus = *machine, *host = NULL;
  const char *wanted = why_machine_host(gpus);
  if (!*wanted) return STATUS_OK;
  *machine = NULL;
  FILE *file = find(wanted, false);
  int status = file ? read_file(wanted, file, &host)
                    : request_wrong("%s: its host is \"%s\": %s; whycpu list machines names "
                                    "those that are known",
                                    said, wanted, strerror(errno));
  if (!status) status = compose(said, gpus, host, why_machine_name(gpus), machine);
  why_close(host);
  why_close(gpus);
  return status;
}

// "l4@pcie3": the GPUs before the last '@', the host after it.
static int open_pair(const char *said, const char *name, struct why_machine **machine) {
  char part[2][PATH_MAX], called[PATH_MAX];
  struct why_machine *open[2] = {NULL, NULL};
  int status = STATUS_OK, at = (int)(strrchr(name, '@') - name);
  if (!at || !name[at + 1]) return request_wrong("%s: expected GPU@HOST, such as l4@pcie3", said);
  snprintf(part[0], sizeof part[0], "%.*s", at, name);
  snprintf(part[1], sizeof part[1], "%s", name + at + 1);
  for (int i = 0; i < 2 && !status; i++) {
    FILE *file = find(part[i], false);
    int error = errno;
    snprintf(called, sizeof called, "%s: %s", said, part[i]);
    status = file ? read_file(part[i], file, &open[i]) : unknown(called, part[i], error);
  }
  if (!status) status = complete(said, &open[1]);
  if (!status) {
    snprintf(called, sizeof called, "%s@%s", why_machine_name(open[0]), why_machine_name(open[1]));
    status = compose(said, open[0], open[1], called, machine);
  }
  why_close(open[0]);
  why_close(open[1]);
  return status;
}

int machine_open(const char *said, const char *name, struct why_machine **machine) {
  *machine = NULL;
  FILE *file = find(name, true);
  int error = errno;
  if (!file && strchr(name, '@')) return open_pair(said, name, machine);
  if (!file) return unknown(said, name, error);
  int status = read_file(name, file, machine);
  return status ? status : complete(said, machine);
}

// ---- all of them --------------------------------------------------------------------------------

int machine_names(char *name[MACHINE_NAMES]) {
  static const char *const kind[] = {published, recorded};
  char *found[MACHINE_NAMES], other[PATH_MAX];
  int names = 0;
  for (int k = 0; k < 2; k++) {
    int count = data_names(kind[k], ENDING, found, MACHINE_NAMES - names);
    for (int i = 0; i < count; i++) {
      const char *before = RECORDED;
      if (kind[k] == published) {
        preferred(found[i], other, sizeof other);
        before = *other ? PUBLISHED : "";
      }
      size_t size = strlen(before) + strlen(found[i]) + 1;
      if (!(name[names] = malloc(size))) break;
      snprintf(name[names++], size, "%s%s", before, found[i]);
    }
    data_free(found, count);
  }
  return names;
}
