// The lines that refuse a request, and Ctrl-C.
#include "program.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *command = "";
void program_command(const char *name) {
  command = name;
}

static void line(const char *format, va_list arguments) {
  char text[1024];
  vsnprintf(text, sizeof text, format, arguments);
  for (char *c = text; *c; c++) // it stays one line, whatever it quotes
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  fflush(stdout);
  fprintf(stderr, "whycpu%s%s: %s\n", *command ? " " : "", command, text);
}

int request_wrong(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  line(format, arguments);
  va_end(arguments);
  return STATUS_REQUEST;
}

int machine_failed(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  line(format, arguments);
  va_end(arguments);
  return STATUS_MACHINE;
}

// ---- Ctrl-C -----------------------------------------------------------------------------------

static volatile sig_atomic_t deferred, count;

static void on_interrupt(int signal) {
  (void)signal;
  if (deferred && count++ == 0) return;
  _exit(STATUS_INTERRUPTED);
}

void interrupt_watch(void) {
  struct sigaction action = {.sa_handler = on_interrupt}, now;
  // Started in the background with SIGINT ignored, it stays ignored.
  if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_IGN) return;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void interrupt_defer(bool on) {
  count = on ? count : 0;
  deferred = on;
}

bool interrupted(void) {
  return count > 0;
}
