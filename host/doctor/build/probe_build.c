// Which build of a framework would run, and which of CUDA's libraries it would get.
#include "build.h"

static const struct {
  void (*probe)(struct builder *);
  const char *name[10]; // of its distributions; none: not a Python package alone
} framework[FRAMEWORK_COUNT] = {
    [FRAMEWORK_SELF] = {build_self, {NULL}},
    [FRAMEWORK_TENSORFLOW] = {build_tensorflow,
                              {"tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly",
                               "tf-nightly-gpu", "tensorflow-cpu-aws", "nvidia-tensorflow"}},
    [FRAMEWORK_PYTORCH] = {build_torch, {"torch"}},
    [FRAMEWORK_JAX] = {build_jax, {"jaxlib"}},
    [FRAMEWORK_ONNXRUNTIME] = {build_onnxruntime, {"onnxruntime-gpu", "onnxruntime"}},
    [FRAMEWORK_LLAMA_CPP] = {build_llama, {"llama-cpp-python"}},
    [FRAMEWORK_OLLAMA] = {build_ollama, {NULL}},
    [FRAMEWORK_CUDA] = {build_cuda, {NULL}},
};

static const struct build nothing = {.path = "",
                                     .where = "",
                                     .elsewhere = "",
                                     .version = "",
                                     .cuda_path = "",
                                     .cuda_text = "",
                                     .plugin_path = "",
                                     .plugin_text = "",
                                     .shadow_path = "",
                                     .cudnn_from = "",
                                     .archs_path = "",
                                     .runtime_path = "",
                                     .cudnn_path = ""};

// The first other environment that has it.
static void look_elsewhere(struct builder *b, const char *const *name) {
  const struct python *other;
  int others = python_others(b->facts, &b->python, &other);
  for (int i = 0; i < others; i++)
    for (int k = 0; name[k]; k++)
      if (python_distribution(b->facts, &other[i], name[k]).there == THERE) {
        b->build->elsewhere = other[i].prefix;
        return;
      }
}

void probe_build(struct facts *f, const struct ask *ask) {
  f->build = nothing;
  f->build.framework = ask->framework;
  if (ask->machine_only || ask->framework >= FRAMEWORK_COUNT || !framework[ask->framework].probe)
    return;
  struct builder b = {.facts = f, .arena = f->arena, .root = f->root, .build = &f->build};
  const char *const *name = framework[ask->framework].name;
  b.python = (struct python){.interpreter = "", .prefix = "", .version = ""};
  if (*name) b.python = python_find(f, ask->python ? f->process.python : NULL);
  f->build.where = b.python.interpreter;
  search_begin(&b.search, f);
  if (!b.search.program && *b.python.interpreter) b.search.program = b.python.interpreter;
  b.program.elf = (struct elf){.why = "", .soname = "", .rpath = "", .runpath = ""};
  if (b.search.program) b.program.elf = elf_read(f->root, f->arena, b.search.program);
  b.needed = arena_give(f->arena, NEEDED_MOST * sizeof *b.needed);
  f->build.needed = b.needed;
  framework[ask->framework].probe(&b);
  build_compare(&b);
  // Of what is built on a machine, the runtime that it gets there is the one that it was built
  // with.
  bool local = ask->framework == FRAMEWORK_CUDA || ask->framework == FRAMEWORK_LLAMA_CPP;
  if (local && f->build.cuda % 1000 == 0 && f->build.runtime / 1000 == f->build.cuda / 1000)
    f->build.cuda = f->build.runtime;
  if (f->build.found == NO && *name) look_elsewhere(&b, name);
}
