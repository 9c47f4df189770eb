// Rules of the kind of system: what is decided before any GPU is looked for.
#include "judge.h"

enum why_result rule_windows_native_tf(const struct facts *f, struct finding *o) {
  if (f->framework != FRAMEWORK_TENSORFLOW) return say_na(o, "asked of TensorFlow only");
  if (f->build.windows != YES) return say_ok(o, "not a Windows build");
  say_evidence(o, f->build.path, "TensorFlow %s for Windows", f->build.version);
  if (version_compare(f->build.version, "2.11") < 0)
    return say_ok(o, "TensorFlow %s is of before 2.11", f->build.version);
  say_need(o, "TensorFlow before 2.11, or WSL2");
  say_have(o, "TensorFlow %s on Windows", f->build.version);
  return say_fail(o, "TensorFlow %s runs on Windows itself", f->build.version);
}

enum why_result rule_wsl1_no_gpu(const struct facts *f, struct finding *o) {
  if (f->scope.platform == PLATFORM_WSL1) {
    say_evidence(o, f->scope.platform_path, "%s", f->scope.platform_text);
    say_need(o, "WSL2, which has /dev/dxg");
    say_have(o, "WSL 1");
    return say_fail(o, "the kernel is WSL 1's");
  }
  if (f->scope.platform_known == UNKNOWN && !driver_found_gpu(f))
    return say_unknown(o, "/proc/version is not known");
  return say_ok(o, "this is %s", platform_name(f));
}
