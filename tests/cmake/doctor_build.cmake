# Python environments as files, and frameworks' builds with the libraries that they would get.
why_test(test_python_text SOURCES tests/doctor/test_python_text.c LABELS unit)
foreach(part python build_tensorflow build_torch build_jax build_onnxruntime build_programs)
  why_test(test_${part}
           SOURCES tests/doctor/test_${part}.c tests/doctor/building.c tests/doctor/probing.c
                   tests/doctor/elf_writer.c tests/doctor/tree.c
           LABELS unit)
endforeach()
why_script(real_wheels tests/doctor/real_wheels.py LABELS full TIMEOUT 1800 PROCESSORS 2)
