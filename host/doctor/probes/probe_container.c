// What a container engine has been told of GPUs: on a host, or what of it shows inside.
#include "slice.h"
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { FILES_MOST = 64, TEXT_MOST = 256 << 10 };

static const char *const toolkits[] = {"/usr/bin/nvidia-ctk",
                                       "/usr/bin/nvidia-container-runtime",
                                       "/usr/bin/nvidia-container-cli",
                                       "/usr/bin/nvidia-container-toolkit",
                                       "/usr/bin/nvidia-container-runtime-hook",
                                       "/usr/local/nvidia/toolkit/nvidia-ctk",
                                       "/usr/local/nvidia/toolkit/nvidia-container-runtime"};
static const char *const engines[] = {
    "/usr/bin/docker",     "/usr/bin/dockerd",          "/usr/local/bin/docker",
    "/snap/bin/docker",    "/usr/bin/podman",           "/usr/local/bin/podman",
    "/usr/bin/containerd", "/usr/local/bin/containerd", "/usr/local/bin/k3s",
    "/usr/bin/crio",       "/run/docker.sock",          "/run/containerd/containerd.sock"};
// Where an engine is told of a runtime, or of a hook that does the same.
static const struct {
  const char *folder, *pattern, *words; // of a comment there is none in JSON
} settings[] = {{"/etc/docker", "daemon.json", "\"nvidia\""},
                {"/etc/docker", "daemon.json", "nvidia-container-runtime"},
                {"/etc/containerd", "config.toml", "nvidia"},
                {"/etc/containerd/conf.d", "*.toml", "nvidia"},
                {"/var/lib/rancher/k3s/agent/etc/containerd", "config.toml", "nvidia"},
                {"/etc/crio", "crio.conf", "nvidia"},
                {"/etc/crio/crio.conf.d", "*", "nvidia"},
                {"/etc/containers", "containers.conf", "nvidia"},
                {"/etc/containers/containers.conf.d", "*.conf", "nvidia"},
                {"/etc/containers/oci/hooks.d", "*nvidia*.json", "nvidia"},
                {"/usr/share/containers/oci/hooks.d", "*nvidia*.json", "nvidia"}};

static bool says(const struct text *text, const char *words) {
  struct slice rest = slice_text(text), line;
  while (slice_line(&rest, &line))
    if (slice_has(line, words) && !slice_begins(slice_trim(line), "#")) return true;
  return false;
}

static void find_runtime(struct facts *f) {
  struct container *c = &f->container;
  bool unread = false;
  for (int i = 0; i < COUNT(settings); i++) {
    struct names names = root_names(f->root, settings[i].pattern, "%s", settings[i].folder);
    unread |= names.there == UNREAD;
    for (int j = 0; j < names.count && j < FILES_MOST; j++) {
      struct text text = root_text(f->root, TEXT_MOST, "%s/%s", names.path, names.name[j]);
      unread |= text.there == UNREAD;
      if (!says(&text, settings[i].words)) continue;
      c->runtime = YES;
      c->runtime_path = text.path;
      return;
    }
  }
  c->runtime = unread ? UNKNOWN : NO;
}

// ---- CDI ---------------------------------------------------------------------------------------

static struct slice unquoted(struct slice s) {
  s = slice_trim(s);
  while (s.length && (*s.at == '"' || *s.at == '\'')) s.at++, s.length--;
  while (s.length && strchr("\"'", s.at[s.length - 1])) s.length--;
  return s;
}

// The major number beside the path of /dev/nvidia-uvm, in YAML or JSON: entries "key: value", one a
// line or between braces and commas; "- " or a brace begins the next item.
static int uvm_major_in(struct slice text) {
  uint64_t major = 0;
  bool uvm = false;
  while (text.length) {
    size_t length = 0;
    while (length < text.length && !strchr("\n,{}", text.at[length])) length++;
    struct slice entry = slice_trim((struct slice){text.at, length}), key, value;
    bool brace = length < text.length && (text.at[length] == '{' || text.at[length] == '}');
    text.at += length + (length < text.length);
    text.length -= length + (length < text.length);
    if (slice_begins(entry, "- ")) {
      uvm = false;
      major = 0;
      entry.at += 2;
      entry.length -= 2;
    }
    if (slice_split(entry, ':', &key, &value)) {
      key = unquoted(key);
      value = unquoted(value);
      uvm |= slice_is(key, "path") && slice_is(value, "/dev/nvidia-uvm");
      if (slice_is(key, "major") && !slice_number(value, 10, INT32_MAX, &major)) major = 0;
    }
    if (uvm && major) return (int)major;
    if (brace) {
      uvm = false;
      major = 0;
    }
  }
  return 0;
}

static void find_cdi(struct facts *f) {
  static const char *const folders[] = {"/etc/cdi", "/var/run/cdi", "/run/cdi"};
  struct container *c = &f->container;
  bool unread = false;
  for (int i = 0; i < COUNT(folders); i++) {
    struct names names = root_names(f->root, "*", "%s", folders[i]);
    unread |= names.there == UNREAD;
    for (int j = 0; j < names.count && j < FILES_MOST; j++) {
      struct slice name = slice_of(names.name[j]);
      if (!slice_ends(name, ".yaml") && !slice_ends(name, ".yml") && !slice_ends(name, ".json"))
        continue;
      struct text text = root_text(f->root, TEXT_MOST, "%s/%s", names.path, names.name[j]);
      unread |= text.there == UNREAD;
      if (!says(&text, "nvidia.com/gpu")) continue;
      if (!c->cdi_path) c->cdi_path = text.path;
      if (!c->cdi_uvm_major && (c->cdi_uvm_major = uvm_major_in(slice_text(&text))))
        c->cdi_path = text.path;
    }
  }
  c->cdi = c->cdi_path ? YES : unread ? UNKNOWN : NO;
}

// ---- the rest ----------------------------------------------------------------------------------

static void find_no_cgroups(struct facts *f) {
  struct text text = root_text(f->root, TEXT_MOST, "/etc/nvidia-container-runtime/config.toml");
  f->container.no_cgroups_path = text.path;
  f->container.no_cgroups = text.there == UNREAD ? UNKNOWN : NO;
  struct slice rest = slice_text(&text), line, key, value;
  while (slice_line(&rest, &line)) {
    if (!slice_split(line, '=', &key, &value) || !slice_is(slice_trim(key), "no-cgroups")) continue;
    f->container.no_cgroups = slice_is(slice_word(&value), "true") ? YES : NO;
  }
}

// A container is not shown that folder; its label, of four parts, still tells that SELinux is
// there.
static void find_selinux(struct facts *f) {
  struct text text = root_text(f->root, 64, "/sys/fs/selinux/enforce");
  enum known known = UNKNOWN;
  if (text.there == THERE) known = slice_begins(slice_text(&text), "1") ? YES : NO;
  struct slice label = slice_text(&f->process.label), part;
  int colons = 0;
  while (slice_split(label, ':', &part, &label)) colons++;
  if (text.there == ABSENT && colons < 3) known = NO;
  f->container.selinux_enforcing = known;
}

void probe_container(struct facts *f) {
  struct container *c = &f->container;
  c->toolkit = any_there(f->root, toolkits, COUNT(toolkits), &c->toolkit_path);
  c->engine = any_there(f->root, engines, COUNT(engines), &c->engine_path);
  find_runtime(f);
  find_cdi(f);
  find_no_cgroups(f);
  c->devices_list = root_text(f->root, 64 << 10, "/sys/fs/cgroup/devices/devices.list");
  find_selinux(f);
}
