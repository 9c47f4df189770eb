// Rules of the framework's build: is it there, has it CUDA in it, for this driver and this GPU.
#include "coverage.h"
#include "judge.h"
#include <string.h>

static const char *name_of(const struct facts *f) {
  bool program = f->framework == FRAMEWORK_CUDA && f->process.program;
  return program ? f->process.program : why_framework_name((int)f->framework);
}

// Where there is no framework to look at. False: it has been said.
static bool there(const struct facts *f, struct finding *o) {
  if (f->build.found == YES) return true;
  if (f->framework == FRAMEWORK_SELF)
    say_na(o, "a snapshot has no build of this program");
  else if (f->build.found == NO)
    say_na(o, "it is not here");
  else if (f->framework == FRAMEWORK_CUDA && !f->process.program)
    say_na(o, "no program was named");
  else if (f->framework <= FRAMEWORK_ONNXRUNTIME)
    say_unknown(o, "the build of %s is not known: --python PATH names its interpreter", name_of(f));
  else
    say_unknown(o, "the build of %s is not known: --program PATH names it", name_of(f));
  return false;
}

enum why_result rule_framework_not_in_this_env(const struct facts *f, struct finding *o) {
  if (f->build.found != NO) {
    if (!there(f, o)) return o->result;
    return say_ok(o, "%s %s", name_of(f), f->build.version);
  }
  say_evidence(o, f->build.where, "no %s", name_of(f));
  if (f->build.elsewhere && *f->build.elsewhere) {
    say_evidence(o, f->build.elsewhere, "has it");
    say_fix(o, "use the environment %s, or install it in this one", f->build.elsewhere);
  }
  say_need(o, "%s in this environment", name_of(f));
  say_have(o, "none");
  return say_fail(o, "no %s in %s", name_of(f), f->build.where);
}

// Where a build with CUDA comes from.
static const char *cuda_build_of(const struct facts *f) {
  static const char *const from[FRAMEWORK_COUNT] = {
      // clang-format off
      [FRAMEWORK_SELF]        = "build it where the CUDA toolkit is found (make toolkit fetches one), then make build",
      [FRAMEWORK_TENSORFLOW]  = "pip install \"tensorflow[and-cuda]\", after pip uninstall tensorflow-cpu",
      [FRAMEWORK_JAX]         = "pip install -U \"jax[cuda12]\"",
      [FRAMEWORK_ONNXRUNTIME] = "pip uninstall -y onnxruntime, then pip install onnxruntime-gpu",
      [FRAMEWORK_LLAMA_CPP]   = "build it with cmake -DGGML_CUDA=ON (llama-cpp-python: CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall llama-cpp-python)",
      [FRAMEWORK_OLLAMA]      = "install Ollama with its CUDA runners (the official archive, or the package ollama-cuda)",
      [FRAMEWORK_CUDA]        = "build the program with CUDA",
      // clang-format on
  };
  if (f->scope.platform == PLATFORM_JETSON)
    return "install the build that NVIDIA makes for this JetPack release";
  if (f->framework != FRAMEWORK_PYTORCH) return from[f->framework];
  // Of the CUDA versions that PyTorch is built for, the newest of each major that a driver serves.
  static const int wheel[] = {130, 126, 118};
  const char *path;
  int serves = driver_cuda(f, &path), chosen = 126;
  for (size_t i = sizeof wheel / sizeof wheel[0]; serves && i-- > 0;)
    if (wheel[i] / 10 <= serves / 1000) chosen = wheel[i];
  return arena_print(f->arena,
                     "pip install --force-reinstall torch --index-url "
                     "https://download.pytorch.org/whl/cu%d",
                     chosen);
}

enum why_result rule_framework_cpu_only_build(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  if (f->framework == FRAMEWORK_JAX && f->build.plugin != UNKNOWN)
    return say_na(o, "with JAX the CUDA plug-in decides");
  if (f->build.shadowed == YES) return say_na(o, "two builds are installed over each other");
  if (f->build.cuda_build == UNKNOWN)
    return say_unknown(o, "whether %s was built with CUDA is not known", name_of(f));
  if (f->build.cuda_path) say_evidence(o, f->build.cuda_path, "%s", f->build.cuda_text);
  if (f->build.cuda_build == YES) return say_ok(o, "it was built with CUDA");
  say_need(o, "a build with CUDA");
  say_have(o, *f->build.version ? "%s %s for the CPU" : "%s for the CPU%s", name_of(f),
           f->build.version);
  say_fix(o, "%s", cuda_build_of(f));
  return say_fail(o, "it was built without CUDA");
}

enum why_result rule_framework_plugin_missing(const struct facts *f, struct finding *o) {
  if (f->framework != FRAMEWORK_JAX) return say_na(o, "asked of JAX only");
  if (!there(f, o)) return o->result;
  if (f->build.plugin == UNKNOWN && f->build.cuda_build == YES)
    return say_na(o, "this jaxlib has CUDA in it");
  if (f->build.plugin == UNKNOWN) return say_unknown(o, "its plug-ins are not known");
  if (f->build.plugin_path) say_evidence(o, f->build.plugin_path, "%s", f->build.plugin_text);
  if (f->build.plugin == YES) return say_ok(o, "the CUDA plug-in is there");
  say_need(o, "jax_cuda12_plugin and jax_cuda12_pjrt %s, or cuda13", f->build.version);
  say_have(o, "%s", f->build.plugin_text ? f->build.plugin_text : "none");
  return say_fail(o, "jaxlib %s has no CUDA plug-in of its version", f->build.version);
}

enum why_result rule_onnxruntime_cpu_shadows_gpu(const struct facts *f, struct finding *o) {
  if (f->framework != FRAMEWORK_ONNXRUNTIME) return say_na(o, "asked of ONNX Runtime only");
  if (!there(f, o)) return o->result;
  if (f->build.shadowed == UNKNOWN) return say_unknown(o, "its distributions are not known");
  if (f->build.shadowed == NO) return say_ok(o, "one build is installed");
  say_evidence(o, f->build.shadow_path, "is installed beside onnxruntime_gpu");
  say_need(o, "onnxruntime-gpu alone");
  say_have(o, "onnxruntime and onnxruntime-gpu");
  return say_fail(o, "two builds are installed over each other");
}

// ---- the driver --------------------------------------------------------------------------------

// Ollama's runners need a branch of their own, the newer ones a newer one on GPUs before Volta.
static const char *least_driver(const struct facts *f) {
  if (f->framework != FRAMEWORK_OLLAMA) return table_least_driver(f->build.cuda);
  int best = best_capability(f);
  const char *least = best && best < 70 ? "570" : "550";
  const char *table = f->build.cuda ? table_least_driver(f->build.cuda) : NULL;
  return table && version_compare(table, least) > 0 ? table : least;
}

enum why_result rule_driver_too_old(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  if (f->build.cuda_build == NO || f->build.plugin == NO) return say_na(o, "it has no CUDA in it");
  const char *least = f->build.cuda || f->framework == FRAMEWORK_OLLAMA ? least_driver(f) : NULL;
  if (!least) return say_na(o, "which CUDA it was built for is not known");
  const char *path, *cuda_path, *driver = driver_version(f, &path);
  int serves = driver_cuda(f, &cuda_path);
  char built[16], served[16];
  cuda_text(f->build.cuda, built);
  cuda_text(serves, served);
  if (!serves && !*driver) {
    if (f->driver.cuda.there == ABSENT && f->kernel.nvidia != YES)
      return say_na(o, "there is no driver");
    return say_unknown(o, "which CUDA the driver serves is not known");
  }
  bool minor = f->build.cuda >= 11000; // since 11 a driver serves all of its major version
  bool old = serves && (minor ? serves / 1000 < f->build.cuda / 1000 : serves < f->build.cuda);
  bool below = *driver && !serves && version_compare(driver, least) < 0;
  bool special = f->framework == FRAMEWORK_OLLAMA && *driver && version_compare(driver, least) < 0;
  // Branches before the first that serves the minor versions, such as 450.51 for 11.8.
  below |= minor && *driver && serves / 1000 == f->build.cuda / 1000 &&
           version_compare(driver, least) < 0 && serves < f->build.cuda;
  if (!old && !below && !special) return say_ok(o, "the driver serves CUDA %s", served);
  if (f->build.path) say_evidence(o, f->build.path, "built for CUDA %s", built);
  if (serves) say_evidence(o, cuda_path, "the driver serves CUDA %s", served);
  if (*driver) say_evidence(o, path, "driver %s", driver);
  say_need(o, "driver %s or later, for CUDA %s", least, built);
  say_have(o, *driver ? "driver %s" : "a driver for CUDA %s", *driver ? driver : served);
  say_fix(o, "update the driver to %s or later, or install a build for CUDA %s or older", least,
          serves ? served : "of this driver");
  return say_fail(o, "the driver serves CUDA %s, the build needs %s", serves ? served : "older",
                  built);
}

enum why_result rule_minor_compat_feature_missing(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  const char *path;
  int serves = driver_cuda(f, &path);
  char built[16], served[16];
  cuda_text(f->build.cuda, built);
  cuda_text(serves, served);
  if (!serves || !f->build.cuda) return say_na(o, "one of the two versions is not known");
  if (serves >= f->build.cuda) return say_ok(o, "the driver serves CUDA %s", served);
  if (serves / 1000 != f->build.cuda / 1000) return say_na(o, "another major version");
  const char *toolkit = table_toolkit_driver(f->build.cuda);
  say_evidence(o, path, "the driver serves CUDA %s", served);
  if (f->build.path) say_evidence(o, f->build.path, "built for CUDA %s", built);
  say_need(o, toolkit ? "driver %s for all of CUDA %s" : "a driver for all of CUDA%s %s",
           toolkit ? toolkit : "", built);
  say_have(o, "CUDA %s", served);
  return say_fail(o, "built for CUDA %s, the driver serves %s: what is newer may fail", built,
                  served);
}

// ---- the GPU -----------------------------------------------------------------------------------

static int most_multiprocessors(const struct facts *f) {
  int most = 0;
  for (int i = 0; i < f->gpu.nvmls; i++)
    if (f->gpu.nvml[i].multiprocessors > most) most = f->gpu.nvml[i].multiprocessors;
  for (int i = 0; i < f->gpu.cudas; i++)
    if (f->gpu.cuda[i].multiprocessors > most) most = f->gpu.cuda[i].multiprocessors;
  return most;
}

enum why_result rule_gpu_below_framework_minimum(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  int least = f->build.least_capability, best = best_capability(f);
  int count = f->build.least_multiprocessors, most = most_multiprocessors(f);
  const char *line = framework_says(f, "Ignoring visible gpu device|Ignoring gpu device");
  if (!least && !count && !line) return say_na(o, "it states no least GPU");
  if (line) say_evidence(o, f->log.own_path, "%s", line);
  bool multiprocessors = count && most && most < count;
  bool told_count = line && strstr(line, "multiprocessor");
  if (multiprocessors || (told_count && !(count && most >= count && most))) {
    if (most) say_evidence(o, "cuDeviceGetAttribute", "%d multiprocessors", most);
    say_need(o, "%d multiprocessors", count ? count : 8);
    say_have(o, most ? "%d" : "fewer", most);
    say_fix(o, "set TF_MIN_GPU_MULTIPROCESSOR_COUNT to the GPU's own number");
    return say_fail(o, "the GPU has fewer multiprocessors than the framework takes");
  }
  bool told = line && strstr(line, "minimum required") && !(least && best >= least);
  if ((least && best && best < least) || told) {
    if (f->build.archs_path && least)
      say_evidence(o, f->build.archs_path, "the least compute capability is %d.%d", least / 10,
                   least % 10);
    say_need(o, least ? "compute capability %d.%d" : "a newer GPU", least / 10, least % 10);
    say_have(o, best ? "%d.%d" : "an older one", best / 10, best % 10);
    return say_fail(o, "the GPU is older than the framework takes");
  }
  if (least && !best && !driver_known_absent(f))
    return say_unknown(o, "the GPU's compute capability is not known");
  return say_ok(o, least ? "from %d.%d on" : "no limit on compute capability", least / 10,
                least % 10);
}

enum why_result rule_gpu_arch_not_in_build(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  const char *line = framework_says(f, "is not compatible with the current PyTorch|"
                                       "no kernel image is available");
  int gpu[32], gpus = capabilities(f, gpu, 32), covered = 0;
  if (f->build.archs_known != YES && !line)
    return say_na(o, "which architectures it has code for is not known");
  if (!gpus && !line) {
    if (driver_known_absent(f)) return say_na(o, "there is no GPU to compare with");
    return say_unknown(o, "the GPU's compute capability is not known");
  }
  for (int i = 0; i < gpus; i++) covered += coverage(&f->build, gpu[i]) != COVERED_NOT;
  if (f->build.archs_known == YES && covered)
    return say_ok(o, "it has code for %d.%d", gpu[0] / 10, gpu[0] % 10);
  if (f->build.archs_known == YES && f->build.archs_path)
    say_evidence(o, f->build.archs_path, "%s", archs_text(f->arena, &f->build));
  if (line) say_evidence(o, f->log.own_path, "%s", line);
  say_need(o, gpus ? "code for compute capability %d.%d" : "code for this GPU",
           gpus ? gpu[0] / 10 : 0, gpus ? gpu[0] % 10 : 0);
  say_have(o, "%s", f->build.archs_known == YES ? archs_text(f->arena, &f->build) : "none");
  return say_fail(o, "the build has no code for this GPU");
}

enum why_result rule_ptx_too_new(const struct facts *f, struct finding *o) {
  if (!there(f, o)) return o->result;
  const char *path, *line = framework_says(f, "PTX was compiled with an unsupported toolchain");
  int serves = driver_cuda(f, &path), best = best_capability(f);
  bool only_ptx = f->build.archs_known == YES && best && coverage(&f->build, best) == COVERED_PTX;
  if (!line && !only_ptx) return say_ok(o, "it does not rest on PTX, as far as it is known");
  if (line) say_evidence(o, f->log.own_path, "%s", line);
  if (!serves || !f->build.cuda) {
    if (!line) return say_unknown(o, "which CUDA the driver serves is not known");
    say_need(o, "a driver for the CUDA of the build");
    say_have(o, "an older one");
    return say_fail(o, "the driver cannot compile the build's PTX");
  }
  char built[16], served[16];
  cuda_text(f->build.cuda, built);
  cuda_text(serves, served);
  if (f->build.cuda <= serves) return say_ok(o, "the driver serves CUDA %s", served);
  if (only_ptx && f->build.archs_path)
    say_evidence(o, f->build.archs_path, "%s", archs_text(f->arena, &f->build));
  say_evidence(o, path, "the driver serves CUDA %s", served);
  const char *toolkit = table_toolkit_driver(f->build.cuda);
  say_need(o, toolkit ? "a driver for CUDA %s: %s" : "a driver for CUDA %s%s", built,
           toolkit ? toolkit : "");
  say_have(o, "one for CUDA %s", served);
  return say_fail(o, "PTX of CUDA %s, and the driver compiles up to %s", built, served);
}
