# The host library's own tests.
why_test(test_decide SOURCES tests/unit/test_decide.c tests/fixture.c LABELS unit)
