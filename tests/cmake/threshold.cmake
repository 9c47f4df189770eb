# The search for thresholds: step by step, and against simulated truth.
set(threshold_simulated tests/simulation.c)
why_test(test_threshold SOURCES tests/unit/test_threshold.c ${threshold_simulated} LABELS unit)
# Not among the units: under sanitizers it takes half a minute, for code that test_threshold covers.
why_test(test_threshold_truth SOURCES tests/unit/test_threshold_truth.c ${threshold_simulated}
         LABELS simulation)
if(TARGET test_threshold_truth)
  add_test(NAME test_threshold_truth_10000 COMMAND test_threshold_truth)
  set_tests_properties(test_threshold_truth_10000 PROPERTIES LABELS full TIMEOUT 600
                       ENVIRONMENT WHYCPU_SWEEPS=10000)
endif()
why_test(test_crossover LABELS unit SOURCES tests/unit/test_crossover.c)
why_test(test_blob LABELS unit SOURCES tests/unit/test_blob.c)
why_script(cli_threshold tests/cli/threshold.py LABELS cli TIMEOUT 300)
why_test(test_duel LABELS unit SOURCES tests/unit/test_duel.c)
if(TARGET test_duel AND TARGET backend_cuda-emulated)
  add_dependencies(test_duel backend_cuda-emulated)
endif()
