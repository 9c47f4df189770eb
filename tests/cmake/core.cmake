# The host library's own tests.
why_test(test_decide SOURCES tests/unit/test_decide.c tests/fixture.c LABELS unit)
why_test(test_problem SOURCES tests/unit/test_problem.c LABELS unit)
why_test(test_check SOURCES tests/unit/test_check.c LABELS unit)
