// An emulated machine, the hands on its device, and operands whose every byte is accounted for:
// random inside, sentinels in the gaps between rows and around.
#ifndef WHY_TEST_EMULATED_H
#define WHY_TEST_EMULATED_H
#include "emulation/control.h"
#include "machine.h"

// Under a sanitizer everything takes ten times as long: tests that repeat do so less often there.
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

struct emulated {
  struct why_machine *machine;
  void (*reset)(void), (*fail_nth)(enum emu_kind, long), (*seed)(unsigned), (*lose)(void);
  void (*fail_again)(enum emu_kind, long), (*lose_at)(long), (*reset_peak)(void);
  long (*count)(enum emu_kind);
  uint64_t (*used)(void), (*peak)(void), (*host)(void), (*copied)(int to_device);
};
// The emulated cuda backend, opened, with this much device memory and capability (0: 90).
void emulated_open(struct emulated *, uint64_t memory_bytes, int capability);
// The same with the plug-ins of another folder.
void emulated_open_at(struct emulated *, const char *folder, uint64_t memory_bytes, int capability);
void emulated_close(struct emulated *);

struct operands {
  struct why_problem problem;
  struct why_tensor before[WHY_OPERANDS], now[WHY_OPERANDS];
  void *base[WHY_OPERANDS]; // of `now`, sentinels first
};
void operands_make(struct operands *, const struct why_problem *, unsigned seed);
// As before: outputs NaN, INOUT ones as they came.
void operands_reset(struct operands *);
// Fails the test unless inputs, gaps and surroundings are untouched.
void operands_intact(const struct operands *, const char *what);
// Fails the test unless why_check says OK.
void operands_right(const struct operands *, const char *what);
void operands_free(struct operands *);
#endif
