// What the campaigns of faults share: a case made ready on the emulated device, run with faults
// ahead, looked over, and counted. A run that does not end within WATCHDOG_SECONDS ends the test.
#ifndef WHY_TEST_FAULTS_H
#define WHY_TEST_FAULTS_H
#include "emulated.h"

enum { WATCHDOG_SECONDS = 10 };

struct fault_case {
  const char *problem;
  const char *kernel;    // alone, "cuda:naive", so that its failure is the answer; "": any, and the
                         // work is done by the next best
  enum why_plan plan;    // of the candidate that is chosen first
  uint64_t device_bytes; // the budget; 0: unlimited. Streamed: so that there are several parts
  enum why_transfer transfer;
  int64_t iterations;
  unsigned seed; // of the emulated queues
  enum why_submit submit;
};

struct campaign { // a case made ready
  struct emulated *e;
  const struct fault_case *of;
  struct why_request request;
  struct operands operands; // of the problem that all iterations together come to
  struct why_decision decision;
  int first;             // the candidate that was chosen at first
  enum why_reason ends;  // of the run
  uint64_t used, pinned; // bytes before it
  char what[256];        // for messages: the case and the fault
};

void campaign_open(struct campaign *, struct emulated *, const struct fault_case *);
void campaign_close(struct campaign *);
// Decides, sets the operands back and the emulation too: nothing is lost, no fault is ahead.
__attribute__((format(printf, 2, 3))) void campaign_ready(struct campaign *, const char *fault,
                                                          ...);
void campaign_call(struct campaign *); // runs it
// After a run: memory of the device and pinned memory are what they were before, and inputs, gaps
// and surroundings untouched. When it ends well the result is right; else nothing is chosen, the
// reason is also the fallback's, and operands that are read and written are as they came.
void campaign_look(const struct campaign *);
void campaign_run(struct campaign *); // both
// Did the first candidate fail? Then it has this reason, and words.
bool campaign_failed(struct campaign *, enum why_reason);

// Counts faults that were survived; prints how many, a line a `kind` and plan.
void faults_count(const char *kind, enum why_plan, long faults);
void faults_print(void);
extern const char *const emu_kind_name[EMU_KINDS];
extern const enum why_reason emu_kind_reason[EMU_KINDS];
// The run of what is named has begun; NULL: it has ended.
void watchdog(const char *what);
#endif
