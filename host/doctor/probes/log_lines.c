// Lines of a kernel log, as dmesg, the kernel itself or a syslog daemon writes them.
#include "probe_log.h"
#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 1024, PREFIX_MOST = 128 };

static const char *const words[] = {"NVRM",
                                    "nvidia",
                                    "NVIDIA",
                                    "Xid",
                                    "nouveau",
                                    "Lockdown",
                                    "lockdown",
                                    "Loading of unsigned module",
                                    "Key was rejected",
                                    "Required key not available",
                                    "module verification",
                                    "PM: suspend",
                                    "PM: resume",
                                    "uvm",
                                    "devmem_alloc_pagemap",
                                    "BAR ",
                                    "fallen off",
                                    "AER",
                                    "pciehp",
                                    "vfio"};

static bool matters(struct slice text) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (slice_has(text, words[i])) return true;
  return false;
}

static void skip(struct slice *s, size_t count) {
  s->at += count;
  s->length -= count;
}

static void skip_blanks(struct slice *s) {
  while (s->length && (*s->at == ' ' || *s->at == '\t')) skip(s, 1);
}

// "[   12.345678]": the seconds; "[Mon Feb  3 10:11:12 2025]", "[    T1]" (who wrote it): -1.
static bool take_brackets(struct slice *s, double *seconds) {
  struct slice inside, rest;
  if (!slice_begins(*s, "[") || !slice_split(*s, ']', &inside, &rest)) return false;
  skip(&inside, 1);
  inside = slice_trim(inside);
  if (!inside.length || inside.length > 31) return false;
  char text[32] = "", *end;
  memcpy(text, inside.at, inside.length);
  double value = strtod(text, &end);
  bool number = !*end && strspn(text, "0123456789.") == inside.length;
  bool date = strspn(text, "MTWFS") == 1 && strchr(text, ':');
  bool caller = strspn(text, "TC") == 1 && strspn(text + 1, "0123456789") == inside.length - 1;
  if (!number && !date && !caller) return false; // "[drm] ..." is text
  if (number && *seconds < 0) *seconds = value;
  *s = rest;
  skip_blanks(s);
  return true;
}

// The time, priority and writer before a line's text. False: it is not the kernel's.
static bool take_prefix(struct slice *s, double *seconds) {
  static const char kernel[] = " kernel: ";
  struct slice head = {s->at, s->length < PREFIX_MOST ? s->length : PREFIX_MOST};
  struct slice priority, rest;
  uint64_t number;
  bool mine = true;
  *seconds = -1;
  if (slice_begins(*s, "kern ") && slice_split(*s, '[', &priority, &rest)) // dmesg -x
    skip(s, priority.length);
  if (!slice_begins(*s, "[") && !slice_begins(*s, "<")) {
    mine = slice_has(head, kernel);
    while (mine && !slice_begins(*s, kernel)) skip(s, 1);
    if (mine) skip(s, sizeof kernel - 1);
  }
  if (slice_begins(*s, "<") && slice_split(*s, '>', &priority, &rest)) {
    skip(&priority, 1);
    if (slice_number(priority, 10, 255, &number)) *s = rest;
  }
  if (take_brackets(s, seconds)) take_brackets(s, seconds);
  return mine;
}

// A syslog's lines by other programs: only those of modprobe on keys.
static bool by_modprobe(struct slice line) {
  return slice_has(line, "Key was rejected") || slice_has(line, "Required key not available");
}

// Where the last boot begins, and of which kernel.
static struct slice last_boot(struct slice bytes, struct slice *release) {
  static const char key[] = "Linux version ";
  struct slice rest = bytes, line, from = bytes;
  double seconds;
  *release = (struct slice){"", 0};
  while (slice_line(&rest, &line)) {
    struct slice text = line;
    take_prefix(&text, &seconds);
    if (!slice_begins(text, key)) continue;
    skip(&text, sizeof key - 1);
    *release = slice_word(&text);
    from.at = line.at;
    from.length = (size_t)(bytes.at + bytes.length - line.at);
  }
  return from;
}

// The next line that matters, without what is before its text.
static bool next(struct slice *rest, bool syslog, struct slice *text, double *seconds) {
  while (slice_line(rest, text)) {
    if (!take_prefix(text, seconds) && syslog && !by_modprobe(*text)) continue;
    if (matters(*text)) return true;
  }
  return false;
}

bool log_read(struct facts *f, struct slice bytes, bool syslog, const char *release) {
  struct slice booted, from = last_boot(bytes, &booted), rest = from, text;
  if (*release && booted.length && !slice_is(booted, release)) return false;
  double seconds;
  int all = 0, kept = 0;
  while (next(&rest, syslog, &text, &seconds)) all++;
  int passed = all > LOG_LINES_MOST ? all - LOG_LINES_MOST : 0; // the newest count
  struct log_line *line = arena_give(f->arena, (size_t)(all - passed) * sizeof *line);
  rest = from;
  for (int i = 0; next(&rest, syslog, &text, &seconds); i++)
    if (i >= passed)
      line[kept++] = (struct log_line){seconds, slice_show(f->arena, text, LINE_MOST), false};
  log_mark(line, kept);
  f->log.line = line;
  f->log.lines = kept;
  f->log.known = YES;
  return true;
}
