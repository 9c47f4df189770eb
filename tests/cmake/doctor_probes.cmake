# The doctor's probes of the machine itself, on small trees of files and on this machine.
foreach(part process scope pci kernel modules log nodes container live)
  why_test(test_probes_${part}
           SOURCES tests/doctor/test_probes_${part}.c tests/doctor/probing.c tests/doctor/tree.c
           LABELS unit)
endforeach()
