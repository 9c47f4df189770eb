// See samples.h.
#include "samples.h"
#include "disturbance.h"
#include "program.h"
#include "table.h"
#include <errno.h>
#include <string.h>

int samples_open(struct samples_file *f, const char *path, bool overwrite) {
  f->path = path;
  f->file = fopen(path, overwrite ? "we" : "wxe");
  if (!f->file && errno == EEXIST)
    return request_wrong("--samples %s: the file is there already; --overwrite replaces it", path);
  if (!f->file) return request_wrong("--samples %s: %s", path, strerror(errno));
  fprintf(f->file, "run,decision,backend,kernel,plan,sample,seconds,disturbed,why\n");
  return STATUS_OK;
}

void samples_write(void *to, const char *run, int64_t decision, const struct why_candidate *c,
                   const struct sampler *s) {
  struct samples_file *f = to;
  for (int i = 0; i < s->samples && !f->error; i++) {
    const struct sample *sample = &s->sample[i];
    char why[96], seconds[64];
    disturbance_names(sample->marks, why, sizeof why);
    number_text(sample->seconds[PART_TOTAL], seconds, sizeof seconds);
    if (fprintf(f->file, "%s,%lld,%s,%s,%s,%d,%s,%d,%s\n", run, (long long)decision,
                c->kernel->backend, c->kernel->name, why_plan_name(c->plan), i + 1, seconds,
                sample->marks != 0, why) < 0)
      f->error = errno;
    else
      f->samples++;
  }
  if (!f->error && fflush(f->file)) f->error = errno; // before the row that rests on them
}

int samples_close(struct samples_file *f) {
  if (!f->file) return STATUS_OK;
  if (fclose(f->file) && !f->error) f->error = errno;
  f->file = NULL;
  if (!f->error) return STATUS_OK;
  return machine_failed("--samples %s: %s; at most %lld samples are in it", f->path,
                        strerror(f->error), (long long)f->samples);
}
