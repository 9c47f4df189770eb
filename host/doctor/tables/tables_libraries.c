// Libraries' names by version, and the words for errors' numbers.
#include "table_bytes.h"
#include "table_rows.h"
#include "tables.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct soname {
  int first, last; // of CUDA
  const char *library, *name;
} soname[256];
static struct cudnn {
  int major;
  const char *name;
} cudnn[64];
static struct error {
  const char *api;
  long code;
  struct error_row row;
} error[128];
static int sonames, cudnns, errors;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load_sonames(void) {
  struct csv_rows csv = table_rows_open(table_sonames, table_sonames_length,
                                        "cuda_first,cuda_last,library,soname,source");
  char *cell[7];
  while (ROOM(soname, sonames) && csv_rows_next(&csv, cell, 5) == 5) {
    int first = cuda_number(cell[0]); // without a last one: all of its major, as sonames go
    int last = *cell[1] ? cuda_number(cell[1]) : first / 1000 * 1000 + 999;
    soname[sonames++] = (struct soname){first, last, cell[2], cell[3]};
  }
  csv = table_rows_open(
      table_cudnn_cuda, table_cudnn_cuda_length,
      "cudnn,cuda_majors,cuda_versions,min_linux_driver,soname,compute_capabilities,"
      "source");
  while (ROOM(cudnn, cudnns) && csv_rows_next(&csv, cell, 7) == 7)
    cudnn[cudnns++] = (struct cudnn){version_major(cell[0]), cell[4]};
}

static void load_errors(void) {
  struct csv_rows csv = table_rows_open(table_error_codes, table_error_codes_length,
                                        "api,code,name,meaning_for_doctor,source");
  char *cell[5];
  while (ROOM(error, errors) && csv_rows_next(&csv, cell, 5) == 5)
    error[errors++] = (struct error){cell[0], strtol(cell[1], NULL, 10), {cell[2], cell[3]}};
}

static void load(void) {
  load_sonames();
  load_errors();
}

const char *table_soname(int cuda, const char *library) {
  pthread_once(&once, load);
  for (int i = 0; i < sonames; i++)
    if (cuda >= soname[i].first && cuda <= soname[i].last && !strcmp(soname[i].library, library))
      return soname[i].name;
  return NULL;
}

const char *table_cudnn_soname(int version) {
  pthread_once(&once, load);
  for (int i = 0; i < cudnns; i++)
    if (cudnn[i].major == version / 10000) return cudnn[i].name;
  return NULL;
}

bool table_error(const char *api, int code, struct error_row *row) {
  pthread_once(&once, load);
  for (int i = 0; i < errors; i++)
    if (error[i].code == code && !strcmp(error[i].api, api)) {
      *row = error[i].row;
      return true;
    }
  return false;
}
