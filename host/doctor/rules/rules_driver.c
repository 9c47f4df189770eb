// Rules of the driver's libraries: which libcuda.so.1 a program gets, and whether it goes with the
// kernel's half.
#include "judge.h"
#include "resolve.h"
#include <string.h>

static bool below(const char *path, const char *folder) {
  return path && strstr(path, folder);
}

static bool compat(const struct library *cuda) {
  return below(cuda->real, "/compat/") || below(cuda->path, "/compat/");
}

// A stub answers 34 to every call: what answers anything else is none.
static bool stub(const struct facts *f) {
  const struct library *cuda = &f->driver.cuda;
  if (f->gpu.cuda_known) return f->gpu.cuda_init == 34;
  if (below(cuda->path, "/stubs/") || below(cuda->real, "/stubs/")) return true;
  return f->scope.platform == PLATFORM_LINUX && !*cuda->version;
}

enum why_result rule_libcuda_missing(const struct facts *f, struct finding *o) {
  const struct library *cuda = &f->driver.cuda;
  if (cuda->there == THERE) {
    say_evidence(o, cuda->path, "leads to %s", cuda->real);
    return say_ok(o, "%s", cuda->real);
  }
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (f->scope.platform == PLATFORM_WSL2 && f->driver.wsl_cuda == NO && !in_container(f))
    return say_na(o, "WSL2 brings its own, and has none");
  if (cuda->there == UNREAD) return say_unknown(o, "where libcuda.so.1 lies is not known");
  say_evidence(o, "libcuda.so.1", "in none of the folders that a program looks in");
  if (f->driver.nvml.there == THERE)
    say_evidence(o, f->driver.nvml.path, "is there: nvidia-smi would work");
  if (f->driver.wsl_cuda == YES) {
    say_evidence(o, "/usr/lib/wsl/lib/libcuda.so.1", "is there, and not looked for");
    say_fix(o, "put /usr/lib/wsl/lib into /etc/ld.so.conf.d/ld.wsl.conf and run ldconfig");
  }
  const char *path, *version = driver_version(f, &path);
  if (*version && f->driver.wsl_cuda != YES)
    say_fix(o, "install the driver's compute library of version %s (libnvidia-compute-%d)", version,
            version_major(version));
  say_need(o, "libcuda.so.1");
  say_have(o, "none");
  return say_fail(o, "no libcuda.so.1 is found");
}

enum why_result rule_libcuda_wrong_arch(const struct facts *f, struct finding *o) {
  static const char *const name[] = {
      [ARCH_UNKNOWN] = "64 bits", [ARCH_X86_64] = "x86-64", [ARCH_AARCH64] = "aarch64"};
  enum arch arch = f->scope.arch;
  const struct library *cuda = &f->driver.cuda;
  if (cuda->there == ABSENT) return say_na(o, "there is none");
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (cuda->there == UNREAD) return say_unknown(o, "where libcuda.so.1 lies is not known");
  bool other = arch && cuda->elf_machine && arch_of_machine(cuda->elf_machine) != arch;
  if (cuda->elf_class != 32 && !other)
    return say_ok(o, "of this architecture, as far as it is known");
  say_evidence(o, cuda->real, "ELF of %d bits, machine %d", cuda->elf_class, cuda->elf_machine);
  say_need(o, "%s", name[arch]);
  say_have(o, "%d bits, ELF machine %d", cuda->elf_class, cuda->elf_machine);
  return say_fail(o, "libcuda.so.1 is of another architecture");
}

enum why_result rule_libcuda_stub(const struct facts *f, struct finding *o) {
  const struct library *cuda = &f->driver.cuda;
  bool said = f->gpu.cuda_known && f->gpu.cuda_init == 34;
  if (cuda->there == ABSENT) return say_na(o, "there is none");
  if (cuda->there == UNREAD && !said) {
    if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
    return say_unknown(o, "where libcuda.so.1 lies is not known");
  }
  if (!said && !stub(f)) return say_ok(o, "not the toolkit's stub");
  if (cuda->there == THERE)
    say_evidence(o, cuda->path, "leads to %s, found by %s", cuda->real, cuda->how);
  if (said) say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", 34));
  say_need(o, "the driver's libcuda.so.1");
  say_have(o, "%s", cuda->there == THERE ? cuda->path : "the stub");
  if (cuda->there == THERE && !strcmp(cuda->how, "LD_LIBRARY_PATH"))
    say_fix(o, "take %.*s out of LD_LIBRARY_PATH", (int)(strrchr(cuda->path, '/') - cuda->path),
            cuda->path);
  return say_fail(o, "libcuda.so.1 is the toolkit's stub");
}

enum why_result rule_wsl_driver_broken(const struct facts *f, struct finding *o) {
  if (f->scope.platform != PLATFORM_WSL2) return say_na(o, "not WSL2");
  bool said = f->gpu.cuda_known && f->gpu.cuda_init == 500;
  if (said) say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", 500));
  if (!said && cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  bool lacks = f->driver.wsl_cuda == NO && !in_container(f);
  bool shadowed = f->driver.cuda.there == THERE && !below(f->driver.cuda.real, "/usr/lib/wsl/");
  if (lacks) say_evidence(o, "/usr/lib/wsl/lib/libcuda.so.1", "is not there");
  if (lacks || (said && !shadowed)) {
    say_need(o, "libcuda.so.1 from Windows in /usr/lib/wsl/lib");
    say_have(o, lacks ? "none" : "one that fails");
    return say_fail(o, "Windows does not hand its driver on");
  }
  if (f->driver.wsl_cuda == UNKNOWN && !in_container(f))
    return say_unknown(o, "/usr/lib/wsl/lib is not known");
  return say_ok(o, "Windows hands its driver on");
}

enum why_result rule_wsl_libcuda_shadowed(const struct facts *f, struct finding *o) {
  if (f->scope.platform != PLATFORM_WSL2) return say_na(o, "not WSL2");
  const struct library *cuda = &f->driver.cuda;
  if (cuda->there == ABSENT) return say_na(o, "there is none");
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (cuda->there == UNREAD) return say_unknown(o, "where libcuda.so.1 lies is not known");
  if (below(cuda->real, "/usr/lib/wsl/")) return say_ok(o, "it is WSL2's own");
  say_evidence(o, cuda->path, "leads to %s, found by %s", cuda->real, cuda->how);
  say_need(o, "libcuda.so.1 from /usr/lib/wsl/lib");
  say_have(o, "%s", cuda->real);
  return say_fail(o, "a Linux driver's libcuda.so.1 is found first");
}

// ---- versions ----------------------------------------------------------------------------------

static bool matches(const struct facts *f, const struct library *library) {
  return *library->version && version_compare(library->version, f->kernel.version) == 0;
}

// Another libcuda.so.1 that goes with the module, behind the one that is found.
static const struct library *matching_behind(const struct facts *f) {
  for (int i = 0; i < f->driver.other_cudas; i++)
    if (matches(f, &f->driver.other_cuda[i])) return &f->driver.other_cuda[i];
  return NULL;
}

enum why_result rule_driver_library_mismatch(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no such module", platform_name(f));
  const struct library *cuda = &f->driver.cuda, *nvml = &f->driver.nvml;
  const char *line = kernel_says(f, "API mismatch");
  bool known = f->kernel.version && *f->kernel.version;
  bool nvml_said = f->gpu.nvml_known && f->gpu.nvml_init == 18;
  bool cuda_said = f->gpu.cuda_known && f->gpu.cuda_init == 803;
  bool own = cuda->there == THERE && !compat(cuda) && !stub(f);
  const struct library *differs = known && own && *cuda->version && !matches(f, cuda) ? cuda : NULL;
  bool nvml_own = nvml->there == THERE && !compat(nvml) && *nvml->version;
  if (!differs && known && nvml_own && !matches(f, nvml)) differs = nvml;
  if (differs == cuda && matching_behind(f))
    return say_na(o, "one that matches the module is there, behind it");
  if (known) say_evidence(o, f->kernel.version_path, "version %s", f->kernel.version);
  if (differs) say_evidence(o, differs->path, "leads to %s", differs->real);
  if (nvml_said) say_evidence(o, "nvmlInit_v2", "%s", error_words(f, "NVML", 18));
  if (cuda_said) say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", 803));
  if (line) say_evidence(o, f->log.path, "%s", line);
  if (f->driver.apt_history.there == THERE && differs)
    say_evidence(o, f->driver.apt_history.path, "%.200s", f->driver.apt_history.text);
  if (differs || nvml_said || (cuda_said && own) || (line && !cuda_sees(f) && !nvml_sees(f))) {
    say_need(o, known ? "%s, as the module that is loaded" : "the version of the module%s",
             known ? f->kernel.version : "");
    say_have(o, "%s", differs ? differs->version : *cuda->version ? cuda->version : "another");
    return say_fail(o, "the libraries and the kernel module are of two versions");
  }
  if (cuda_sees(f) || nvml_sees(f)) return say_ok(o, "the driver answers");
  if (f->kernel.nvidia == NO) return say_na(o, "no driver is loaded");
  if (cuda->there == ABSENT) return say_na(o, "there is no libcuda.so.1");
  if (own && (!known || !*cuda->version))
    return say_unknown(o, "the version of the %s is not known",
                       known ? "library" : "kernel module");
  return say_ok(o, known && own ? "both are %s" : "nothing to compare%s",
                known && own ? cuda->version : "");
}

enum why_result rule_cuda_compat_unsupported(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no forward compatibility", platform_name(f));
  const struct library *cuda = &f->driver.cuda;
  bool said = f->gpu.cuda_known && f->gpu.cuda_init == 804;
  bool used = cuda->there == THERE && compat(cuda);
  if (used) say_evidence(o, cuda->path, "leads to %s, found by %s", cuda->real, cuda->how);
  if (said) say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", 804));
  const char *version = f->kernel.version ? f->kernel.version : "";
  if (said || (used && consumer_gpu(f) && version_compare(cuda->version, version) != 0)) {
    if (*version) say_evidence(o, f->kernel.version_path, "version %s", version);
    say_need(o, "a data-centre GPU, or the driver's own libcuda.so.1");
    say_have(o, "%s, on %s", used ? cuda->real : "forward compatibility", gpu_name(f));
    return say_fail(o, "forward compatibility does not serve %s", gpu_name(f));
  }
  if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
  if (cuda->there == UNREAD) return say_unknown(o, "where libcuda.so.1 lies is not known");
  return say_ok(o, used ? "it serves this GPU" : "no forward compatibility library is used");
}

enum why_result rule_cuda_compat_mismatch(const struct facts *f, struct finding *o) {
  if (without_pci(f)) return say_na(o, "%s has no forward compatibility", platform_name(f));
  const struct library *cuda = &f->driver.cuda, *behind = matching_behind(f);
  if (cuda->there == ABSENT) return say_na(o, "there is none");
  if (cuda->there == UNREAD) {
    if (cuda_sees(f)) return say_ok(o, "cuInit succeeds");
    return say_unknown(o, "where libcuda.so.1 lies is not known");
  }
  const char *version = f->kernel.version ? f->kernel.version : "";
  bool used = compat(cuda), said = f->gpu.cuda_known && f->gpu.cuda_init == 803;
  bool older = used && *version && *cuda->version && version_compare(cuda->version, version) < 0;
  bool second = !used && *version && *cuda->version && !matches(f, cuda) && behind && !stub(f);
  if (!(older && !cuda_sees(f)) && !second && !(used && said)) {
    if (used && !*version && !cuda_sees(f))
      return say_unknown(o, "the version of the kernel module is not known");
    return say_ok(o, "the libcuda.so.1 that is found goes with the module");
  }
  say_evidence(o, cuda->path, "leads to %s, found by %s", cuda->real, cuda->how);
  if (*version) say_evidence(o, f->kernel.version_path, "version %s", version);
  if (behind) say_evidence(o, behind->path, "leads to %s", behind->real);
  if (said) say_evidence(o, "cuInit", "%s", error_words(f, "CUDA", 803));
  say_need(o, "%s", behind ? behind->path : "a libcuda.so.1 that goes with the kernel module");
  say_have(o, "%s", cuda->path);
  return say_fail(o, "%s is found first", cuda->path);
}
