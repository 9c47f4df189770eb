# The commands: their parts as unit tests, the program as a black box.
set(commands_bench ${CMAKE_SOURCE_DIR}/bench)
why_test(test_table SOURCES tests/unit/test_table.c ${commands_bench}/table.c LABELS unit)
why_test(test_options LABELS unit SOURCES tests/unit/test_options.c
         ${commands_bench}/options.c ${commands_bench}/values.c ${commands_bench}/program.c
         ${commands_bench}/requests.c ${commands_bench}/files.c ${commands_bench}/table.c
         ${commands_bench}/machines.c ${commands_bench}/cached.c)
why_test(test_npy SOURCES tests/unit/test_npy.c ${commands_bench}/npy.c LABELS unit)
why_script(cli_commands tests/cli/commands.py LABELS cli)
why_script(cli_readme tests/cli/readme.py LABELS cli)
why_script(cli_machines tests/cli/machines.py LABELS cli)
why_script(cli_bad_input tests/cli/bad_input.py LABELS cli)
why_test(test_operands LABELS unit SOURCES tests/unit/test_operands.c
         ${commands_bench}/operands.c ${commands_bench}/shapes.c)
why_test(test_law LABELS unit SOURCES tests/unit/test_law.c ${commands_bench}/law.c)
why_script(cli_plan tests/cli/plan.py LABELS cli)
why_script(plan tests/explain/run.py ${CMAKE_SOURCE_DIR}/tests/plan LABELS explain)
