// Programs and libraries that are no Python package: what is in the file itself.
#define _GNU_SOURCE // memmem
#include "build.h"
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 << 10, OVERLAP = 64, SMALL = 64 << 10 };
static const uint64_t most = 128u << 20; // bytes of a file that are looked through

static bool has(const char *bytes, size_t length, const char *const *word, int words) {
  for (int i = 0; i < words; i++)
    if (memmem(bytes, length, word[i], strlen(word[i]))) return true;
  return false;
}

static uint64_t zeros_in(const char *bytes, size_t length) {
  uint64_t count = 0;
  for (size_t i = 0; i < length; i++) count += !bytes[i];
  return count;
}

enum known build_mentions(struct builder *b, const char *path, const char *const *word, int words) {
  char *piece = arena_give(b->arena, PIECE + OVERLAP);
  int file = root_file(b->root, path);
  if (file < 0) return UNKNOWN;
  enum known known = NO;
  size_t kept = 0; // of the piece before, so that a word across two is seen
  uint64_t done = 0, zeros = 0;
  while (known == NO) {
    ssize_t got = pread(file, piece + kept, PIECE, (off_t)done);
    if (got == 0) break;
    if (got < 0 || done >= most) {
      known = UNKNOWN;
      break;
    }
    size_t length = kept + (size_t)got;
    if (has(piece, length, word, words)) known = YES;
    zeros += zeros_in(piece + kept, (size_t)got);
    done += (uint64_t)got;
    kept = length < OVERLAP ? length : OVERLAP;
    memmove(piece, piece + length - kept, kept);
  }
  close(file);
  // A snapshot may have nothing of a file, or its headers with zeros for the rest.
  bool parts = !done || (done > SMALL && zeros > done - done / 8);
  return known == NO && parts && !root_live(b->root) ? UNKNOWN : known;
}

enum known build_uses_cuda(const struct elf *elf) {
  if (!elf->elf_class) return UNKNOWN;
  for (int i = 0; i < elf->neededs; i++)
    if (cuda_library(elf->needed[i]) || !strcmp(elf->needed[i], "libcuda.so.1")) return YES;
  return elf->fatbin ? YES : NO;
}

int build_cuda_of(const struct elf *elf) {
  static const char *const counted[] = {"cudart", "cublas", "nvrtc"};
  for (size_t k = 0; k < sizeof counted / sizeof *counted; k++)
    for (int i = 0; i < elf->neededs; i++) {
      const char *part = cuda_library(elf->needed[i]), *at = strstr(elf->needed[i], ".so.");
      int major = at ? version_major(at + 4) : -1;
      if (!part || strcmp(part, counted[k]) != 0 || major <= 0) continue;
      // Up to 10.2 the name has the minor version; that of 11.0 is every 11's.
      int number = major <= 10 ? cuda_number(at + 4) : 0;
      return number ? number : major * 1000;
    }
  return 0;
}

void build_from_file(struct builder *b, const struct asker *asker) {
  struct build *build = b->build;
  build->cuda = build_cuda_of(&asker->elf);
  for (int i = 0; i < asker->elf.neededs; i++) {
    const char *part = cuda_library(asker->elf.needed[i]);
    const char *at = strstr(asker->elf.needed[i], ".so.");
    if (!part || strcmp(part, "cudnn") != 0 || !at || version_major(at + 4) <= 0) continue;
    build->cudnn = version_major(at + 4) * 10000;
    build->cudnn_from = asker->path;
  }
  build_needs_of(b, asker);
  if (asker->elf.elf_class) build->libraries_known = YES;
  build_scan(b, asker->path);
}
