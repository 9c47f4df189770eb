// What a report is made of, and the writer that takes it: text lines or the rows of a table. Leaves
// out reading (report_rows.c, report_blob.c).
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H
#include "options.h"
#include "rivals.h"
#include "summary.h"

enum { REPORT_NAME = 64 };
struct report {
  FILE *file;
  struct table *table;       // NULL: text
  const struct sides *sides; // NULL: the usual rivals
};
// Rows of one run on one machine, all of one source.
struct report_run {
  const char *path;
  char source[12]; // "measured", "predicted", "emulated", "gpu-blob"
  char run[REPORT_NAME], node[REPORT_NAME], machine[REPORT_NAME], commit[REPORT_NAME];
  char facts[12], first[32], last[32]; // of predictions; times of its rows
  int64_t rows;
};

extern const struct table_column report_column[];
extern const int report_columns;

// Each reads one file and says what is in it. STATUS_OK or the status to return, its line printed.
int report_rows(struct report *, const char *path);
int report_blob(struct report *, const char *path);

// ---- the writer ---------------------------------------------------------------------------------

void report_say(const struct report *, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4))); // text only
void report_run(struct report *, const struct report_run *);
void report_places(struct report *, const struct report_run *, const struct summary *);
// 0 or ENOMEM.
int report_thresholds(struct report *, const struct report_run *, struct families *, enum evidence);

#endif
