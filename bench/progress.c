// The progress line. It is drawn over itself, and only ever on a terminal.
#include "progress.h"
#include "clock.h"
#include <stdio.h>
#include <unistd.h>

static void draw(struct progress *p, double at) {
  double spent = at - p->start, rate = spent > 0 ? (double)(p->done - p->first) / spent : 0;
  fprintf(stderr, "\r%s %lld of %lld", p->label, (long long)p->done, (long long)p->total);
  if (rate > 0) {
    int64_t left = (int64_t)((double)(p->total - p->done) / rate);
    fprintf(stderr, ", %.3g a second, %lld:%02lld left", rate, (long long)(left / 60),
            (long long)(left % 60));
  }
  fprintf(stderr, "\033[K"); // to the end of the line: what a longer one left
  fflush(stderr);
  p->shown = true;
  p->last = at;
}

void progress_start(struct progress *p, const char *label, int64_t first, int64_t total) {
  double at = seconds_now();
  *p = (struct progress){.label = label, .first = first, .done = first, .total = total};
  p->terminal = isatty(STDERR_FILENO);
  p->start = at;
  if (p->terminal) draw(p, at);
}

void progress_step(struct progress *p) {
  p->done++;
  if (!p->terminal) return;
  double at = seconds_now();
  if (at - p->last >= 0.1 || p->done == p->total) draw(p, at);
}

void progress_clear(struct progress *p) {
  if (p->shown) fprintf(stderr, "\r\033[K");
  p->shown = false;
}
