// The parts of probe_log.c that are files of their own.
#ifndef WHY_PROBE_LOG_H
#define WHY_PROBE_LOG_H
#include "slice.h"

enum { LOG_LINES_MOST = 4000 };

// log_lines.c: the lines of a kernel log that matter here, of its last boot. `syslog`: other
// programs write into it too. `release`: a log of another kernel is none of this boot, and false;
// "" any.
bool log_read(struct facts *, struct slice bytes, bool syslog, const char *release);
// log_attempts.c: marks what an attempt to load the module left behind that a later one followed.
void log_mark(struct log_line *, int lines);
#endif
