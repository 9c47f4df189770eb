// The kernel's log: its forms, what is kept of it, and what an attempt to load the module outdates.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include <cmocka.h>

static struct log *probe(struct probing *p) {
  struct facts *f = probing_facts(p);
  probe_scope(f);
  probe_log(f);
  return &f->log;
}

static struct log *probe_kmsg(struct probing *p, const char *text) {
  tree_file(p->dir, ".whycpu/kmsg", text);
  return probe(p);
}

// 1 or 0: the last line with these words holds, or is stale. -1: there is none.
static int holds(const struct log *log, const char *words) {
  for (int i = log->lines; i-- > 0;)
    if (strstr(log->line[i].text, words)) return !log->line[i].stale;
  return -1;
}

static void forms_of_lines(void **state) {
  static const struct {
    const char *line;
    double seconds;
  } rows[] = {{"[   12.345678] NVRM: text", 12.345678},
              {"<6>[   12.345678] NVRM: text", 12.345678},
              {"[   12.345678] [    T1] NVRM: text", 12.345678},
              {"[   12.345678][   C12] NVRM: text", 12.345678},
              {"[Mon Feb  3 10:11:12 2025] NVRM: text", -1},
              {"kern  :err   : [   12.345678] NVRM: text", 12.345678},
              {"Feb  3 10:11:12 host kernel: [   12.345678] NVRM: text", 12.345678},
              {"2025-02-03T10:11:12.123+01:00 host kernel: NVRM: text\r", -1},
              {"NVRM: text", -1},
              {"<6>NVRM: text", -1}};
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct log *log = probe_kmsg(p, rows[i].line);
    assert_int_equal(log->known, YES);
    assert_int_equal(log->lines, 1);
    assert_string_equal(log->line[0].text, "NVRM: text");
    assert_true(log->line[0].seconds == rows[i].seconds);
    assert_false(log->line[0].stale);
  }
}

static void only_what_matters_of_this_boot(void **state) {
  struct probing *p = *state;
  struct log *log = probe_kmsg(p, "[    0.0] Linux version 6.1.0-1 (a@b)\n[    1.0] NVRM: old\n"
                                  "[    0.0] Linux version 6.1.0-2 (a@b)\n[    1.0] usb 1-1: x\n"
                                  "[    2.0] NVRM: new \033[31m\a\n[drm] nvidia\n\n[ nvidia\n");
  assert_int_equal(log->lines, 3);
  assert_string_equal(log->path, "/.whycpu/kmsg");
  assert_string_equal(log->line[0].text, "NVRM: new  [31m ");
  assert_string_equal(log->line[1].text, "[drm] nvidia");
  assert_string_equal(log->line[2].text, "[ nvidia");
  tree_remove(p->dir, ".whycpu/kmsg");
  log = probe(p);
  assert_int_equal(log->known, UNKNOWN);
  assert_string_equal(log->path, "/.whycpu/kmsg");
}

#define NVLINK "nvidia-nvlink: Nvlink Core is being initialized, major device number 234\n"
#define LOADED                                                                                     \
  "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\n"
#define PREFACE                                                                                    \
  "nvidia: loading out-of-tree module taints kernel.\n"                                            \
  "nvidia: module license 'NVIDIA' taints kernel.\n"                                               \
  "nvidia: module verification failed: signature and/or required key missing\n"
#define UNSUPPORTED                                                                                \
  "NVRM: The NVIDIA GPU 0000:02:00.0 (PCI ID: 10de:1b82)\n"                                        \
  "NVRM: installed in this system is not supported by open\n"                                      \
  "nvidia: probe of 0000:02:00.0 failed with error -1\n"                                           \
  "NVRM: The NVIDIA probe routine failed for 1 device(s).\n"                                       \
  "NVRM: None of the NVIDIA devices were initialized.\n"                                           \
  "nvidia-nvlink: Unregistered Nvlink Core, major device number 234\n"
#define ONE_OF_TWO                                                                                 \
  "NVRM: The NVIDIA GPU 0000:02:00.0 (PCI ID: 10de:1b82)\n"                                        \
  "NVRM: installed in this system is not supported by open\n"                                      \
  "NVRM: The NVIDIA probe routine failed for 1 device(s).\n"
#define NOT_CALLED                                                                                 \
  "NVRM: The NVIDIA probe routine was not called for 1 device(s).\n"                               \
  "NVRM: No NVIDIA devices probed.\n"
#define REJECTED "Lockdown: modprobe: unsigned module loading is restricted\n"
#define XID "NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus.\n"
#define INIT_FAILED "NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)\n"
#define SUSPEND "PM: suspend exit\n"
#define UVM "nvidia-uvm: Loaded the UVM driver, major device number 510.\n"
#define HMM "nvidia-uvm: uvm_pmm_gpu.c:3176 devmem_alloc_pagemap[pid:1] request() err -34\n"
#define BAR "pci 0000:01:00.0: BAR 1: no space for [mem size 0x1000 64bit pref]\n"

static void attempts_outdate_earlier_ones(void **state) {
  static const struct {
    const char *log, *words;
    int holds;
  } rows[] = {
      // One attempt.
      {PREFACE NVLINK UNSUPPORTED, "not supported by open", 1},
      {PREFACE NVLINK UNSUPPORTED, "verification failed", 1},
      {PREFACE NVLINK LOADED INIT_FAILED, "RmInitAdapter", 1},
      {NVLINK ONE_OF_TWO LOADED, "not supported by open", 1}, // and the other came up
      {UNSUPPORTED, "None of the", 1},
      {NVLINK NOT_CALLED, "not called", 1},
      // A later one, failed or not.
      {NVLINK NOT_CALLED NVLINK UNSUPPORTED, "not called", 0},
      {NVLINK NOT_CALLED NVLINK UNSUPPORTED, "not supported by open", 1},
      {PREFACE NVLINK UNSUPPORTED NVLINK LOADED, "not supported by open", 0},
      {PREFACE NVLINK UNSUPPORTED NVLINK LOADED, "verification failed", 0},
      {PREFACE NVLINK NVLINK LOADED, "verification failed", 0},
      {NVLINK LOADED INIT_FAILED NVLINK LOADED, "RmInitAdapter", 0},
      {LOADED INIT_FAILED LOADED, "RmInitAdapter", 0}, // drivers before NVLink
      {UNSUPPORTED NOT_CALLED, "not supported by open", 0},
      {UNSUPPORTED NOT_CALLED, "not called", 1},
      // What is not of loading holds until one succeeds.
      {NVLINK LOADED XID, "Xid", 1},
      {NVLINK LOADED XID NVLINK UNSUPPORTED, "Xid", 1},
      {NVLINK LOADED XID NVLINK LOADED, "Xid", 0},
      {REJECTED, "Lockdown", 1},
      {REJECTED NVLINK UNSUPPORTED, "Lockdown", 1},
      {REJECTED PREFACE NVLINK LOADED, "Lockdown", 0},
      {BAR NVLINK LOADED, "BAR 1", 1},
      // Suspend, and nvidia-uvm by itself.
      {NVLINK LOADED UVM SUSPEND, "PM: suspend", 1},
      {NVLINK LOADED UVM SUSPEND UVM, "PM: suspend", 0},
      {SUSPEND NVLINK LOADED, "PM: suspend", 0},
      {NVLINK LOADED UVM HMM, "err -34", 1},
      {NVLINK LOADED UVM HMM UVM, "err -34", 0},
  };
  struct probing *p = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int got = holds(probe_kmsg(p, rows[i].log), rows[i].words);
    if (got != rows[i].holds) print_error("row %zu: %d\n", i, got);
    assert_int_equal(got, rows[i].holds);
  }
}

static void syslogs(void **state) {
  struct probing *p = *state;
  tree_file(p->dir, "proc/sys/kernel/osrelease", "6.1.0-2\n");
  tree_file(p->dir, "var/log/kern.log",
            "Feb  3 10:11:12 host kernel: [    0.000000] Linux version 5.9.0 (a@b)\n"
            "Feb  3 10:11:12 host kernel: [    1.0] NVRM: of another kernel\n");
  tree_file(p->dir, "var/log/syslog",
            "Feb  4 10:11:12 host kernel: [    0.000000] Linux version 6.1.0-2 (a@b)\n"
            "Feb  4 10:11:13 host apt: installed nvidia\n"
            "Feb  4 10:11:13 host modprobe[1]: ERROR: could not insert 'nvidia': Key was rejected\n"
            "Feb  4 10:11:13 host kernel: [    2.5] NVRM: here\n");
  struct log *log = probe(p);
  assert_string_equal(log->path, "/var/log/syslog");
  assert_int_equal(log->lines, 2);
  assert_non_null(strstr(log->line[0].text, "Key was rejected"));
  assert_string_equal(log->line[1].text, "NVRM: here");
  assert_true(log->line[1].seconds == 2.5);

  enum { LONG = 3 << 20 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  for (int i = 0; i < LONG; i += 64)
    memcpy(text + i, "Feb  4 10:11:12 host kernel: [    2.5] NVRM: an old line of them\n", 64);
  for (int i = 63; i < LONG; i += 64) text[i] = '\n';
  text[LONG] = 0;
  memcpy(text + LONG - 30, "\n[    9.0] NVRM: the last line", 30);
  tree_file(p->dir, "var/log/kern.log", text);
  free(text);
  log = probe(p);
  assert_string_equal(log->path, "/var/log/kern.log");
  assert_int_equal(log->lines, 4000);
  assert_string_equal(log->line[3999].text, "NVRM: the last line");
  tree_remove(p->dir, "var");
  assert_int_equal(probe(p)->known, UNKNOWN);
}

static void own_words(void **state) {
  struct probing *p = *state;
  assert_int_equal(probe(p)->own_known, UNKNOWN);
  tree_file(p->dir, ".whycpu/log", "first\n\n  \noffloaded 0/33 layers\tto GPU\r\nlast");
  struct log *log = probe(p);
  assert_int_equal(log->own_known, YES);
  assert_string_equal(log->own_path, "/.whycpu/log");
  assert_int_equal(log->owns, 3);
  assert_string_equal(log->own[1], "offloaded 0/33 layers to GPU");
  enum { LONG = 900 << 10 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  memset(text, 'x', LONG);
  text[LONG] = 0;
  tree_file(p->dir, ".whycpu/log", text);
  assert_int_equal(strlen(probe(p)->own[0]), 4096);
  for (int i = 1; i < LONG; i += 2) text[i] = '\n';
  tree_file(p->dir, ".whycpu/log", text);
  free(text);
  assert_int_equal(probe(p)->owns, 4000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, probing_begin, probing_end)
  static const struct CMUnitTest tests[] = {
      TEST(forms_of_lines), TEST(only_what_matters_of_this_boot),
      TEST(attempts_outdate_earlier_ones), TEST(syslogs), TEST(own_words)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
