# The sweep: suites, CSV, statistics, and that nothing finished is ever lost.
why_test(test_suite SOURCES tests/unit/test_suite.c LABELS unit)
why_test(test_csv SOURCES tests/unit/test_csv.c
         LABELS unit)
why_test(test_measure SOURCES tests/unit/test_measure.c LABELS unit)
why_test(test_summary SOURCES tests/unit/test_summary.c LABELS unit)
why_test(test_lies SOURCES tests/unit/test_lies.c LABELS emulation)
if(TARGET test_lies)
  add_dependencies(test_lies backend_cuda-emulated)
endif()
why_script(sweep_kept tests/cli/sweep_kept.py LABELS cli TIMEOUT 300)
why_script(cli_overwrite tests/cli/overwrite.py LABELS cli TIMEOUT 300)
why_script(cli_measuring tests/cli/measuring.py LABELS cli)
why_script(cli_regret tests/cli/regret.py LABELS cli)
why_script(cli_regret_measured tests/cli/regret.py measure LABELS full TIMEOUT 300 PROCESSORS 2)
why_script(cli_resume tests/cli/resume.py 25 LABELS cli TIMEOUT 600)
why_script(cli_resume_200 tests/cli/resume.py 200 LABELS full TIMEOUT 1800)
why_test(test_sampler SOURCES tests/unit/test_sampler.c LABELS unit)
why_test(test_again SOURCES tests/unit/test_again.c
         LABELS full TIMEOUT 600)

# With a fake libnvidia-ml.so.1, and one as old drivers have it.
foreach(driver new old)
  add_library(fake_nvml_${driver} MODULE tests/fakes/libnvml.c)
  set_target_properties(fake_nvml_${driver} PROPERTIES PREFIX "" OUTPUT_NAME libnvidia-ml
    SUFFIX ".so.1" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/nvml-${driver})
endforeach()
target_compile_definitions(fake_nvml_old PRIVATE FAKE_NVML_OLD)
foreach(test disturbance energy)
  why_test(test_${test} SOURCES tests/unit/test_${test}.c LABELS unit
           ENVIRONMENT LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/tests/nvml-new)
  if(TARGET test_${test})
    add_dependencies(test_${test} fake_nvml_new fake_nvml_old)
  endif()
endforeach()
why_test(test_measure_gpu SOURCES tests/unit/test_measure_gpu.c LABELS emulation
         ENVIRONMENT LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/tests/nvml-new)
if(TARGET test_measure_gpu)
  add_dependencies(test_measure_gpu backend_cuda-emulated fake_nvml_new)
endif()
if(TARGET test_disturbance)
  add_test(NAME test_disturbance_old_nvml COMMAND test_disturbance old-nvml)
  set_tests_properties(test_disturbance_old_nvml PROPERTIES LABELS unit SKIP_RETURN_CODE 77
    ENVIRONMENT LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/tests/nvml-old)
endif()
