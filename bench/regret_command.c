// `whycpu bench --regret`: which suites, where the rows and the words go.
#include "files.h"
#include "program.h"
#include "regret.h"
#include "suite_list.h"
#include <string.h>

// All shipped suites but the one that costs are fitted to.
static void every_suite(char *out, size_t size) {
  char *name[SUITES + 1];
  int names = data_names("suites", ".suite", name, SUITES + 1);
  size_t used = 0;
  *out = 0;
  for (int i = 0; i < names; i++)
    if (strcmp(name[i], "calibration") != 0)
      used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "", name[i]);
  data_free(name, names);
}

// Rows: to the file of -o, as CSV unless told, or to standard output where a format is given; then
// the words go to standard error.
static int measure(const struct options *o, struct why_machine *machine, const struct suite *suite,
                   int suites, const struct regret_rules *rules, struct output *out) {
  bool rows = o->format != TABLE_TEXT || o->output;
  enum table_format format = o->format == TABLE_TEXT ? TABLE_CSV : o->format;
  FILE *words = rows && !o->output ? stderr : stdout;
  struct table *t = rows ? table_open(out->file, format, regret_column, regret_columns) : NULL;
  if (rows && !t) return machine_failed("out of memory");
  int status = regret_run(machine, o, suite, suites, rules, t, words);
  if (t && !status) return output_table(out, t);
  if (t) (void)table_close(t);
  return status;
}

int regret_command(struct options *o, const char *names, struct regret_rules rules) {
  struct suite suite[SUITES];
  struct why_machine *machine = NULL;
  struct output out = {0};
  char all[1024];
  int suites = 0;
  if (o->machine || o->open.emulate_bytes)
    return request_wrong("--regret measures this machine: leave out %s",
                         o->machine ? "--machine" : "--emulate");
  if (!(rules.limit > 0)) rules.limit = 0.1;
  if (!(rules.seconds > 0)) rules.seconds = 0.05;
  if (!(o->given & OPTION_THREADS)) {
    o->threads[0] = 1;
    o->threads[1] = 0;
    o->thread_counts = 2;
  }
  every_suite(all, sizeof all);
  int status = suites_open("--suite", names ? names : all, suite, &suites);
  if (!status) status = output_open(o->output, &out);
  if (!status) status = options_machine(o, &machine);
  if (!status) status = measure(o, machine, suite, suites, &rules, &out);
  output_abandon(&out);
  why_close(machine);
  for (int i = 0; i < suites; i++) suite_free(&suite[i]);
  return status;
}
