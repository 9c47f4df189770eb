# ELF files, the linker's cache and its search.
set(doctor_opened tests/doctor/opened.c tests/doctor/tree.c)
why_test(test_elf SOURCES tests/doctor/test_elf.c tests/doctor/elf_writer.c ${doctor_opened}
         LABELS unit)
why_test(test_ldcache SOURCES tests/doctor/test_ldcache.c ${doctor_opened} LABELS unit)
why_test(test_resolve SOURCES tests/doctor/test_resolve.c tests/doctor/elf_writer.c
         ${doctor_opened} LABELS unit)
