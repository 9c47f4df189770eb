// This program's own build: what it was configured with, and what its plug-ins are linked with. A
// snapshot has none of it.
#include "build.h"
#include "machine.h"
#include "self.h"

void build_self(struct builder *b) {
  static const char *const plugin[] = {"cuda", "cublas", "cudnn"};
  struct self self = self_build();
  struct build *build = b->build;
  char folder[4096], text[16];
  if (!root_live(b->root) || why_plugin_folder(folder, sizeof folder) != WHY_OK) return;
  build->path = build->where = root_real(b->root, "%s", folder).text;
  build->found = YES;
  cuda_text(self.cuda, text);
  build_is_cuda(b, self.cuda ? YES : NO, build->path,
                self.cuda ? arena_print(b->arena, "built with CUDA %s", text) : self.words);
  build->cuda = self.cuda;
  build->arch = self.arch;
  build->archs = self.archs;
  build->archs_known = self.cuda ? YES : UNKNOWN;
  build->archs_path = build->path;
  build->libraries_known = YES;
  for (size_t i = 0; i < sizeof plugin / sizeof plugin[0]; i++) {
    const char *path = arena_print(b->arena, "%s/libwhycpu-%s.so", build->path, plugin[i]);
    if (root_stat(b->root, NULL, "%s", path) != THERE) continue;
    struct asker asker = build_asker(b, path, "", "");
    build_needs_of(b, &asker);
  }
}
