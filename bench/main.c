// The program `whycpu`: finds the command and runs it. The only exit is at the end of main.
#include "options.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} command[] = {
    // clang-format off
    {"machine", machine_command, "what this machine has, and why what is absent is absent"},
    {"list",    list_command,    "ops, kernels, reasons, causes, suites, machines, columns, plan, types"},
    {"explain", explain_command, "where one problem would run, and why nowhere else; runs nothing"},
    {"run",     run_command,     "one problem: decide, run, check, time"},
    {"check",   check_command,   "every kernel that is present against a reference in double"},
    {"bench",   bench_command,   "sweep suites over sizes, types, budgets and policies into CSV"},
    {"doctor",  doctor_command,  "why is the GPU not used: the first cause, its evidence, its fix"},
    {"plan",    plan_command,    "which machine, with how much memory, serves this work"},
    {"compare", compare_command, "two CSV files: faster, slower, the same or cannot tell, and what moved"},
    {"report",  report_command,  "what CSV files say: where work ran and why, and thresholds"},
    // clang-format on
};
enum { COMMANDS = sizeof command / sizeof command[0] };

static int help(FILE *out, int status) {
  fprintf(out, "whycpu: when, and why, does work that could run on the GPU run on the CPU?\n\n"
               "usage: whycpu COMMAND [options]\n\n");
  for (int i = 0; i < COMMANDS; i++) fprintf(out, "  %-9s %s\n", command[i].name, command[i].help);
  fprintf(out,
          "\n"
          "  whycpu COMMAND --help    its options, with examples\n"
          "  whycpu --version         version and commit\n\n"
          "examples:\n"
          "  whycpu machine\n"
          "  whycpu explain gemm m=4096 n=4096 k=4096 type=bf16\n"
          "  whycpu explain gemm m=65536 n=65536 k=65536 --machine h200 --device-memory 8GiB\n"
          "  whycpu run softmax rows=4096 cols=4096 --emulate\n"
          "  whycpu bench --suite quick -o results.csv\n\n"
          "exit status: 0 well; 1 the answer is no; 2 the request was wrong; 3 the machine failed\n"
          "us; 130 after Ctrl-C\n");
  return status;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2) return help(stderr, STATUS_REQUEST);
  const char *name = argv[1], *choice[COMMANDS];
  if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
    return help(stdout, STATUS_OK);
  if (!strcmp(name, "--version")) {
    printf("whycpu %s (%s)\n", program_version, program_commit);
    return STATUS_OK;
  }
  for (int i = 0; i < COMMANDS; i++) {
    choice[i] = command[i].name;
    if (strcmp(name, choice[i]) != 0) continue;
    program_command(choice[i]);
    return command[i].run(argc - 1, argv + 1);
  }
  char near[256];
  nearest(name, choice, COMMANDS, near, sizeof near);
  return request_wrong("%s: no such %s; %s", name, *name == '-' ? "option" : "command", near);
}

// A standard file that was closed (>&-) leaves its number to the next file opened, and what is
// printed would land in there. Read-only, so that writing to it goes on failing.
static bool hold_standard_files(void) {
  for (int file = 0; file <= 2; file++)
    if (fcntl(file, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != file)
      return false;
  return true;
}

int main(int argc, char **argv) {
  if (!hold_standard_files()) return STATUS_MACHINE; // and nowhere to say why
  signal(SIGPIPE, SIG_DFL); // a closed pipe ends it quietly, whatever the parent ignored
  interrupt_watch();
  int status = dispatch(argc, argv);
  if (status == STATUS_OK && (fflush(stdout) != 0 || ferror(stdout)))
    status = machine_failed("standard output could not be written");
  return status;
}
