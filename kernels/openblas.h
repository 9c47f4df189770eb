// What the files of the openblas backend share.
#ifndef WHY_OPENBLAS_H
#define WHY_OPENBLAS_H
#include "whycpu.h"

// How many threads OpenBLAS's next calls use.
void openblas_use_threads(int threads);

// Fills in the verdict; returns the reason.
enum why_reason openblas_refuse(struct why_call *, enum why_reason, const char *note);

#endif
