// What of a machine may be in a snapshot that is sent to somebody: of an environment the variables
// that decide about GPUs, by name; of files that hold more than was asked for, the lines that were.
#include "capture.h"
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

// ---- the environment ---------------------------------------------------------------------------

// "*" at the end: all that begin so.
static const char *const variables[] = {
    // clang-format off
    "CUDA_*", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_*",
    "NVIDIA_DISABLE_REQUIRE", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "HOME", "VIRTUAL_ENV",
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE",
    "PYTHONUSERBASE", "JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_SKIP_CUDA_CONSTRAINTS_CHECK",
    "XLA_FLAGS", "XLA_PYTHON_CLIENT_*", "TF_MIN_GPU_MULTIPROCESSOR_COUNT",
    "TF_FORCE_GPU_ALLOW_GROWTH", "OLLAMA_LLM_LIBRARY", "GGML_CUDA_*", "KUBERNETES_SERVICE_HOST",
    "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "container",
    // clang-format on
};
// Those of which it only matters that they are set.
static const char *const set_alone[] = {"KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER",
                                        "SINGULARITY_CONTAINER"};

bool capture_env_allowed(const char *name) {
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
    if (fnmatch(variables[i], name, 0) == 0) return true;
  return false;
}

const char *capture_env_value(const char *name, const char *value) {
  for (size_t i = 0; i < sizeof set_alone / sizeof *set_alone; i++)
    if (strcmp(set_alone[i], name) == 0 && *value) return "set";
  return value;
}

// ---- files -------------------------------------------------------------------------------------

enum keep { NOTHING, VARIABLES, OF_NVIDIA, NO_SECRETS };
static const struct {
  const char *path; // as fnmatch has it, a "*" for one part
  enum keep keep;
} rule[] = {
    {"/proc/*/environ", VARIABLES},
    {"/proc/*/cmdline", NOTHING},
    // The lines of the kernel's log that matter are in .whycpu/kmsg.
    {"/var/log/kern.log", NOTHING},
    {"/var/log/messages", NOTHING},
    {"/var/log/syslog", NOTHING},
    {"/var/log/dmesg", NOTHING},
    {"/var/log/apt/history.log", OF_NVIDIA},
    {"/etc/containerd/*", NO_SECRETS},
    {"/etc/docker/*", NO_SECRETS},
    {"/etc/crio/*", NO_SECRETS},
};

static bool keep_variable(const char *line, size_t length) {
  char name[64];
  const char *equals = memchr(line, '=', length);
  size_t named = equals ? (size_t)(equals - line) : length;
  if (!equals || named >= sizeof name) return false;
  memcpy(name, line, named);
  name[named] = 0;
  return capture_env_allowed(name);
}

static bool has_word(const char *line, size_t length, const char *word) {
  size_t letters = strlen(word);
  for (size_t i = 0; i + letters <= length; i++)
    if (strncasecmp(line + i, word, letters) == 0) return true;
  return false;
}

static bool keep_line(enum keep keep, const char *line, size_t length) {
  static const char *const secrets[] = {"auth", "passw", "token", "secret", "username", "@"};
  if (keep == VARIABLES) return keep_variable(line, length);
  if (keep == OF_NVIDIA) return has_word(line, length, "nvidia");
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
    if (has_word(line, length, secrets[i])) return false;
  return true;
}

static int rule_of(const char *path) {
  for (int i = 0; i < (int)(sizeof rule / sizeof *rule); i++)
    if (fnmatch(rule[i].path, path, FNM_PATHNAME) == 0) return i;
  return -1;
}

bool capture_keeps_whole(const char *path) {
  return rule_of(path) < 0;
}

bool capture_keep(const char *path, char *text, size_t *length) {
  int i = rule_of(path);
  if (i < 0) return true;
  if (rule[i].keep == NOTHING) return false;
  char end = rule[i].keep == VARIABLES ? 0 : '\n', *out = text;
  for (char *line = text, *stop = text + *length; line < stop;) {
    char *next = memchr(line, end, (size_t)(stop - line));
    next = next ? next + 1 : stop;
    size_t bytes = (size_t)(next - line);
    if (keep_line(rule[i].keep, line, bytes)) {
      memmove(out, line, bytes);
      out += bytes;
    }
    line = next;
  }
  *length = (size_t)(out - text);
  return true;
}
