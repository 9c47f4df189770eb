// NumPy's .npy files, versions 1 to 3, to and from operands. Source of the format:
// numpy.lib.format. Leaves out other types, big-endian files and .npz.
#ifndef BENCH_NPY_H
#define BENCH_NPY_H
#include "whycpu.h"
#include <stdio.h>

// Fills a tensor, whose type, shape, strides and data are set, from a file of the same type and
// shape in C or Fortran order; gaps are left alone. f8 is f64, f4 f32, f2 f16; bf16 is u2 (its
// bits) or V2 (what ml_dtypes saves). WHY_OK; WHY_BAD_INPUT with what was found and wanted;
// WHY_ALLOC_FAILED.
enum why_reason npy_read(FILE *, const struct why_tensor *, struct why_error *);
// Version 1.0, C order, packed. A failure shows in ferror(); WHY_ALLOC_FAILED.
enum why_reason npy_write(FILE *, const struct why_tensor *);
#endif
