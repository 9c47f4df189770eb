// GPU-BLOB's files in a report: thresholds by both rules, and what their totals are worth. A file
// is read twice, first for its shape, which its contents say and not its name.
#include "blob.h"
#include "report.h"
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char label[] = "gpu-blob";

struct blob_file {
  struct report *report;
  const char *path;
  struct blob_reader rows;
  int shape;
  int64_t count, timeless, on_gpu, on_cpu;
  struct families families;
};

static int not_read(const struct blob_file *b, enum why_reason reason,
                    const struct why_error *error) {
  if (reason == WHY_ALLOC_FAILED) return machine_failed("out of memory");
  return request_wrong("%s: line %d: %s", b->path, error->line, error->text);
}

// The first shape that all rows are of.
static int find_shape(struct blob_file *b) {
  struct blob_row row;
  struct why_error error;
  bool possible[BLOB_SHAPES], more;
  enum why_reason reason;
  memset(possible, true, sizeof possible);
  while (!(reason = blob_next(&b->rows, &row, &more, &error)) && more) {
    b->count++;
    for (int i = 0; i < BLOB_SHAPES; i++) possible[i] &= blob_shape_size(i, &row) > 0;
  }
  if (reason) return not_read(b, reason, &error);
  for (b->shape = 0; b->shape < BLOB_SHAPES && !possible[b->shape];) b->shape++;
  if (!b->count) return request_wrong("%s: no rows: there is only a header", b->path);
  if (b->shape < BLOB_SHAPES) return STATUS_OK;
  return request_wrong("%s: M, N and K are not all of one of GPU-BLOB's %d shapes, such as M=N=K",
                       b->path, BLOB_SHAPES);
}

// A row of the CPU meets the GPU's of each transfer.
static int add(struct blob_file *b, const struct blob_row *from) {
  struct suite_case item = {.size = blob_shape_size(b->shape, from)};
  struct csv_row row;
  bool gpu = from->device != BLOB_CPU;
  snprintf(item.family, sizeof item.family, "%c%s %s%s%.32s", from->f64 ? 'd' : 's',
           from->gemv ? "gemv" : "gemm", blob_shape_name(b->shape),
           *from->sparsity ? " sparsity " : "", from->sparsity);
  csv_row_clear(&row);
  row.iterations = from->iterations;
  row.threads = 0; // not told
  row.flops = blob_flops(from);
  row.median_s = from->seconds;
  for (int t = 0; t < WHY_TRANSFER_COUNT; t++) {
    static const enum blob_device device[WHY_TRANSFER_COUNT] = {
        [WHY_ONCE] = BLOB_ONCE, [WHY_ALWAYS] = BLOB_ALWAYS, [WHY_UNIFIED] = BLOB_UNIFIED};
    if (gpu && from->device != device[t]) continue;
    row.transfer = why_transfer_name((enum why_transfer)t);
    if (families_add(&b->families, &item, &row, gpu, EVIDENCE_TOTALS)) return ENOMEM;
  }
  return 0;
}

static int read_rows(struct blob_file *b) {
  struct blob_row row;
  struct why_error error;
  enum why_reason reason;
  bool more;
  while (!(reason = blob_next(&b->rows, &row, &more, &error)) && more) {
    b->timeless += !(row.seconds > 0);
    row.device == BLOB_CPU ? b->on_cpu++ : b->on_gpu++;
    if (row.seconds > 0 && add(b, &row)) return machine_failed("out of memory");
  }
  return reason ? not_read(b, reason, &error) : STATUS_OK;
}

static int say(struct blob_file *b) {
  struct report_run run = {.path = b->path, .rows = b->count};
  snprintf(run.source, sizeof run.source, "%s", label);
  if (b->report->table) report_run(b->report, &run);
  report_say(b->report, label, "%s: %lld rows, %s; measured by GPU-BLOB, one total a size", b->path,
             (long long)b->count, blob_shape_name(b->shape));
  if (b->timeless)
    report_say(b->report, label,
               "%lld of %lld rows have a total of 0.00000 s, which is no time: left out",
               (long long)b->timeless, (long long)b->count);
  if (!b->on_cpu || !b->on_gpu)
    report_say(b->report, label, "no threshold: the rows are all of the %s",
               b->on_cpu ? "CPU" : "GPU");
  return report_thresholds(b->report, &run, &b->families, EVIDENCE_TOTALS)
             ? machine_failed("out of memory")
             : STATUS_OK;
}

static int pass(struct blob_file *b, FILE *file, int (*read)(struct blob_file *)) {
  struct why_error error;
  rewind(file);
  enum why_reason reason = blob_open(&b->rows, file, &error);
  if (reason) return not_read(b, reason, &error);
  int status = read(b);
  blob_free(&b->rows);
  return status;
}

static int report_file(struct report *report, const char *path) {
  struct blob_file b = {.report = report, .path = path};
  FILE *file = fopen(path, "re");
  if (!file) return request_wrong("%s: %s", path, strerror(errno));
  int status = pass(&b, file, find_shape);
  if (!status) status = pass(&b, file, read_rows);
  if (!status) status = say(&b);
  families_free(&b.families);
  fclose(file);
  return status;
}

int report_blob(struct report *report, const char *path) {
  struct stat is;
  char pattern[4096];
  glob_t found;
  if (stat(path, &is) || !S_ISDIR(is.st_mode)) return report_file(report, path);
  snprintf(pattern, sizeof pattern, "%s/[sd]gem[mv]_*.csv", path);
  int status = STATUS_OK, error = glob(pattern, 0, NULL, &found);
  if (error)
    return request_wrong("%s: no file of GPU-BLOB in it, such as sgemm_%s.csv", path,
                         blob_shape_name(0));
  for (size_t i = 0; i < found.gl_pathc && !status; i++)
    status = report_file(report, found.gl_pathv[i]);
  globfree(&found);
  return status;
}
