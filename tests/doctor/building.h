// A tree with a Python environment or a program in it, and what the probe of builds makes of it.
#ifndef BUILDING_H
#define BUILDING_H
#include "elf_writer.h"
#include "probing.h"
#include "python.h"

#define VENV "/opt/venv"
#define SITE VENV "/lib/python3.11/site-packages"

// As setup of a cmocka test: a process with the interpreter /opt/venv/bin/python, on x86-64.
int building_begin(void **state);
// The probes of the process, of the system and of the build.
struct facts *build_facts(struct probing *, enum framework, const char *program);
void environment(struct probing *, const char *lines); // of the process, besides HOME and PATH
void process(struct probing *, const char *lines);     // its record, besides its ids

// NAME-VERSION.dist-info with METADATA in SITE; `requires`: lines of it, "" none.
void package(struct probing *, const char *name, const char *version, const char *requires);
// A file that stands for a library: it has no content that can be read.
void stand_in(struct probing *, const char *folder, const char *name);
// Libraries as the wheels of CUDA 12 have them, with their distributions; `without`: names of
// folders that are left out, "" none.
void wheels_12(struct probing *, const char *cudnn, const char *without);
void library(struct probing *, const char *path, const struct elf_plan *);
bool elf_is_read(struct probing *); // built with libelf

const struct needed *needs(const struct facts *, const char *name); // fails the test without it
bool needs_any(const struct facts *, const char *name);
void has_archs(const struct facts *, int count, ...); // in any order
#endif
