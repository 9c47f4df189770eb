#!/usr/bin/env python3
"""Explain tests: a command on a recorded machine and the text that it prints.

A .test file: lines from '#' are for the reader; '$ ' starts the command, whose first word whycpu is
the program under test and whose word MACHINES is the folder of recorded machines; 'status N' is its
exit status; all after the line '---' is its whole output. --update writes what is printed now.
"""
import difflib
import os
import pathlib
import shlex
import subprocess
import sys

folder = pathlib.Path(__file__).resolve().parent
program = os.environ.get("WHY_TEST_PROGRAM", "build/bin/whycpu")
machines = folder.parent / "machines"


def run(command):
    words = [w.replace("MACHINES", str(machines)) for w in shlex.split(command)]
    assert words[0] == "whycpu", command
    done = subprocess.run([program] + words[1:], capture_output=True, text=True, timeout=60,
                          check=False)
    output = (done.stdout + done.stderr).replace(str(machines), "MACHINES")
    return done.returncode, output


def read(path):
    head, _, expected = path.read_text().partition("---\n")
    lines = head.splitlines()
    command = next(line[2:] for line in lines if line.startswith("$ "))
    status = next(int(line[7:]) for line in lines if line.startswith("status "))
    notes = [line for line in lines if line.startswith("#")]
    return notes, command, status, expected


def main():
    update = "--update" in sys.argv
    failed = 0
    paths = sorted(folder.glob("*.test"))
    for path in paths:
        notes, command, status, expected = read(path)
        got_status, output = run(command)
        if update:
            path.write_text("\n".join(notes + ["$ " + command, f"status {got_status}", "---"])
                            + "\n" + output)
        elif (got_status, output) != (status, expected):
            failed += 1
            print(f"{path.name}: $ {command}\nstatus {got_status}, expected {status}")
            sys.stdout.writelines(difflib.unified_diff(
                expected.splitlines(True), output.splitlines(True), "expected", "printed"))
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed or not paths else 0


sys.exit(main())
