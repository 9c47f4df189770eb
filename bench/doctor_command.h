// A diagnosis, written: for a person in trouble, and for another program.
#ifndef BENCH_DOCTOR_COMMAND_H
#define BENCH_DOCTOR_COMMAND_H
#include "doctor.h"
#include <stdbool.h>
#include <stdio.h>

// Verdict first, then cause, evidence, fix and how to check it, the chain with one mark a level,
// further problems and what is not known. 80 columns; with `colour` escape sequences.
void doctor_text(FILE *, const struct why_diagnosis *, bool colour);
void doctor_explain(FILE *, const struct why_cause *, bool colour);
// {"schema": 1, "asked": ..., "verdict": ..., "causes": [...], "checks": [...]}
void doctor_json(FILE *, const struct why_diagnosis *);
#endif
