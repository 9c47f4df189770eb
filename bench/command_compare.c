// `whycpu compare`: two CSV files of results, cell by cell: faster, slower, the same, cannot tell.
#include "compare_print.h"
#include "options.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool read_difference(const char *text, void *to, struct why_error *wrong) {
  char *end;
  double value = strtod(text, &end);
  if (*end == '%') end++;
  if (end == text || *end || !(value >= 0) || value > 1000) {
    snprintf(wrong->text, sizeof wrong->text, "expected percent, 0 or more: 5, 2.5%%");
    return false;
  }
  *(double *)to = log1p(value / 100);
  return true;
}

static void tell_cut(const struct comparison *c) {
  for (int side = 0; side < SIDES; side++) {
    const struct cells_file *f = &c->cells.file[side];
    if (f->cut)
      fprintf(stderr,
              "whycpu compare: %s: line %d is half written, as a kill leaves it: left out\n",
              f->path, f->csv.line);
  }
}

static int write_junit(const char *path, struct comparison *c) {
  char said[256];
  struct output out;
  snprintf(said, sizeof said, "--junit %.240s", path);
  int status = output_open_said(said, path, &out);
  if (status) return status;
  status = compare_junit(out.file, c);
  if (!status) return output_close(&out);
  output_abandon(&out);
  return status;
}

static int write_result(const struct options *o, struct comparison *c) {
  struct output out;
  int status = output_open(o->output, &out);
  if (status) return status;
  if (o->format == TABLE_TEXT) {
    status = compare_text(out.file, c);
    if (!status) return output_close(&out);
    output_abandon(&out);
    return status;
  }
  struct table *table = table_open(out.file, o->format, compare_column, COMPARE_COLUMNS);
  status = table ? compare_table(table, c) : STATUS_OK;
  int written = output_table(&out, table);
  return status ? status : written;
}

int compare_command(int argc, char **argv) {
  struct comparison_rules rules = {.threshold = NAN, .run_to_run = log1p(0.01)};
  const char *junit = NULL;
  bool strict = false;
  const struct option_row rows[] = {
      // clang-format off
      {"threshold",  "PERCENT", "no smaller difference is slower or faster; an interval within it is the same", read_difference, &rules.threshold},
      {"repeat",     "FILE",    "a second run of what made A: the noise is read off the two",                   read_text,    &rules.repeat},
      {"run-to-run", "PERCENT", "what runs of one program differ by as a whole, 1 unless told",                 read_difference, &rules.run_to_run},
      {"predicted",  NULL,      "compare predicted times, not measured ones",                                   read_flag,    &rules.predictions},
      {"strict",     NULL,      "status 1 also where a cell of A is not in B",                                  read_flag,    &strict},
      {"junit",      "FILE",    "write JUnit XML too: a case a cell",                                           read_text,    &junit},
      {0}
      // clang-format on
  };
  const struct command_help help = {
      .usage = "compare A.csv B.csv [options]",
      .text =
          "Two CSV files of whycpu bench, A before and B after: cell by cell (a kernel, for a\n"
          "request) the difference of the medians, its interval, and whether B is slower, faster,\n"
          "the same within the precision, or cannot be told. Intervals are 95% for all cells at\n"
          "once, so two runs of one program alarm in under 5% of comparisons. Requests that run\n"
          "elsewhere now are listed with the reason. Status 1: a cell is slower, or all together\n"
          "are, or a request left the GPU and is slower, or runs nowhere now.\n\n"
          "  whycpu compare before.csv after.csv\n"
          "  whycpu compare before.csv after.csv --threshold 5 --junit compare.xml\n"
          "  whycpu compare before.csv after.csv --repeat before-again.csv --format csv",
      .row = rows};
  struct options o;
  struct comparison comparison;
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if (o.arguments != 2)
    return request_wrong("%s: two CSV files that whycpu bench wrote, the older one first",
                         o.arguments ? o.argument[o.arguments - 1] : "no files");
  if (rules.predictions && rules.repeat)
    return request_wrong("--predicted and --repeat exclude each other: predictions have no noise");
  status = comparison_make(&comparison, o.argument[0], o.argument[1], &rules);
  if (!status) tell_cut(&comparison);
  if (!status) status = write_result(&o, &comparison);
  if (!status && junit) status = write_junit(junit, &comparison);
  if (!status && (comparison_slower(&comparison) || (strict && comparison.only[SIDE_A])))
    status = STATUS_NO;
  comparison_free(&comparison);
  return status;
}
