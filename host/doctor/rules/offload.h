// Of a model's layers, how many went to the GPU: in the words of llama.cpp and Ollama.
#ifndef WHY_OFFLOAD_H
#define WHY_OFFLOAD_H
#include "facts.h"

struct offload {
  const char *line; // of the log that says so, the last one; NULL: none does
  int done, all;
  bool counted;   // it was worked out from the memory that is free
  bool requested; // layers were asked for
};
struct offload offload_read(const struct facts *);
#endif
