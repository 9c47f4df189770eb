# Roots: a machine or a snapshot as files, archives of one, and captures.
why_test(test_root SOURCES tests/doctor/test_root.c tests/doctor/tree.c LABELS unit)
why_test(test_unpack SOURCES tests/doctor/test_unpack.c tests/doctor/tar.c tests/doctor/tree.c
         LABELS unit)
why_test(test_capture SOURCES tests/doctor/test_capture.c tests/doctor/tree.c LABELS unit)
why_script(doctor_strace tests/doctor/strace.py LABELS cli)
why_script(doctor_round_trip tests/doctor/round_trip.py LABELS cli)
why_script(doctor_round_trips tests/doctor/round_trip.py --all LABELS full TIMEOUT 600)
add_dependencies(cli_tests diagnose_many)
