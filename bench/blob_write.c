// A sweep's measured rows as GPU-BLOB's files, so that its plot scripts read them. See blob.h.
#include "blob.h"
#include "files.h"
#include "program.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096 };

// ---- gathering ----------------------------------------------------------------------------------

// A product of packed matrices that are not transposed, alpha 1 and beta 0, as all of GPU-BLOB's.
static bool has_it(const struct why_problem *p, struct blob_row *out) {
  struct why_problem plain;
  if (strcmp(p->op->name, "gemm") != 0 || (p->type != WHY_F32 && p->type != WHY_F64)) return false;
  why_problem_default(p->op, &plain);
  int64_t dim[3] = {0};
  for (int i = 0; i < p->op->params; i++) {
    const struct why_param *param = &p->op->param[i];
    const char *at = strchr("mnk", param->name[0]);
    if (at && !param->name[1])
      dim[at - "mnk"] = p->value[i];
    else if (param->kind == WHY_REAL ? p->real[i] != plain.real[i] : p->value[i] != plain.value[i])
      return false;
  }
  out->f64 = p->type == WHY_F64;
  out->gemv = dim[0] == 1;
  out->m = dim[1];
  out->n = out->gemv ? dim[2] : dim[0];
  out->k = out->gemv ? 0 : dim[2];
  return p->math == why_math_of(p->type);
}

static int compare(int64_t x, int64_t y) {
  return (x > y) - (x < y);
}

// By problem, device and time: the fastest of a device comes first.
static int by_place(const void *a, const void *b) {
  const struct blob_row *x = a, *y = b;
  int by = compare(x->f64, y->f64);
  if (!by) by = compare(x->gemv, y->gemv);
  if (!by) by = compare(x->m, y->m);
  if (!by) by = compare(x->n, y->n);
  if (!by) by = compare(x->k, y->k);
  if (!by) by = compare(x->device, y->device);
  return by ? by : (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

static bool same_problem(const struct blob_row *x, const struct blob_row *y) {
  return x->f64 == y->f64 && x->gemv == y->gemv && x->m == y->m && x->n == y->n && x->k == y->k;
}

static void keep_fastest(struct blob_export *e) {
  if (!e->rows) return;
  qsort(e->row, (size_t)e->rows, sizeof *e->row, by_place);
  int64_t kept = 1;
  for (int64_t i = 1; i < e->rows; i++) {
    const struct blob_row *last = &e->row[kept - 1];
    if (!same_problem(last, &e->row[i]) || last->device != e->row[i].device)
      e->row[kept++] = e->row[i];
  }
  e->rows = kept;
}

static int room_for_row(struct blob_export *e) {
  if (e->rows < e->capacity) return 0;
  keep_fastest(e);
  if (e->capacity && e->rows <= e->capacity / 2) return 0;
  int64_t capacity = e->capacity ? 2 * e->capacity : 256;
  struct blob_row *grown = realloc(e->row, (size_t)capacity * sizeof *grown);
  if (!grown) return ENOMEM;
  e->row = grown;
  e->capacity = capacity;
  return 0;
}

int blob_export_add(struct blob_export *e, const struct suite_case *item, const struct csv_row *row,
                    bool gpu) {
  struct blob_row is = {.iterations = row->iterations, .seconds = row->median_s, .sparsity = ""};
  if (strcmp(row->source, "measured") != 0 || isnan(row->median_s) ||
      !strcmp(row->status, "failed"))
    return 0;
  if (!has_it(&item->problem, &is)) {
    e->left_out++;
    return 0;
  }
  is.device = !gpu                               ? BLOB_CPU
              : !strcmp(row->transfer, "once")   ? BLOB_ONCE
              : !strcmp(row->transfer, "always") ? BLOB_ALWAYS
                                                 : BLOB_UNIFIED;
  if (room_for_row(e)) return ENOMEM;
  e->row[e->rows++] = is;
  return 0;
}

void blob_export_free(struct blob_export *e) {
  free(e->row);
  memset(e, 0, sizeof *e);
}

// ---- files --------------------------------------------------------------------------------------

static void path_of(const char *folder, int shape, bool f64, char out[PATH]) {
  const char *op = strstr(blob_shape_name(shape), "vector") ? "gemv" : "gemm";
  snprintf(out, PATH, "%s/%c%s_%s.csv", folder, f64 ? 'd' : 's', op, blob_shape_name(shape));
}

int blob_export_check(const char *folder, bool overwrite) {
  char path[PATH];
  for (int i = 0; i < 2 * BLOB_SHAPES && !overwrite; i++) {
    path_of(folder, i / 2, i % 2, path);
    if (!access(path, F_OK))
      return request_wrong("%s is there already; name another folder, or add --overwrite", path);
  }
  return STATUS_OK;
}

// What is to go into a file: sizes, and whether each has all three transfers of a GPU.
struct content {
  int64_t sizes, on_cpu, on_gpu, whole_gpu;
};
static struct content content_of(const struct blob_export *e, int shape, bool f64) {
  struct content c = {0};
  int devices = 0;
  for (int64_t i = 0; i < e->rows; i++) {
    const struct blob_row *row = &e->row[i];
    if (row->f64 != f64 || !blob_shape_size(shape, row)) continue;
    if (!i || !same_problem(row, row - 1)) c.sizes++, devices = 0;
    c.on_cpu += row->device == BLOB_CPU;
    c.on_gpu += row->device == BLOB_ONCE;
    devices += row->device != BLOB_CPU;
    c.whole_gpu += devices == BLOB_DEVICES - 1;
  }
  return c;
}

static void write_row(FILE *f, const struct blob_row *row) {
  static const char *const device[BLOB_DEVICES] = {"cpu", "gpu_offloadOnce", "gpu_offloadAlways",
                                                   "gpu_unified"};
  double m = (double)row->m, n = (double)row->n, k = (double)row->k;
  double elements = row->gemv ? m * n + m + n : m * k + k * n + m * n;
  double rate = blob_flops(row) * (double)row->iterations / row->seconds;
  fprintf(f, "%s,%c%s,%lld,%lld,%lld,%.3f,%lld,%.12f,%.6f\n", device[row->device],
          row->f64 ? 'd' : 's', row->gemv ? "gemv" : "gemm", (long long)row->m, (long long)row->n,
          (long long)row->k, elements * (row->f64 ? 8 : 4) / 1024, (long long)row->iterations,
          row->seconds, rate * 1e-9);
}

static int write_file(struct blob_export *e, const char *path, int shape, bool f64, bool gpu) {
  struct output out;
  int status = output_open_said(path, path, &out);
  if (status) return status;
  fputs("Device,Kernel,M,N,K,Total Problem Size (KiB),Iterations,Total Seconds,GFLOP/s\n",
        out.file);
  for (int64_t i = 0; i < e->rows; i++) {
    const struct blob_row *row = &e->row[i];
    if (row->f64 == f64 && blob_shape_size(shape, row) && (gpu || row->device == BLOB_CPU))
      write_row(out.file, row);
  }
  return output_close(&out);
}

int blob_export_write(struct blob_export *e, const char *folder, FILE *words, const char *label) {
  int status = STATUS_OK, files = 0;
  keep_fastest(e);
  for (int i = 0; i < 2 * BLOB_SHAPES && !status; i++) {
    char path[PATH];
    int shape = i / 2;
    struct content c = content_of(e, shape, i % 2);
    if (c.sizes < 2) continue;
    bool gpu = c.whole_gpu == c.sizes; // its plots want all three transfers at every size
    path_of(folder, shape, i % 2, path);
    status = write_file(e, path, shape, i % 2, gpu);
    if (status) return status;
    files++;
    fprintf(words, "%s | %lld sizes in %s%s\n", label, (long long)c.sizes, path,
            gpu        ? ""
            : c.on_gpu ? ", without the GPU, for which not all three --transfer were measured"
                       : ", of the CPU");
  }
  if (!files)
    fprintf(words, "%s | nothing for GPU-BLOB: no two sizes of a shape that it has were measured\n",
            label);
  if (e->left_out)
    fprintf(words,
            "%s | %lld measured rows are of an operation, type or form that GPU-BLOB has not\n",
            label, (long long)e->left_out);
  return status;
}
