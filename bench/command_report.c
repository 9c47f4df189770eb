// `whycpu report`: what CSV files say: where the work ran and why, and where one side begins to
// win.
#include "report.h"
#include <string.h>

static bool read_import(const char *text, void *to, struct why_error *wrong) {
  if (!strcmp(text, "gpu-blob")) return *(bool *)to = true;
  snprintf(wrong->text, sizeof wrong->text, "gpu-blob is the one format there is besides our own");
  return false;
}

int report_command(int argc, char **argv) {
  static struct sides sides;
  static bool blob;
  static const struct option_row rows[] = {
      {"import", "gpu-blob", "the files, or folders of them, are GPU-BLOB's", read_import, &blob},
      {"threshold", "A,B", "of these sides, as bench --threshold has them", read_sides, &sides},
      {NULL},
  };
  static const struct command_help help = {
      .usage = "report FILE.csv... [options]",
      .text =
          "What the rows of whycpu bench say: how many decisions went where and why, the best of\n"
          "each operation, and the size from which one side wins for good, with a 95% interval\n"
          "and by GPU-BLOB's rule. Each run, machine and source (measured, predicted, emulated)\n"
          "is told apart. Sides of a threshold are gpu, cpu, a backend or a kernel.\n\n"
          "  whycpu report results.csv\n"
          "  whycpu report results.csv --threshold openblas@all,openblas@1 --format csv\n"
          "  whycpu report --import gpu-blob CSV_Results",
      .row = rows};
  struct options o;
  struct output out = {0};
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  if (!o.arguments)
    return request_wrong("a file is wanted: %s",
                         blob ? "of GPU-BLOB, or a folder of them" : "CSV that whycpu bench wrote");
  if (blob && sides.given)
    return request_wrong("--threshold with --import gpu-blob: its sides are the GPU and the CPU");
  if ((status = output_open(o.output, &out)) != STATUS_OK) return status;
  struct report report = {.file = out.file, .sides = sides.given ? &sides : NULL};
  if (o.format != TABLE_TEXT) {
    report.table = table_open(out.file, o.format, report_column, report_columns);
    if (!report.table) status = machine_failed("out of memory");
  }
  for (int i = 0; i < o.arguments && !status; i++)
    status = blob ? report_blob(&report, o.argument[i]) : report_rows(&report, o.argument[i]);
  if (!status) return report.table ? output_table(&out, report.table) : output_close(&out);
  if (report.table) (void)table_close(report.table);
  output_abandon(&out);
  return status;
}
