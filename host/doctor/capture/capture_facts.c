// What a snapshot has below .whycpu, since no file of a machine says it: SNAPSHOT.md's formats.
#include "capture.h"
#include "gpu_json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_version(FILE *file, const struct facts *f) {
  (void)f;
  fputs("1\n", file);
}

static void put_env(FILE *file, const struct facts *f) {
  for (int i = 0; i < f->process.envs; i++) {
    const struct variable *v = &f->process.env[i];
    if (capture_env_allowed(v->name) && !strchr(v->value, '\n'))
      fprintf(file, "%s=%s\n", v->name, capture_env_value(v->name, v->value));
  }
}

static void put_process(FILE *file, const struct facts *f) {
  const struct process *p = &f->process;
  if (p->known == YES) {
    fprintf(file, "uid=%" PRId64 "\ngid=%" PRId64 "\ngroups=", p->uid, p->gid);
    for (int i = 0; i < p->groups; i++) fprintf(file, "%s%" PRId64, i ? "," : "", p->group[i]);
    fputc('\n', file);
  }
  if (p->python) fprintf(file, "python=%s\n", p->python);
  if (p->program) fprintf(file, "program=%s\n", p->program);
  if (p->cwd) fprintf(file, "cwd=%s\n", p->cwd);
  if (p->as_limit_known && p->as_limit_bytes == UINT64_MAX) fputs("as_limit=unlimited\n", file);
  if (p->as_limit_known && p->as_limit_bytes != UINT64_MAX)
    fprintf(file, "as_limit=%" PRIu64 "\n", p->as_limit_bytes);
}

static const char *error_name(int error, char number[16]) {
  static const struct {
    int error;
    const char *name;
  } names[] = {{EPERM, "EPERM"},   {EACCES, "EACCES"}, {ENOENT, "ENOENT"}, {ENODEV, "ENODEV"},
               {ENXIO, "ENXIO"},   {EIO, "EIO"},       {EBUSY, "EBUSY"},   {EINVAL, "EINVAL"},
               {ENOMEM, "ENOMEM"}, {EROFS, "EROFS"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].error == error) return names[i].name;
  snprintf(number, 16, "%d", error);
  return number;
}

static void put_nodes(FILE *file, const struct facts *f) {
  for (int i = 0; i < f->nodes.count; i++) {
    const struct node *n = &f->nodes.node[i];
    char number[16];
    fprintf(file, "%s %c %04o %" PRId64 " %" PRId64 " %d %d", n->path, n->type, n->mode, n->uid,
            n->gid, n->major, n->minor);
    if (n->opens == NO) fprintf(file, " open=%s", error_name(n->open_error, number));
    fputc('\n', file);
  }
}

static void put_kmsg(FILE *file, const struct facts *f) {
  for (int i = 0; i < f->log.lines; i++) {
    const struct log_line *line = &f->log.line[i];
    if (line->seconds >= 0) fprintf(file, "[%12.6f] ", line->seconds);
    fprintf(file, "%s\n", line->text);
  }
}

static void put_gpu(FILE *file, const struct facts *f) {
  gpu_json_write(file, &f->gpu);
}

static bool always(const struct facts *f) {
  return f->arena;
}
static bool env_known(const struct facts *f) {
  return f->process.env_known == YES;
}
static bool nodes_known(const struct facts *f) {
  return f->nodes.known == YES;
}
static bool log_known(const struct facts *f) {
  return f->log.known == YES;
}
// Also the words of a driver that gave no answer.
static bool gpu_known(const struct facts *f) {
  const struct gpu *gpu = &f->gpu;
  bool words = (gpu->nvml_why && *gpu->nvml_why) || (gpu->cuda_why && *gpu->cuda_why);
  return gpu->known == YES || words;
}

// A file that is not there is unknown, one that is there is taken for all there is.
static const struct fact {
  const char *path;
  bool (*known)(const struct facts *);
  void (*put)(FILE *, const struct facts *);
} fact[] = {
    {"/.whycpu/version", always, put_version}, {"/.whycpu/env", env_known, put_env},
    {"/.whycpu/process", always, put_process}, {"/.whycpu/nodes", nodes_known, put_nodes},
    {"/.whycpu/kmsg", log_known, put_kmsg},    {"/.whycpu/gpu.json", gpu_known, put_gpu},
};
enum { FACTS = sizeof fact / sizeof *fact };

bool capture_is_fact(const char *path) {
  bool is = strcmp(path, "/.whycpu/unread") == 0;
  for (int i = 0; i < FACTS; i++) is |= strcmp(path, fact[i].path) == 0;
  return is;
}

static bool write_fact(const struct facts *f, struct sink *sink, const struct fact *one) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  if (!file) return sink_failed(sink, one->path, strerror(errno));
  one->put(file, f);
  bool good = !ferror(file);
  good = fclose(file) == 0 && good;
  good = good ? sink_text(sink, one->path, text, length)
              : sink_failed(sink, one->path, strerror(ENOMEM));
  free(text);
  return good;
}

bool capture_facts(const struct facts *f, struct sink *sink) {
  bool good = true;
  for (int i = 0; good && i < FACTS; i++)
    if (fact[i].known(f)) good = write_fact(f, sink, &fact[i]);
  return good;
}
