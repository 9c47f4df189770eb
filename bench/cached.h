// The calibration of this machine in the user's cache folder: written by `machine --measure`, taken
// over whenever this machine is opened. One file a node, for home folders are shared.
#ifndef BENCH_CACHED_H
#define BENCH_CACHED_H
#include "whycpu.h"
#include <stdbool.h>

enum { CACHED_PATH = 4096 };
// $XDG_CACHE_HOME/whycpu/machine-NODE.json, or that under ~/.cache. False: there is no such folder.
bool cached_path(char out[CACHED_PATH]);
// A file that cannot be read is passed over, with a line on standard error; none is no matter.
void cached_adopt(struct why_machine *);
// Writes beside it and renames. STATUS_OK or the status, its line printed.
int cached_write(const struct why_machine *, char path[CACHED_PATH]);
#endif
