// What the fake driver libraries of these tests answer: the file that FAKE_DRIVER names, read at
// the first call. A line is for one call, or with @ for one device of it:
//   cuInit 803                        returns that
//   nvmlDeviceGetMigMode@1 0 value=1  returns 0 and gives 1; more=N is a second number
//   nvmlDeviceGetName 0 text=GRID V100D-32C
//   nvmlDeviceGetName fill            gives a text that fills its room, without an end
//   cuInit hang                       and, as the driver does at its worst: crash, abort, exit,
//                                     fork, deaf (hangs, and no signal that can be kept off ends
//                                     it), print, slow (50 ms)
// A call without a line succeeds, with what a sound GPU would say. The last line that fits counts.
// NAME.context is made with the first context, and NVML then counts a process more.
#ifndef FAKE_DRIVER_H
#define FAKE_DRIVER_H
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct said {
  int returns;
  unsigned long long value, more;
  bool fills;
  char text[256];
};

static inline void hang(void) {
  for (;;) pause();
}

static inline void misbehave(const char *how) {
  if (!strcmp(how, "hang")) hang();
  if (!strcmp(how, "crash")) raise(SIGSEGV);
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "exit")) exit(3);
  if (!strcmp(how, "slow")) usleep(50000);
  if (!strcmp(how, "fork") && fork() == 0) hang();
  if (!strcmp(how, "deaf")) {
    for (int i = 1; i < NSIG; i++) signal(i, SIG_IGN);
    hang();
  }
  if (!strcmp(how, "print"))
    for (int i = 0; i < 1000; i++) {
      printf("the driver prints, and prints, and prints\n");
      fflush(stdout);
      fprintf(stderr, "and complains\n");
    }
}

static inline const char *context_file(void) {
  static char path[512];
  snprintf(path, sizeof path, "%s.context", getenv("FAKE_DRIVER"));
  return path;
}

static inline unsigned long long number_after(const char *line, const char *word,
                                              unsigned long long otherwise) {
  const char *found = strstr(line, word);
  return found ? strtoull(found + strlen(word), NULL, 0) : otherwise;
}

static inline const char *scenario(void) {
  static char text[8192];
  const char *path = text[0] ? NULL : getenv("FAKE_DRIVER");
  FILE *file = path ? fopen(path, "re") : NULL;
  if (!file) return text;
  text[0] = '\n';
  text[1 + fread(text + 1, 1, sizeof text - 2, file)] = 0;
  fclose(file);
  return text;
}

// `device`: -1 where the call is for none.
static inline struct said said(const char *call, int device, unsigned long long value,
                               unsigned long long more, const char *text) {
  struct said answer = {.value = value, .more = more};
  snprintf(answer.text, sizeof answer.text, "%s", text);
  char line[512], how[64] = "0", name[128] = "", one[160];
  snprintf(one, sizeof one, "%s@%d", call, device);
  for (const char *at = scenario(); *at; at += strcspn(at, "\n")) {
    at++; // a line begins behind each end of one
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " "), line);
    if (strcmp(name, call) && strcmp(name, one)) continue;
    if (sscanf(line, "%*s %63s", how) != 1) continue;
    answer.value = number_after(line, " value=", value);
    answer.more = number_after(line, " more=", more);
    const char *words = strstr(line, " text=");
    if (words) snprintf(answer.text, sizeof answer.text, "%s", words + 6);
  }
  misbehave(how);
  answer.fills = !strcmp(how, "fill");
  answer.returns = (int)strtol(how, NULL, 10);
  return answer;
}

static inline int give_text(const struct said *answer, char *out, unsigned size) {
  if (answer->fills)
    memset(out, 'x', size);
  else
    snprintf(out, size, "%s", answer->text);
  return answer->returns;
}
#endif
