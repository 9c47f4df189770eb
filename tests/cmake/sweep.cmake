# The sweep: suites, CSV, statistics, and that nothing finished is ever lost.
set(sweep_program bench/program.c bench/files.c bench/values.c bench/table.c bench/version.c)
set(sampling bench/sampler.c bench/timer.c bench/statistics.c)
set(sensing bench/disturbance.c bench/sensors.c bench/energy.c)
why_test(test_suite SOURCES tests/unit/test_suite.c bench/suite.c ${sweep_program} LABELS unit)
why_test(test_csv SOURCES tests/unit/test_csv.c bench/csv.c bench/csv_read.c bench/table.c
         LABELS unit)
why_test(test_measure
         SOURCES tests/unit/test_measure.c bench/crossover.c ${sampling} ${sensing} bench/measure.c
                 bench/operands.c bench/suite.c bench/sweep.c bench/rows.c bench/law.c bench/csv.c
                 bench/progress.c bench/options.c bench/requests.c ${sweep_program}
         LABELS unit)
why_test(test_summary SOURCES tests/unit/test_summary.c bench/summary.c bench/advice.c
         bench/crossover.c bench/csv.c bench/table.c LABELS unit)
why_script(sweep_kept tests/cli/sweep_kept.py LABELS cli TIMEOUT 300)
why_script(cli_overwrite tests/cli/overwrite.py LABELS cli TIMEOUT 300)
why_script(cli_resume tests/cli/resume.py 25 LABELS cli TIMEOUT 600)
why_script(cli_resume_200 tests/cli/resume.py 200 LABELS full TIMEOUT 1800)
why_test(test_sampler SOURCES tests/unit/test_sampler.c ${sampling} LABELS unit)
