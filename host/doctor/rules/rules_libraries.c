// Rules of CUDA's and cuDNN's libraries, as the framework would get them.
#include "coverage.h"
#include "judge.h"
#include <string.h>

// Where the question does not arise. False: it has been said.
static bool asked(const struct facts *f, struct finding *o) {
  if (f->build.found != YES) {
    say_na(o, "no build to look at");
    return false;
  }
  if (f->build.cuda_build == NO || f->build.plugin == NO) {
    say_na(o, "it has no CUDA in it");
    return false;
  }
  if (f->build.libraries_known == YES) return true;
  say_unknown(o, "which libraries it loads is not known");
  return false;
}

// Libraries that are missing, by what is there instead.
enum instead { NOTHING, OTHER_MAJOR, ELSEWHERE };
static enum instead instead_of(const struct needed *n) {
  if (given(n->wheel_path)) return ELSEWHERE;
  return given(n->other_major) ? OTHER_MAJOR : NOTHING;
}

static void list(const struct facts *f, const char **names, const char *name) {
  *names = arena_print(f->arena, "%s%s%s", *names, **names ? ", " : "", name);
}

// Says for one kind of library (cuDNN or not; -1 both) what is missing in one way.
static bool say_missing(const struct facts *f, struct finding *o, int cudnn, enum instead instead) {
  const char *missing = "";
  int unread = 0, found = 0;
  for (int i = 0; i < f->build.count; i++) {
    const struct needed *n = &f->build.needed[i];
    if (cudnn >= 0 && n->cudnn != cudnn) continue;
    unread += n->got.there == UNREAD;
    found += n->got.there == THERE;
    if (n->got.there != ABSENT || instead_of(n) != instead) continue;
    if (instead == ELSEWHERE) say_evidence(o, n->wheel_path, "is there, and not looked for");
    if (instead == OTHER_MAJOR) say_evidence(o, n->other_major, "is there, %s is not", n->name);
    if (instead == NOTHING) say_evidence(o, n->name, "in none of the folders that it looks in");
    list(f, &missing, n->name);
  }
  if (*missing) {
    say_need(o, "%s", missing);
    return true;
  }
  if (unread)
    say_unknown(o, "where its libraries lie is not known");
  else
    say_ok(o, found == 1 ? "%d library is found" : "%d libraries are found", found);
  return false;
}

enum why_result rule_cuda_libs_missing(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || !say_missing(f, o, false, NOTHING)) return o->result;
  say_have(o, "none");
  return say_fail(o, "%s: not found", o->need);
}

enum why_result rule_cudnn_missing(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || !say_missing(f, o, true, NOTHING)) return o->result;
  say_have(o, "none");
  return say_fail(o, "%s: not found", o->need);
}

enum why_result rule_cuda_libs_wrong_major(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  for (int i = 0; i < f->build.count; i++) {
    const struct needed *n = &f->build.needed[i];
    if (!given(n->broken)) continue;
    say_evidence(o, n->broken_for, "needs %s, which is not found", n->broken);
    say_need(o, "%s of the CUDA that the build names", n->name);
    say_have(o, "one that needs %s", n->broken);
    return say_fail(o, "the %s that is found belongs to another CUDA", n->name);
  }
  if (!say_missing(f, o, -1, OTHER_MAJOR)) return o->result;
  say_have(o, "%s", o->evidence[0].path);
  return say_fail(o, "%s: another major version is there", o->need);
}

enum why_result rule_cuda_libs_not_on_path(const struct facts *f, struct finding *o) {
  if (!asked(f, o) || !say_missing(f, o, -1, ELSEWHERE)) return o->result;
  say_have(o, "%s", o->evidence[0].path);
  if (f->framework == FRAMEWORK_ONNXRUNTIME)
    say_fix(o, "call onnxruntime.preload_dlls() or import torch first; or put their folders into "
               "LD_LIBRARY_PATH");
  return say_fail(o, "%s: installed where it does not look", o->need);
}

enum why_result rule_ld_library_path_shadow(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  for (int i = 0; i < f->build.count; i++) {
    const struct needed *n = &f->build.needed[i];
    if (!given(n->shadowed)) continue;
    say_evidence(o, n->got.path, "found first, by %s", n->got.how);
    say_evidence(o, n->shadowed, "the framework's own, hidden");
    const char *path = env_of(f, "LD_LIBRARY_PATH");
    if (path) say_evidence(o, f->process.env_path, "LD_LIBRARY_PATH=%s", path);
    say_need(o, "%s", n->shadowed);
    say_have(o, "%s", n->got.real);
    return say_fail(o, "%s hides the framework's own %s", n->got.path, n->name);
  }
  if (f->process.env_known != YES) return say_unknown(o, "the environment is not known");
  return say_ok(o, "LD_LIBRARY_PATH hides nothing");
}

// The cuDNN that is got must have the build's major number, and no lower minor one; JAX compares
// all three.
enum why_result rule_cudnn_version_mismatch(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  int built = f->build.cudnn, got = f->build.cudnn_got;
  bool loads = false;
  for (int i = 0; i < f->build.count; i++) loads |= f->build.needed[i].cudnn;
  if (!loads) return say_na(o, "it loads no cuDNN");
  // What another library has loaded before, in the same process, only shows there.
  const char *line = framework_says(f, "Found cuDNN version|Loaded runtime CuDNN library|"
                                       "Outdated cuDNN installation");
  if (line) {
    say_evidence(o, f->log.own_path, "%s", line);
    say_need(o, "a cuDNN at least as new as the one it was built with");
    say_have(o, "an older one, loaded first");
    return say_fail(o, "its log says that cuDNN is older than the one it was built with");
  }
  if (!built || !got) return say_na(o, "one of the two versions is not known");
  bool patch = f->framework == FRAMEWORK_JAX,
       skipped = env_of(f, "JAX_SKIP_CUDA_CONSTRAINTS_CHECK");
  bool old = patch ? got < built && !skipped : got / 100 < built / 100;
  say_evidence(o, f->build.cudnn_path, "cuDNN %d.%d.%d", got / 10000, got / 100 % 100, got % 100);
  if (!old && got / 10000 == built / 10000) return say_ok(o, "new enough");
  if (!old) return say_ok(o, "of a later major version");
  if (f->build.cudnn_from)
    say_evidence(o, f->build.cudnn_from, "built with cuDNN %d.%d.%d", built / 10000,
                 built / 100 % 100, built % 100);
  say_need(o, "cuDNN %d.%d.%d or later", built / 10000, built / 100 % 100, built % 100);
  say_have(o, "%d.%d.%d", got / 10000, got / 100 % 100, got % 100);
  return say_fail(o, "cuDNN is older than the one it was built with");
}

enum why_result rule_cuda_runtime_older_than_build(const struct facts *f, struct finding *o) {
  if (!asked(f, o)) return o->result;
  char least[16], got[16];
  cuda_text(f->build.runtime_least, least);
  cuda_text(f->build.runtime, got);
  const char *line = framework_says(f, "Found CUDA version");
  if (line) {
    say_evidence(o, f->log.own_path, "%s", line);
    say_need(o, "a CUDA runtime at least as new as the one it was built with");
    say_have(o, "an older one, loaded first");
    return say_fail(o, "its log says that the CUDA runtime is older");
  }
  if (!f->build.runtime_least) return say_na(o, "it asks for no version of the runtime");
  if (!f->build.runtime) return say_na(o, "the runtime's version is not known");
  say_evidence(o, f->build.runtime_path, "CUDA runtime %s", got);
  if (f->build.runtime >= f->build.runtime_least || env_of(f, "JAX_SKIP_CUDA_CONSTRAINTS_CHECK"))
    return say_ok(o, "new enough");
  say_need(o, "CUDA runtime %s or later", least);
  say_have(o, "%s", got);
  return say_fail(o, "the CUDA runtime is older than the one it was built with");
}

enum why_result rule_ptxjit_missing(const struct facts *f, struct finding *o) {
  int best = best_capability(f);
  bool said = false;
  for (int i = 0; i < f->gpu.cudas; i++)
    said |= f->gpu.cuda[i].context_known && f->gpu.cuda[i].context == 221;
  said |=
      framework_says(f, "JIT_COMPILER_NOT_FOUND|PTX JIT compiler library was not found") != NULL;
  bool rests = f->build.found == YES && f->build.archs_known == YES && best &&
               coverage(&f->build, best) == COVERED_PTX;
  if (without_pci(f)) return say_na(o, "%s brings its own", platform_name(f));
  if (!said && !rests) return say_na(o, "nothing here has to be compiled from PTX");
  if (f->driver.ptxjit.there == THERE && !said) return say_ok(o, "%s", f->driver.ptxjit.path);
  if (f->driver.ptxjit.there == UNREAD && !said)
    return say_unknown(o, "where libnvidia-ptxjitcompiler.so.1 lies is not known");
  if (f->driver.cuda.there != THERE) return say_na(o, "there is no libcuda.so.1");
  say_evidence(o, "libnvidia-ptxjitcompiler.so.1",
               "in none of the folders that a program looks in");
  if (said) say_evidence(o, "CUDA", "%s", error_words(f, "CUDA", 221));
  say_need(o, "libnvidia-ptxjitcompiler.so.1");
  say_have(o, "none");
  return say_fail(o, "the driver's compiler for PTX is not there");
}
