// Any bytes as one of the text files that the probes of a machine read; the first byte says which.
#include "probe_log.h"
#include "tree.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

// Each with a first input.
static const struct {
  const char *path, *text;
} files[] = {
    {".whycpu/kmsg", "[    1.5] nvidia-nvlink: Nvlink Core is being initialized\n"
                     "<6>[ 2.5] [ T1] NVRM: The NVIDIA probe routine failed for 1 device(s).\n"
                     "host kernel: NVRM: loading NVIDIA UNIX\n[ 3.0] PM: suspend exit\n"},
    {".whycpu/nodes", "/dev/nvidia0 c 0666 0 0 195 0 open=EPERM\n/dev/dxg c 666 0 0 10 63 # x\n"},
    {".whycpu/process", "uid=0\ngid=0\ngroups=4,44\npython=/a\ncwd=/\nas_limit=unlimited\n"},
    {".whycpu/env", "PATH=/bin:/usr/bin\ncontainer=oci\nA=b=c\n"},
    {".whycpu/log", "offloaded 0/33 layers to GPU\n"},
    {"proc/1/environ", "PATH=/bin"},
    {"proc/version", "Linux version 4.4.0-1-Microsoft (x86_64)\n"},
    {"proc/modules", "nvidia 1 2 nvidia_uvm, Live 0x0\nnouveau 1 0\n"},
    {"proc/devices", "Character devices:\n195 nvidia\n510 nvidia-uvm\nBlock devices:\n"},
    {"proc/cmdline", "modprobe.blacklist=nouveau,nvidia"},
    {"proc/driver/nvidia/version",
     "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.158.01  Release"},
    {"proc/driver/nvidia/gpus/a/information", "Model: \t A\nGPU UUID: \t GPU-1\nDevice Minor: 1\n"},
    {"sys/bus/pci/devices/a/class", "0x030200\n"},
    {"lib/modules/r/modules.dep", "a/nvidia.ko.xz: b.ko\n/c/nvidia-current.ko:\n"},
    {"etc/modprobe.d/a.conf", "install nvidia /bin/false\nblacklist nvidia\n"},
    {"etc/cdi/a.yaml", "kind: nvidia.com/gpu\n- path: /dev/nvidia-uvm\n  major: 510\n"},
    {"etc/cdi/b.json", "{\"nvidia.com/gpu\": [{\"path\": \"/dev/nvidia-uvm\", \"major\": 5}]}"},
    {"etc/nvidia-container-runtime/config.toml", "no-cgroups = true\n"},
    {"var/log/fabricmanager.log", "Fabric Manager version is : 550.54.14\n"},
    {"var/lib/dpkg/status", "Package: nvidia-fabricmanager-550\nVersion: 550.54.14-1\n\n"},
    {"var/log/kern.log", "Feb  3 10:11:12 host kernel: [    0.0] Linux version r\n"},
};
enum { FILES = sizeof files / sizeof *files };

static char dir[TREE_PATH];

static void end(void) {
  tree_end(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  tree_begin(dir);
  atexit(end);
  tree_folder(dir, ".whycpu");
  tree_file(dir, "sys/bus/pci/devices/a/vendor", "0x10de");
  tree_file(dir, "proc/sys/kernel/osrelease", "r");
  tree_file(dir, "usr/bin/nv-fabricmanager", "");
  const char *seeds = getenv("FUZZ_SEEDS");
  for (int i = 0; seeds && i < FILES; i++) {
    char name[16], bytes[1024] = {(char)i};
    snprintf(name, sizeof name, "%d", i);
    strcpy(bytes + 1, files[i].text);
    tree_bytes(seeds, name, bytes, strlen(files[i].text) + 1);
  }
  return 0;
}

// Strings that a rule may print: ended, and without what would drive a terminal.
static void check(const struct facts *f) {
  for (int i = 0; i < f->log.lines; i++)
    for (const char *c = f->log.line[i].text; *c; c++)
      if ((unsigned char)*c < ' ') abort();
  for (int i = 0; i < f->process.envs; i++)
    if (!*f->process.env[i].name || !f->process.env[i].value) abort();
  for (int i = 0; i < f->nodes.count; i++)
    if (*f->nodes.node[i].path != '/' || f->nodes.node[i].mode > 07777) abort();
  if (f->log.lines > LOG_LINES_MOST || f->log.owns > LOG_LINES_MOST) abort();
  if (!f->scope.virtual || !f->scope.container_kind || !f->pci.others || !f->kernel.version)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (!length) return 0;
  const char *path = files[bytes[0] % FILES].path;
  tree_bytes(dir, path, bytes + 1, length - 1);
  static struct arena arena;
  jmp_buf full;
  arena.full = &full;
  if (setjmp(full)) abort(); // such an input is small
  struct facts facts = {.arena = &arena};
  struct why_error error;
  if (root_open(dir, &arena, &facts.root, &error) != WHY_OK) abort();
  probe_process(&facts, &(struct ask){.python = "python"});
  probe_scope(&facts);
  probe_pci(&facts);
  probe_kernel(&facts);
  probe_log(&facts);
  probe_nodes(&facts);
  probe_container(&facts);
  check(&facts);
  root_close(facts.root);
  arena_free(&arena);
  tree_remove(dir, path);
  return 0;
}
