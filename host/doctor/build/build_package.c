// A framework as a Python package: is it there, which version, for which architectures.
#include "build.h"
#include "elf.h"
#include <stdlib.h>
#include <string.h>

enum { PARTS = 3 };

struct distribution build_distribution(struct builder *b, const char *const *name) {
  struct distribution none = {.there = ABSENT, .name = "", .version = "", .site = "", .path = ""};
  for (; *name; name++) {
    struct distribution d = python_distribution(b->facts, &b->python, *name);
    if (d.there == THERE) return d;
    if (d.there == UNREAD) none.there = UNREAD;
  }
  return none;
}

const char *build_file(struct builder *b, const char *below, enum there *there) {
  *there = b->python.complete == YES ? ABSENT : UNREAD;
  for (int i = 0; i < b->python.sites; i++) {
    const char *path = arena_print(b->arena, "%s/%s", b->python.site[i], below);
    enum there here = root_stat(b->root, NULL, "%s", path);
    if (here == THERE) {
      *there = THERE;
      return path;
    }
    if (here == UNREAD) *there = UNREAD;
  }
  return NULL;
}

const char *build_site(struct builder *b, const char *file, const char *below,
                       const struct distribution *d) {
  if (file) return arena_copy(b->arena, file, strlen(file) - strlen(below) - 1);
  if (d->there == THERE && !slice_ends(slice_of(d->site), "/conda-meta")) return d->site;
  return b->python.sites ? b->python.site[0] : b->python.prefix;
}

void build_found(struct builder *b, const struct distribution *d, const char *file,
                 enum there file_there) {
  struct build *build = b->build;
  if (d->there == THERE || file) {
    build->found = YES;
    build->path = file ? file : d->path;
    build->version = d->version;
  } else {
    build->found = d->there == ABSENT && file_there == ABSENT ? NO : UNKNOWN;
  }
}

void build_is_cuda(struct builder *b, enum known is, const char *path, const char *text) {
  b->build->cuda_build = is;
  b->build->cuda_path = path;
  b->build->cuda_text = text;
}

int cudnn_version(const char *text) {
  int part[PARTS] = {0}, count = 0;
  while (count < PARTS && *text >= '0' && *text <= '9') {
    char *end;
    long value = strtol(text, &end, 10);
    if (value > 999) return 0;
    part[count++] = (int)value;
    text = *end == '.' ? end + 1 : end;
  }
  if (!count || part[1] > 99 || part[2] > 99) return 0;
  return part[0] * 10000 + part[1] * 100 + part[2];
}

static int add(int *arch, int count, int most, int value) {
  for (int i = 0; i < count; i++)
    if (arch[i] == value) return count;
  if (count < most) arch[count++] = value;
  return count;
}

int build_architecture(const char *text, int *arch, int count, int most) {
  bool cubin = true, ptx = false;
  if (!strncmp(text, "sm_", 3)) {
    text += 3;
  } else if (!strncmp(text, "compute_", 8)) { // TensorFlow's word for both
    text += 8;
    ptx = true;
  } else {
    ptx = strchr(text, '.') != NULL;
  }
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || value < 0 || value > 999) return count;
  if (*end == '.' && end[1] >= '0' && end[1] <= '9') value = value * 10 + (end[1] - '0');
  if (value < 10 || value > 999) return count;
  if (cubin) count = add(arch, count, most, (int)value);
  if (ptx) count = add(arch, count, most, ARCH_PTX + (int)value);
  return count;
}

void build_scan(struct builder *b, const char *path) {
  struct build *build = b->build;
  if (build->archs_known == YES || !path) return;
  if (!elf_architectures(b->root, b->arena, path, &build->arch, &build->archs)) return;
  if (!build->archs) return;
  build->archs_known = YES;
  build->archs_path = path;
}
