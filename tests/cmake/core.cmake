# The host library's own tests.
why_test(test_decide SOURCES tests/unit/test_decide.c tests/fixture.c LABELS unit)
why_test(test_problem SOURCES tests/unit/test_problem.c LABELS unit)
why_test(test_check SOURCES tests/unit/test_check.c LABELS unit)
# Not among the units: a minute under sanitizers, which test_check gives the same code.
why_test(test_planted SOURCES tests/unit/test_planted.c tests/answers.c LABELS planted)
why_test(test_conv2d SOURCES tests/unit/test_conv2d.c tests/answers.c LABELS unit)
why_test(test_op_parts SOURCES tests/unit/test_op_parts.c tests/answers.c LABELS unit)
why_test(test_plans SOURCES tests/plans/test_plans.c tests/plans/every_kernel.c tests/emulated.c
         LABELS emulation TIMEOUT 300)
why_test(test_words SOURCES tests/plans/test_words.c tests/emulated.c tests/fixture.c
         LABELS emulation)
why_test(test_reasons SOURCES tests/unit/test_reasons.c tests/fixture.c tests/emulated.c
         LABELS emulation ENVIRONMENT LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/tests/loading/driver)
if(TARGET test_reasons)
  target_compile_definitions(test_reasons PRIVATE FAKE_FOLDER="${CMAKE_BINARY_DIR}/tests/loading")
  foreach(plugin openblas cuda cublas other_abi no_symbol needs libcuda)
    add_dependencies(test_reasons fake_${plugin})
  endforeach()
endif()
foreach(test test_plans test_words test_reasons)
  if(TARGET ${test})
    add_dependencies(${test} backend_cuda-emulated)
  endif()
endforeach()
why_script(explain tests/explain/run.py LABELS explain)
why_test(test_cost SOURCES tests/unit/test_cost.c tests/fixture.c LABELS unit)
why_test(test_fit SOURCES tests/unit/test_fit.c LABELS unit)
why_test(test_adopt SOURCES tests/unit/test_adopt.c tests/fixture.c LABELS unit)
