# Two CSV files into an answer: the statistics against simulated truth, the program as a black box.
why_test(test_compare_verdict SOURCES tests/unit/test_compare_verdict.c LABELS unit TIMEOUT 300)
why_test(test_junit SOURCES tests/unit/test_junit.c LABELS unit)
if(TARGET test_compare_verdict) # 1,000 comparisons of each model of noise
  add_test(NAME compare_verdict_1000 COMMAND test_compare_verdict)
  set_tests_properties(compare_verdict_1000 PROPERTIES LABELS full TIMEOUT 600
                       ENVIRONMENT WHY_TEST_COMPARISONS=1000)
endif()
why_script(cli_compare tests/cli/compare.py LABELS cli)
why_script(cli_compare_speed tests/cli/compare_speed.py 50000 LABELS cli)
why_script(cli_compare_million tests/cli/compare_speed.py 1000000 LABELS full TIMEOUT 600
           PROCESSORS 2)
why_script(cli_compare_real tests/cli/compare_real.py LABELS full TIMEOUT 900 PROCESSORS 2)
