// The program as a whole: exit statuses, refusals, Ctrl-C, version, and its commands.
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H
#include <stdbool.h>

enum status {
  STATUS_OK = 0,
  STATUS_NO = 1,            // the answer is no
  STATUS_REQUEST = 2,       // the request was wrong
  STATUS_MACHINE = 3,       // the machine failed us: I/O, out of memory
  STATUS_INTERRUPTED = 130, // Ctrl-C
  STATUS_GO_ON = -1         // from options_read: nothing to return yet
};

void program_command(const char *name); // what refusals begin with; static

// One line on standard error, "whycpu COMMAND: ...", and the status to return.
int request_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
int machine_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

extern const char program_version[], program_commit[];

// Ctrl-C ends the program at once with 130; while it is deferred the first one only makes
// interrupted() true, so that the work in hand can be kept, and the second ends it.
void interrupt_watch(void); // once, at the start
void interrupt_defer(bool);
bool interrupted(void);

int bench_command(int argc, char **argv);
int check_command(int argc, char **argv);
int compare_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int explain_command(int argc, char **argv);
int list_command(int argc, char **argv);
int machine_command(int argc, char **argv);
int plan_command(int argc, char **argv);
int report_command(int argc, char **argv);
int run_command(int argc, char **argv);
#endif
