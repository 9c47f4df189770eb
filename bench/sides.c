// Reads and matches the sides of a contest. See sides.h.
#include "sides.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wrong_text(struct why_error *wrong, const char *item, const char *right) {
  snprintf(wrong->text, sizeof wrong->text, "'%.40s': %s", item, right);
  return false;
}

static bool read_threads(const char *text, struct side *side, struct why_error *wrong) {
  enum { MOST = 4096 };
  struct why_error why;
  if (!strcmp(text, "all")) {
    side->threads = SIDE_ALL;
    return true;
  }
  if (side->gpu && !side->host) return wrong_text(wrong, side->text, "threads are the CPU's");
  if (read_count(text, &side->threads, &why) && side->threads <= MOST) return true;
  return wrong_text(wrong, side->text, "after @ a number of threads from 1 to 4096, or all");
}

// A backend, or backend:name, of the catalog.
static bool read_kernel(const char *name, struct side *side, struct why_error *wrong) {
  enum { MOST = 128, NAMES = 2 };
  char known[MOST][64], near[200];
  const char *choice[NAMES * MOST + NAMES] = {"gpu", "cpu"};
  int choices = NAMES, found = 0;
  for (int i = 0; i < why_kernel_count() && i < MOST; i++) {
    const struct why_kernel *k = why_kernel_at(i);
    snprintf(known[i], sizeof known[i], "%s:%s", k->backend, k->name);
    choice[choices++] = k->backend;
    choice[choices++] = known[i];
    bool whole = !strcmp(name, known[i]);
    if (!whole && strcmp(name, k->backend) != 0) continue;
    snprintf(side->backend, sizeof side->backend, "%s", k->backend);
    if (whole) snprintf(side->kernel, sizeof side->kernel, "%s", k->name);
    side->host = why_kernel_on_host(k);
    side->gpu = !side->host;
    found++;
  }
  if (found) return true;
  nearest(name, choice, choices, near, sizeof near);
  if (near[0] != 'd') snprintf(near, sizeof near, "gpu, cpu, a backend or a kernel (whycpu list)");
  return wrong_text(wrong, name, near);
}

static bool read_side(const char *text, size_t length, struct side *side, struct why_error *wrong) {
  *side = (struct side){.threads = SIDE_REQUESTED};
  if (!length || length >= sizeof side->text)
    return wrong_text(wrong, text, "two sides are wanted, such as gpu,cpu or onednn,openblas@1");
  snprintf(side->text, sizeof side->text, "%.*s", (int)length, text);
  char name[sizeof side->text];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(side->text, "@"), side->text);
  side->gpu = !strcmp(name, "gpu");
  side->host = !strcmp(name, "cpu");
  if (!side->gpu && !side->host && !read_kernel(name, side, wrong)) return false;
  const char *at = strchr(side->text, '@');
  return !at || read_threads(at + 1, side, wrong);
}

bool read_sides(const char *text, void *to, struct why_error *wrong) {
  struct sides *sides = to;
  size_t first = strcspn(text, ",");
  const char *second = text + first + (text[first] == ',');
  if (!read_side(text, first, &sides->a, wrong)) return false;
  if (!read_side(second, strlen(second), &sides->b, wrong)) return false;
  if (!strcmp(sides->a.text, sides->b.text))
    return wrong_text(wrong, text, "the same side twice; two that differ are wanted");
  return sides->given = true;
}

bool side_takes(const struct side *s, const char *backend, const char *kernel, bool gpu) {
  if (gpu ? !s->gpu : !s->host) return false;
  if (*s->backend && strcmp(s->backend, backend) != 0) return false;
  return !*s->kernel || !strcmp(s->kernel, kernel);
}

void side_name(const struct side *s, char *out, size_t size) {
  const char *name = *s->kernel ? s->text : *s->backend ? s->backend : s->gpu ? "a GPU" : "the CPU";
  int length = (int)strcspn(name, "@");
  if (s->threads == SIDE_REQUESTED)
    snprintf(out, size, "%.*s", length, name);
  else if (s->threads == SIDE_ALL)
    snprintf(out, size, "%.*s with all threads", length, name);
  else
    snprintf(out, size, "%.*s with %lld thread%s", length, name, (long long)s->threads,
             s->threads == 1 ? "" : "s");
}
