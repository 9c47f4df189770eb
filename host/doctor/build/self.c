// This build, from a header that is generated at configure.
#include "self.h"
#include "facts.h"
#include "self.def"

struct self self_build(void) {
  static const int arch[] = {SELF_ARCHITECTURES 0};
  return (struct self){.cuda = SELF_CUDA,
                       .arch = arch,
                       .archs = (int)(sizeof arch / sizeof *arch) - 1,
                       .words = SELF_WORDS,
                       .cublas = SELF_CUBLAS,
                       .cudnn = SELF_CUDNN};
}
