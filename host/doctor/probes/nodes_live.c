// Device nodes of this machine. Only a node that is NVIDIA's by its name and by its number is
// opened, and without waiting: what another driver does when it is opened is not known. For another
// process it is reckoned who may open it; how the device itself answers is the same for both.
#define _GNU_SOURCE // O_CLOEXEC
#include "probe_nodes.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { NVIDIA_MAJOR = 195, MAJORS = 32 };
struct majors {
  int number[MAJORS], count;
};

// "195 nvidia", "510 nvidia-uvm": the numbers that NVIDIA's modules have.
static struct majors nvidia_majors(struct facts *f) {
  struct majors majors = {{NVIDIA_MAJOR}, 1};
  struct text text = root_text(f->root, 64 << 10, "/proc/devices");
  struct slice rest = slice_text(&text), line;
  while (slice_line(&rest, &line) && majors.count < MAJORS) {
    uint64_t number;
    if (slice_is(line, "Block devices:")) break;
    if (slice_number(slice_word(&line), 10, INT32_MAX, &number) &&
        slice_begins(slice_word(&line), "nvidia"))
      majors.number[majors.count++] = (int)number;
  }
  return majors;
}

static bool is_nvidia(const struct majors *majors, const struct node *node) {
  if (node->type != 'c' || strncmp(node->path, "/dev/nvidia", 11)) return false;
  for (int i = 0; i < majors->count; i++)
    if (majors->number[i] == node->major) return true;
  return false;
}

static bool in_group(const struct process *p, int64_t gid) {
  if (p->gid == gid) return true;
  for (int i = 0; i < p->groups; i++)
    if (p->group[i] == gid) return true;
  return false;
}

// By its mode; UNKNOWN: by its mode nothing stands against it.
static enum known reckon(const struct process *p, const struct node *node) {
  if (p->known != YES || p->uid == 0) return UNKNOWN;
  unsigned bits = node->mode;
  if (p->uid == node->uid)
    bits >>= 6;
  else if (in_group(p, node->gid))
    bits >>= 3;
  return (bits & 6) == 6 ? UNKNOWN : NO;
}

static void try_open(struct facts *f, struct node *node) {
  // Capabilities of MIG are given for reading only.
  int way = strncmp(node->path, "/dev/nvidia-caps/", 17) ? O_RDWR : O_RDONLY;
  int file = open(node->path, way | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  int error = file < 0 ? errno : 0;
  if (file >= 0) close(file);
  const struct process *p = &f->process;
  if (p->path && strcmp(p->path, "/proc/self/status") != 0) { // another's
    if (reckon(p, node) == NO) {
      error = EACCES;
    } else if (error == EPERM) {
      return; // of the control group that this process is in, and the other may not be
    } else if (error == EACCES) {
      if (p->known != YES) return;
      error = 0;
    }
  }
  node->opens = error ? NO : YES;
  node->open_error = error;
}

static void add_below(struct facts *f, const struct majors *majors, const char *folder,
                      const char *pattern) {
  struct names names = root_names(f->root, pattern, "%s", folder);
  if (names.there == UNREAD) f->nodes.known = UNKNOWN;
  for (int i = 0; i < names.count; i++) {
    const char *path = arena_print(f->arena, "%s/%s", folder, names.name[i]);
    struct stat what;
    if (lstat(path, &what)) {
      if (errno != ENOENT) f->nodes.known = UNKNOWN;
      continue;
    }
    if (!S_ISCHR(what.st_mode) && !S_ISBLK(what.st_mode)) continue;
    struct node node = {.path = path,
                        .type = S_ISCHR(what.st_mode) ? 'c' : 'b',
                        .mode = what.st_mode & 07777,
                        .uid = what.st_uid,
                        .gid = what.st_gid,
                        .major = (int)major(what.st_rdev),
                        .minor = (int)minor(what.st_rdev)};
    if (is_nvidia(majors, &node)) try_open(f, &node);
    nodes_add(f, node);
  }
}

void nodes_list(struct facts *f) {
  static const struct {
    const char *folder, *pattern;
  } places[] = {{"/dev", "nvidia*"},  {"/dev/nvidia-caps", "*"}, {"/dev", "dxg"},
                {"/dev", "nvhost-*"}, {"/dev", "nvmap"},         {"/dev/dri", "renderD*"}};
  struct majors majors = nvidia_majors(f);
  f->nodes.known = YES;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    add_below(f, &majors, places[i].folder, places[i].pattern);
}
