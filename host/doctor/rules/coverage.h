// Has a build code for a GPU.
#ifndef WHY_COVERAGE_H
#define WHY_COVERAGE_H
#include "facts.h"

enum covered { COVERED_NOT, COVERED_PTX, COVERED_CODE };
// Code (SASS) runs on GPUs of the same major capability and of its minor or a later one; Tegra's
// (5.3, 6.2, 7.2, 8.7, 10.1, 11.0) and the others' do not run on each other. PTX runs on any that
// came later. [CUDA C programming guide, binary and PTX compatibility; Tegra: section 8 of the
// doctor's catalogue]
enum covered coverage(const struct build *, int capability);
// "sm_75 sm_80 compute_90".
const char *archs_text(struct arena *, const struct build *);
#endif
