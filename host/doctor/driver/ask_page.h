// What a child that asks a driver and its parent share: the call that it is in, and the answers so
// far. In memory, not a pipe: a child that is stuck has said all it knew, and what it forks holds
// nothing open.
#ifndef WHY_ASK_PAGE_H
#define WHY_ASK_PAGE_H
#include "facts.h"
#include <stdatomic.h>

enum { ASK_TEXT = 128 << 10, ASK_CONTEXTS = 16, ASK_WORDS = 512 };

struct ask_page {
  char call[64];    // "" before the first
  atomic_bool done; // all is asked
  atomic_bool go;   // nobody counts processes and memory any more: contexts may be made
  atomic_int ready; // 1, 2: text[ready - 1] holds answers; 0: none yet
  size_t length[2];
  char text[2][ASK_TEXT]; // gpu.json
  double seconds;         // that the child has
  // The child's own, here since it cannot use its parent's arena.
  struct gpu gpu;
  struct nvml_device nvml[GPU_ANSWERS];
  struct cuda_device cuda[GPU_ANSWERS];
  char version[128], why[ASK_WORDS], name[GPU_ANSWERS][128], uuid[GPU_ANSWERS][128];
};

// In the child. A function of the driver's; NULL: it has none. `asking` notes that it is called
// next.
typedef void any_function(void);
any_function *ask_find(struct ask_page *, void *library, const char *name);
void *ask_open(struct ask_page *, const char *library); // NULL, and `why` says why
void asking(struct ask_page *, const char *call);
void answered(struct ask_page *); // the parent may have what is in `gpu`
void ask_wait_to_go(struct ask_page *);

typedef void ask_questions(struct ask_page *, const char *library);
ask_questions ask_cuda, ask_nvml;
#endif
