// `whycpu doctor`: why is the GPU not used, by this program or by a framework.
#include "doctor_command.h"
#include "options.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
  struct why_doctor ask;
  const char *capture, *explain;
  int64_t pid;
};

// One of `count` names, by name_at; `what` they are, for the refusal.
static bool read_name(const char *text, const char *(*name_at)(int), int count, const char *what,
                      const char **to, struct why_error *wrong) {
  enum { MOST = 128 };
  const char *choice[MOST];
  char near[160];
  int choices = 0;
  for (; choices < count && choices < MOST; choices++) {
    *to = choice[choices] = name_at(choices);
    if (!strcmp(text, *to)) return true;
  }
  nearest(text, choice, choices, near, sizeof near);
  snprintf(wrong->text, sizeof wrong->text, "no such %s; %s", what, near);
  return false;
}

// The first is this program itself, which is asked about by leaving the option out.
static const char *framework_at(int i) {
  return why_framework_name(i + 1);
}

static bool read_framework(const char *text, void *to, struct why_error *wrong) {
  return read_name(text, framework_at, why_framework_count() - 1, "framework", to, wrong);
}

static const char *cause_at(int i) {
  return why_cause_at(i)->id;
}

static bool read_cause(const char *text, void *to, struct why_error *wrong) {
  return read_name(text, cause_at, why_cause_count(), "cause", to, wrong);
}

// Colour is for a terminal that can show it, and whose user has not said no.
static bool wants_colour(const struct output *out) {
  const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
  return isatty(fileno(out->file)) && term && strcmp(term, "dumb") != 0 && !(no && *no);
}

static int failed(enum why_reason reason, const struct why_error *error) {
  if (reason == WHY_BAD_INPUT) return request_wrong("%s", error->text);
  return machine_failed("%s", *error->text ? error->text : why_sentence(reason));
}

static int capture(const struct request *r) {
  struct why_error error = {0};
  int files = 0, unread = 0;
  enum why_reason reason = why_capture(&r->ask, r->capture, &files, &unread, &error);
  if (reason != WHY_OK) return failed(reason, &error);
  printf("%s: %d files of this machine", r->capture, files);
  if (unread) printf(", and the names of %d that could not be read (.whycpu/unread)", unread);
  printf("\nwhycpu doctor --root %s looks at it\n", r->capture);
  return STATUS_OK;
}

// A row a check, for spreadsheets.
static struct table *show_csv(FILE *file, const struct why_diagnosis *d) {
  static const struct table_column column[] = {{"cause"}, {"level"}, {"result"}, {"root"},
                                               {"why"},   {"need"},  {"have"},   {"fix"}};
  struct table *t = table_open(file, TABLE_CSV, column, sizeof column / sizeof column[0]);
  for (int i = 0; t && i < d->checks; i++) {
    const struct why_finding *c = &d->check[i];
    bool found = c->result == WHY_RESULT_FAIL;
    table_string(t, c->cause->id);
    table_string(t, why_level_name(c->cause->level));
    table_string(t, why_result_name(c->result));
    table_bool(t, c->root);
    table_string(t, c->why);
    table_string(t, found ? c->need : NULL);
    table_string(t, found ? c->have : NULL);
    table_string(t, found ? c->fix : NULL);
  }
  return t;
}

static int diagnose(const struct options *o, const struct request *r) {
  struct why_error error = {0};
  struct why_diagnosis *d = NULL;
  struct output out = {0};
  enum why_reason reason = why_diagnose(&r->ask, &d, &error);
  if (reason != WHY_OK) return failed(reason, &error);
  int verdict = d->verdict == WHY_GPU_USED ? STATUS_OK : STATUS_NO;
  int status = output_open(o->output, &out);
  if (status == STATUS_OK && o->format == TABLE_CSV) {
    status = output_table(&out, show_csv(out.file, d));
  } else if (status == STATUS_OK) {
    if (o->format == TABLE_JSON)
      doctor_json(out.file, d);
    else
      doctor_text(out.file, d, wants_colour(&out));
    status = output_close(&out);
  }
  output_abandon(&out);
  why_diagnosis_free(d);
  return status == STATUS_OK ? verdict : status;
}

int doctor_command(int argc, char **argv) {
  struct request r = {0};
  const struct option_row rows[] = {
      {"framework", "NAME",
       "whose use of the GPU: tensorflow, pytorch, jax, onnxruntime,\n"
       "llama.cpp, ollama, cuda (any CUDA program); without: this program's",
       read_framework, &r.ask.framework},
      {"python", "PATH", "the interpreter that has the framework", read_text, &r.ask.python},
      {"program", "PATH", "the program, where it is not Python", read_text, &r.ask.program},
      {"pid", "N", "a process: its environment, limits and groups", read_count, &r.pid},
      {"root", "DIR|FILE", "a snapshot instead of this machine, a folder or a .tar.gz", read_text,
       &r.ask.root},
      {"capture", "DIR|FILE", "write a snapshot of this machine, to send to somebody", read_text,
       &r.capture},
      {"explain", "CAUSE", "what is known of a cause (whycpu list causes)", read_cause, &r.explain},
      {NULL}};
  const struct command_help help = {
      .usage = "doctor [options]",
      .text =
          "Why is the GPU not used? Walks from the PCI bus to the framework's libraries, and\n"
          "names the first cause with its evidence and what mends it. Needs neither Python nor\n"
          "root. Status 0: nothing stands in the way; 1: a cause was found, or it cannot be\n"
          "told.\n\n"
          "  whycpu doctor\n"
          "  whycpu doctor --framework pytorch --python /opt/venv/bin/python\n"
          "  whycpu doctor --framework ollama --pid 4711\n"
          "  whycpu doctor --capture machine.tar.gz\n"
          "  whycpu doctor --root machine.tar.gz --framework tensorflow --format json",
      .row = rows};
  struct options o;
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if (o.arguments) return request_wrong("%s: this command takes options only", o.argument[0]);
  if (r.pid > INT32_MAX) return request_wrong("--pid: no such process");
  r.ask.pid = (int)r.pid;
  if (r.explain) {
    doctor_explain(stdout, why_cause_find(r.explain),
                   wants_colour(&(struct output){.file = stdout}));
    return STATUS_OK;
  }
  return r.capture ? capture(&r) : diagnose(&o, &r);
}
