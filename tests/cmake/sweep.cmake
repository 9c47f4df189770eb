# The sweep: suites, CSV, statistics, and that nothing finished is ever lost.
set(sweep_program bench/program.c bench/files.c bench/values.c bench/table.c bench/version.c)
set(threshold_sources bench/crossover.c bench/crossover_text.c bench/threshold.c
    bench/statistics.c bench/families.c bench/rivals.c bench/sides.c)
why_test(test_suite SOURCES tests/unit/test_suite.c bench/suite.c ${sweep_program} LABELS unit)
why_test(test_csv SOURCES tests/unit/test_csv.c bench/csv.c bench/csv_read.c bench/table.c
         LABELS unit)
why_test(test_measure
         SOURCES tests/unit/test_measure.c bench/statistics.c bench/measure.c
                 bench/operands.c bench/suite.c bench/sweep.c bench/rows.c bench/roof.c
                 bench/ceilings_keep.c bench/law.c bench/csv.c
                 bench/progress.c bench/options.c bench/requests.c bench/machines.c bench/cached.c
                 ${sweep_program}
         LABELS unit)
why_test(test_summary SOURCES tests/unit/test_summary.c bench/summary.c bench/advice.c
         ${threshold_sources} bench/csv.c bench/table.c bench/values.c LABELS unit)
why_test(test_lies SOURCES tests/unit/test_lies.c bench/lies.c bench/lies_job.c bench/statistics.c
         bench/operands.c LABELS emulation)
if(TARGET test_lies)
  add_dependencies(test_lies backend_cuda-emulated)
endif()
why_script(sweep_kept tests/cli/sweep_kept.py LABELS cli TIMEOUT 300)
why_script(cli_overwrite tests/cli/overwrite.py LABELS cli TIMEOUT 300)
why_script(cli_resume tests/cli/resume.py 25 LABELS cli TIMEOUT 600)
why_script(cli_resume_200 tests/cli/resume.py 200 LABELS full TIMEOUT 1800)
