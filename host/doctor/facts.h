// What the probes found out about a machine and the program asked about: plain data, so that the
// rules that judge it touch nothing. Zero is "not known" everywhere. Each part is filled by the
// probe named with it, from one root; strings live in the arena.
#ifndef WHY_FACTS_H
#define WHY_FACTS_H
#include "root.h"
#include <stdint.h>

enum known { UNKNOWN, NO, YES };

enum framework { // "" is this program itself
  FRAMEWORK_SELF,
  FRAMEWORK_TENSORFLOW,
  FRAMEWORK_PYTORCH,
  FRAMEWORK_JAX,
  FRAMEWORK_ONNXRUNTIME,
  FRAMEWORK_LLAMA_CPP,
  FRAMEWORK_OLLAMA,
  FRAMEWORK_CUDA,
  FRAMEWORK_COUNT
};

// ---- the process asked about: probe_process.c --------------------------------------------------
// A snapshot has it in .whycpu/process and .whycpu/env; of this machine it is this process, or the
// one of --pid.

struct variable {
  const char *name, *value;
};
struct process {
  enum known known; // uid, gid, groups
  const char *path; // what they are read from, "/proc/self/status" or "/.whycpu/process"
  int64_t uid, gid;
  const int64_t *group;
  int groups;
  const char *python;  // the interpreter asked about, absolute; NULL: none named
  const char *program; // of --program, absolute; NULL: none named
  const char *cwd;     // NULL: not known
  bool as_limit_known;
  uint64_t as_limit_bytes;           // UINT64_MAX: unlimited
  struct text label;                 // /proc/self/attr/current, without its end of line
  enum known root_in_user_namespace; // uid 0 that is not the machine's root: /proc/self/uid_map
  enum known env_known;
  const char *env_path;
  const struct variable *env;
  int envs;
};

// ---- where are we: probe_scope.c ---------------------------------------------------------------

enum platform { PLATFORM_LINUX, PLATFORM_WSL1, PLATFORM_WSL2, PLATFORM_JETSON };
enum arch { ARCH_UNKNOWN, ARCH_X86_64, ARCH_AARCH64 };
struct scope {
  struct text version; // /proc/version
  struct text release; // /proc/sys/kernel/osrelease, without its end of line
  enum known platform_known;
  enum platform platform;
  const char *platform_path, *platform_text; // what says so
  enum arch arch;
  enum known container;
  const char *container_kind; // "docker", "podman", "kubernetes", "lxc", ...; "" if none
  const char *container_path, *container_text; // what says so
  const char *virtual; // "KVM", "VMware", ...; "" for bare metal or where it is not known
  struct text tegra;   // /etc/nv_tegra_release
};

// ---- the PCI bus: probe_pci.c ------------------------------------------------------------------

struct pci_device {       // an NVIDIA display controller (class 0x0300, 0x0302)
  const char *address;    // "0000:01:00.0"
  unsigned device;        // 0x2330
  unsigned class;         // 0x030200
  struct text driver;     // basename of the link `driver`; ABSENT: no driver has it
  struct text resource;   // its lines are regions: start end flags
  enum known config_gone; // its config space reads as ff
  const char *config_path;
  int link_width, link_width_most;  // 0: not known
  const char *name, *chip, *family; // from the table of PCI ids; "" where it is not there
  int capability;                   // 75 for 7.5; 0: not known
  int last_branch;                  // of drivers, 390; 0: still served, or not known
  enum known gsp;                   // has the processor that the open kernel module needs
};
struct pci {
  struct names bus;    // /sys/bus/pci/devices: THERE, ABSENT or UNREAD
  enum known complete; // NO: something of a device could not be read
  int functions;       // of any vendor
  const struct pci_device *gpu;
  int gpus;
  int switches;       // NVSwitch bridges: class 0x0680
  const char *others; // "an AMD GPU at 0000:03:00.0"; ""
};

// ---- the kernel's half of the driver: probe_kernel.c -------------------------------------------

struct proc_gpu { // /proc/driver/nvidia/gpus/*/information
  const char *address, *path, *model, *uuid;
  int minor; // -1: not said
  enum known excluded;
  bool never_initialised; // its UUID is question marks
};
struct module_file { // an nvidia.ko, whatever its ending
  const char *release, *path;
};
struct kernel {
  enum known nvidia, uvm, nouveau;                   // loaded (nouveau: or nova_core)
  const char *nvidia_path, *uvm_path, *nouveau_path; // what says so: /proc/modules, /sys/module/...
  struct text nvrm;                                  // /proc/driver/nvidia/version
  const char *version; // "550.54.14" from it or from /sys/module/nvidia/version; "" not known
  const char *version_path;
  enum known open; // the open kernel module
  const struct proc_gpu *gpu;
  int gpus;
  struct names gpu_names;         // /proc/driver/nvidia/gpus
  struct text params;             // /proc/driver/nvidia/params
  struct text devices;            // /proc/devices
  int uvm_major;                  // from it; 0: not listed
  struct names modules;           // /lib/modules: releases
  const struct module_file *file; // every nvidia.ko found, of any release
  int files;
  enum known file_here;    // one for the running release
  enum known sources;      // /usr/src/nvidia-* or /var/lib/dkms/nvidia
  const char *source_path; // one of them
  enum known headers;      // of the running release
  const char *headers_path;
  enum known blacklisted; // in /etc/modprobe.d: blacklist nvidia, install nvidia /bin/false
  const char *blacklist_path, *blacklist_line;
  enum known secure_boot;
  const char *secure_boot_path, *secure_boot_text;
  struct text lockdown; // /sys/kernel/security/lockdown
  struct text cmdline;  // /proc/cmdline
  // The fabric manager: installed (its program or unit), running (its pid file, or its log).
  enum known fabric_installed, fabric_running;
  const char *fabric_path, *fabric_version; // "" where it is not known
};

// ---- the kernel's log: probe_log.c -------------------------------------------------------------
// Lines of this boot, oldest first, each with its time stamp taken off. What came before the last
// attempt to load the nvidia module is marked.

struct log_line {
  double seconds; // since boot; -1: it says none
  const char *text;
  bool stale; // of an earlier attempt to load the module
};
struct log {
  const char *path; // of the kernel's: "/.whycpu/kmsg", "/dev/kmsg", "/var/log/kern.log", ...
  enum known known;
  const struct log_line *line;
  int lines;
  // What the framework itself printed: .whycpu/log.
  const char *own_path;
  enum known own_known;
  const char *const *own;
  int owns;
};

// ---- device nodes: probe_nodes.c ---------------------------------------------------------------

struct node { // below /dev, of NVIDIA's or named dxg, nvhost-*, nvmap, dri/renderD*
  const char *path;
  char type; // 'c' or 'b'
  unsigned mode;
  int64_t uid, gid;
  int major, minor;
  enum known opens; // could the process open it for reading and writing
  int open_error;   // errno, 0 where it opened or it is not known
};
struct nodes {
  enum known known;
  const char *path; // "/.whycpu/nodes" or "/dev"
  const struct node *node;
  int count;
};

// ---- containers: probe_container.c -------------------------------------------------------------

struct container {    // what a container engine has been told of GPUs, on the host or inside
  enum known toolkit; // nvidia-container-toolkit (nvidia-ctk, nvidia-container-runtime, -cli)
  const char *toolkit_path;
  enum known engine; // docker, podman or containerd is here
  const char *engine_path;
  enum known runtime; // /etc/docker/daemon.json or containerd's config names nvidia
  const char *runtime_path;
  enum known cdi; // a CDI specification for nvidia.com/gpu
  const char *cdi_path;
  int cdi_uvm_major;     // that it gives nvidia-uvm; 0: none
  enum known no_cgroups; // no-cgroups = true
  const char *no_cgroups_path;
  struct text devices_list;     // cgroup v1: /sys/fs/cgroup/devices/devices.list
  enum known selinux_enforcing; // /sys/fs/selinux/enforce
};

// ---- the driver's libraries: probe_driver.c ----------------------------------------------------

struct library { // as the process would get it
  enum there there;
  const char *name;    // "libcuda.so.1"
  const char *path;    // where it was found, before links; "" if not
  const char *real;    // with its links resolved, absolute
  const char *version; // the end of its real name: "550.54.14"; "" if there is none
  const char *how;     // "LD_LIBRARY_PATH", "RUNPATH", "RPATH", "ld.so.cache", "default", "wheel"
  int elf_class;       // 32, 64; 0: not an ELF file, or not readable
  int elf_machine;     // EM_X86_64...; 0: not known
};
struct user_driver {
  struct library cuda, nvml, ptxjit;
  const struct library *other_cuda; // further libcuda.so.1: in other places, of another class
  int other_cudas;
  enum known cuda_package; // some libnvidia-* is there at all
  enum known wsl_cuda;     // /usr/lib/wsl/lib/libcuda.so.1 is there
  enum known mps_control;  // the control file in CUDA_MPS_PIPE_DIRECTORY is there
  const char *mps_path;    // it; NULL where that variable is not set
  struct text apt_history; // the lines of /var/log/apt/history.log that name nvidia
};

// ---- what the driver answers: probe_gpu.c (JSON), ask.c (a child process) ----------------------

enum { GPU_ANSWERS = 64 };
enum compute_mode {
  COMPUTE_UNKNOWN,
  COMPUTE_DEFAULT,
  COMPUTE_EXCLUSIVE_THREAD,
  COMPUTE_PROHIBITED,
  COMPUTE_EXCLUSIVE_PROCESS
};
enum fabric { FABRIC_UNKNOWN, FABRIC_NONE, FABRIC_NOT_STARTED, FABRIC_IN_PROGRESS, FABRIC_DONE };
struct nvml_device {
  int index;
  int error;                        // what the device answers with; 0: it answers
  const char *uuid, *name;          // "" not known
  int capability;                   // 90; 0: not known
  enum known memory;                // the two that follow
  uint64_t total_bytes, free_bytes; // total 0: only how much is free is known
  enum compute_mode compute_mode;
  int processes; // -1: not known
  enum known mig;
  int mig_instances;       // -1: not known
  int64_t ecc_uncorrected; // -1: not known
  enum known remap_pending, remap_failure, retired_pending;
  enum fabric fabric;
  const char *virtualization, *vgpu_type; // "" not known; "none", "vgpu", "passthrough"
  enum known licensed;
  enum known confidential, confidential_ready;
  int multiprocessors; // 0: not known
};
struct cuda_device {
  const char *name;
  int capability; // 0: not known
  bool context_known;
  int context;         // what making a context returned
  int multiprocessors; // 0: not known
  int compute_mode;    // enum compute_mode
};
struct gpu {
  const char *path; // "/.whycpu/gpu.json", or "libcuda.so.1" and "libnvidia-ml.so.1" asked
  enum known known; // there are answers at all
  const char *why;  // where not: "no answer within 10 s", "it crashed (SIGSEGV)", ...
  int schema;       // of gpu.json, where it names one; 0: it names none
  bool nvml_known;  // nvmlInit was called
  int nvml_init;
  const char *nvml_why;     // where not
  const char *nvml_version; // of the driver, "" not known
  const struct nvml_device *nvml;
  int nvmls;
  bool cuda_known; // cuInit was called
  int cuda_init;
  const char *cuda_why;
  bool cuda_version_known, cuda_count_known;
  int cuda_version; // 12040
  int cuda_count;
  const struct cuda_device *cuda;
  int cudas;
};

// ---- the framework's build, and its libraries: probe_build.c and one file a framework ----------

enum { ARCH_PTX = 1000 }; // added to an architecture that is there as PTX only: 1090
struct needed {           // a library that the framework loads
  const char *name;       // "libcudnn.so.9"
  bool cudnn;
  struct library got;     // as the framework would get it; ABSENT, UNREAD
  const char *wheel_path; // where the same name lies without being on the way: .../nvidia/cudnn/lib
  const char *other_major; // where another major lies, "/usr/lib/.../libcudnn.so.8"; ""
  const char *shadowed;    // the wheel's own, which something earlier hides; ""
  const char *broken;      // a library that this one needs and nothing has: "libnvJitLink.so.12"
  const char *broken_for;  // the file that needs it
};
struct build {
  enum framework framework;
  enum known found;      // in the environment asked about
  const char *path;      // what it is read from: .../torch/version.py
  const char *where;     // the folder looked in, or the interpreter
  const char *elsewhere; // another environment that has it; ""
  const char *version;   // "2.5.1"; ""
  enum known cuda_build;
  const char *cuda_path, *cuda_text; // what says so
  enum known plugin;                 // jax only: a CUDA plug-in of the same version
  const char *plugin_path, *plugin_text;
  enum known shadowed; // onnxruntime only: both wheels are there
  const char *shadow_path;
  enum known windows;     // a Windows build, seen from WSL2 or asked there
  int cuda;               // 12040 of the build; 0: not known
  int cudnn;              // 80907, 91000 of the build, major * 10000 + minor * 100 + patch; 0
  const char *cudnn_from; // where cudnn is from
  enum known archs_known;
  const int *arch; // 75, 80, ARCH_PTX + 90
  int archs;
  const char *archs_path;
  int least_capability;      // below which the framework ignores a GPU; 0: not known
  int least_multiprocessors; // 0: does not look
  const struct needed *needed;
  int count;
  enum known libraries_known; // which libraries it loads is known
  const char *runtime_path;   // the CUDA runtime that it gets, where its version is known
  int runtime;                // 12010; 0: not known
  int runtime_least;          // what the build asks for; 0: nothing
  const char *cudnn_path;     // the cuDNN that it gets, where its version is known
  int cudnn_got;              // 80907; 0: not known
};

struct facts {
  struct arena *arena;
  struct root *root;
  enum framework framework;
  struct process process;
  struct scope scope;
  struct pci pci;
  struct kernel kernel;
  struct log log;
  struct nodes nodes;
  struct container container;
  struct user_driver driver;
  struct gpu gpu;
  struct build build;
};

// What a diagnosis is about.
struct ask {
  enum framework framework;
  const char *python, *program; // NULL: none named; of a snapshot inside it
  int pid;                      // 0: this process
  bool machine_only;            // leave out the framework's build: L0 to L5
};

// Each fills its part; in this order, for a later one may look at the earlier.
void probe_process(struct facts *, const struct ask *);
void probe_scope(struct facts *);
void probe_pci(struct facts *);
void probe_kernel(struct facts *);
void probe_log(struct facts *);
void probe_nodes(struct facts *);
void probe_container(struct facts *);
void probe_driver(struct facts *);
void probe_gpu(struct facts *);
void probe_build(struct facts *, const struct ask *);

// process.c: a variable of the environment asked about; NULL: it is not set, or not known.
const char *env_of(const struct facts *, const char *name);
// A node by its path; NULL.
const struct node *node_of(const struct facts *, const char *path);
#endif
