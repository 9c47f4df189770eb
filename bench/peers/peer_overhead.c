// What whycpu itself costs: a warm why_decide(), and a row of the CSV. Medians of many, with the
// quartiles; nothing is compared.
#include "compare.h"
#include "csv.h"
#include "whycpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 201, CALLS = 200 };

static void require(enum why_reason reason, const char *what) {
  if (reason == WHY_OK) return;
  fprintf(stderr, "peer_overhead: %s: %s\n", what, why_sentence(reason));
  exit(3);
}

struct deciding {
  const struct why_machine *machine;
  struct why_request request;
  struct why_decision decision;
};

static void decide(void *arg) {
  struct deciding *d = arg;
  require(why_decide(d->machine, &d->request, &d->decision), "why_decide");
}

struct writing {
  struct csv_writer writer;
  struct csv_row row;
};

static void write_row(void *arg) {
  struct writing *w = arg;
  if (csv_write(&w->writer, &w->row) != 0) require(WHY_CALL_FAILED, "csv_write");
}

static void report(const char *what, void (*run)(void *), void *arg) {
  double sample[ROUNDS];
  for (int round = -1; round < ROUNDS; round++) {
    const double start = seconds_now();
    for (int i = 0; i < CALLS; i++) run(arg);
    if (round >= 0) sample[round] = (seconds_now() - start) / CALLS;
  }
  qsort(sample, ROUNDS, sizeof *sample, compare_doubles);
  printf("%-44s %8.3f us [%.3f, %.3f]\n", what, sample[ROUNDS / 2] * 1e6, sample[ROUNDS / 4] * 1e6,
         sample[ROUNDS - 1 - ROUNDS / 4] * 1e6);
}

int main(void) {
  static const char *const problems[] = {"gemm m=1024 n=1024 k=1024",
                                         "gemm m=1000 n=10 k=77 type=bf16 tb=1 beta=1",
                                         "softmax rows=4096 cols=4096"};
  const struct why_options options = {.library_dir = WHY_PEER_PLUGINS};
  struct why_machine *machine;
  require(why_open(&options, &machine), "why_open");
  why_open_all(machine);
  for (int i = 0; i < 3; i++) {
    struct deciding d = {.machine = machine};
    struct why_problem problem;
    struct why_error error;
    require(why_problem_parse(problems[i], &problem, &error), problems[i]);
    why_request_default(&problem, &d.request);
    require(why_consult(machine, &d.request), "why_consult");
    report(problems[i], decide, &d);
    why_decision_free(&d.decision);
  }
  FILE *file = tmpfile();
  struct writing w;
  if (file == NULL || csv_attach(&w.writer, fileno(file)) != 0)
    require(WHY_CALL_FAILED, "a temporary file");
  csv_row_clear(&w.row);
  w.row.schema = CSV_SCHEMA;
  w.row.op = "gemm";
  w.row.dims = "m=1024 n=1024 k=1024";
  w.row.note = "words, \"quoted\", with commas";
  w.row.median_s = 0.0012345678901234567;
  w.row.flops = 2147483648.0;
  report("a CSV row, to a file", write_row, &w);
  csv_close(&w.writer);
  fclose(file);
  why_close(machine);
  return 0;
}
