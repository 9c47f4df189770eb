// A kernel log outlives its cause. What one attempt to load the nvidia module left in it says
// nothing any more once another attempt was made. How attempts are told apart:
//
//   preface   "nvidia: loading out-of-tree module", "nvidia: module license", "nvidia: module
//             verification failed", each at most once a boot; then, each time,
//             "nvidia-nvlink: Nvlink Core is being initialized".
//   probing   "NVRM: The NVIDIA GPU ...", "NVRM: The NVIDIA probe routine ...", "NVRM: This PCI I/O
//             region ...", and whatever more NVRM says.
//   end       "NVRM: loading NVIDIA UNIX ..." where a GPU came up: it is printed after probing, and
//             begins nothing by itself. Else "None of the NVIDIA devices were initialized", "No
//             NVIDIA devices probed", "No NVIDIA GPU found", "nvidia-nvlink: Unregistered Nvlink
//             Core".
//
// A line of an earlier stage than the one before begins an attempt; so does probing after an end,
// or a second "loading", whose attempt left no other trace. What NVRM says otherwise (a GPU that
// does not start, a client of another version) comes after the end and belongs to the attempt
// before it.
//
// Lines of an earlier attempt are stale. Others (Xid, a GPU that fell off, suspend, lockdown) hold
// until a later attempt succeeds; those of suspend and of nvidia-uvm also until that module is
// loaded anew. A region without addresses is the bus's, and holds as long as the boot.
#include "probe_log.h"
#include <string.h>

enum stage { NONE, PREFACE, NVLINK, PROBING, UP, FAILED };

static const struct {
  const char *begins, *has;
  enum stage stage;
} marks[] = {
    {"nvidia: loading out-of-tree", "", PREFACE},
    {"nvidia: module license", "", PREFACE},
    {"nvidia: module verification failed", "", PREFACE},
    {"nvidia-nvlink: Nvlink Core is being initialized", "", NVLINK},
    {"nvidia-nvlink: Unregister", "", FAILED},
    {"NVRM: loading NVIDIA UNIX", "", UP},
    {"NVRM: ", "None of the NVIDIA devices were", FAILED},
    {"NVRM: ", "None of the NVIDIA graphics adapters were", FAILED},
    {"NVRM: ", "No NVIDIA devices probed", FAILED},
    {"NVRM: ", "No NVIDIA GPU found", FAILED},
    {"NVRM: ", "No NVIDIA graphics adapter", FAILED},
    {"NVRM: The NVIDIA GPU", "", PROBING},
    {"NVRM: The NVIDIA probe routine", "", PROBING},
    {"NVRM: This PCI I/O region assigned", "", PROBING},
    {"NVRM: request_mem_region failed", "", PROBING},
    {"NVRM: ignoring the legacy GPU", "", PROBING},
};

static enum stage stage_of(const char *text) {
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (!strncmp(text, marks[i].begins, strlen(marks[i].begins)) && strstr(text, marks[i].has))
      return marks[i].stage;
  return NONE;
}

// Does this line begin an attempt, after one that has come to `before`?
static bool begins(enum stage before, enum stage line) {
  if (line == NONE || line == FAILED) return false;
  if (line == UP) return before >= UP;
  if (before >= UP || before == NONE) return true;
  return line < before || (line == NVLINK && before == NVLINK);
}

static bool is_uvm_loaded(const char *text) {
  return !strncmp(text, "nvidia-uvm: Loaded", 18);
}

static bool of_loading(const char *text) {
  if (strstr(text, "Xid (") || strstr(text, "GPU has fallen off")) return false;
  return !strncmp(text, "NVRM: ", 6) || !strncmp(text, "nvidia: ", 8) ||
         !strncmp(text, "nvidia-nvlink: ", 15) || !strncmp(text, "nvidia 0000:", 12);
}

static bool of_bus(const char *text) {
  return strstr(text, "BAR ") && strncmp(text, "NVRM", 4) != 0;
}

static bool of_uvm(const char *text) {
  return !strncmp(text, "PM: ", 4) || strstr(text, "devmem_alloc_pagemap") ||
         strstr(text, "nvidia-uvm");
}

void log_mark(struct log_line *line, int lines) {
  enum stage stage = NONE;
  int attempt = 0; // the line that the last attempt begins with
  for (int i = 0; i < lines; i++) {
    enum stage next = stage_of(line[i].text);
    if (begins(stage, next)) attempt = i;
    if (next != NONE) stage = next;
  }
  bool up = false, uvm = false; // later than the line at hand
  for (int i = lines; i-- > 0;) {
    const char *text = line[i].text;
    if (of_loading(text))
      line[i].stale = i < attempt;
    else if (of_uvm(text))
      line[i].stale = up || uvm;
    else
      line[i].stale = up && !of_bus(text);
    up |= stage_of(text) == UP;
    uvm |= is_uvm_loaded(text);
  }
}
