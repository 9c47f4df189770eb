#!/usr/bin/env python3
"""Explain tests: a command on a recorded machine and the text that it prints. Those of another
folder, such as tests/plan, are run by naming it.

A .test file: lines from '#' are for the reader; '$ ' starts the command, whose first word whycpu is
the program under test and whose words MACHINES and HERE are the folders of recorded machines and of
the test; 'status N' is its exit status; all after the line '---' is its whole output. --update
writes what is printed now.
"""
import difflib
import os
import pathlib
import shlex
import subprocess
import sys

tests = pathlib.Path(__file__).resolve().parent.parent
named = [word for word in sys.argv[1:] if not word.startswith("--")]
folder = pathlib.Path(named[0]).resolve() if named else tests / "explain"
program = os.environ.get("WHY_TEST_PROGRAM", "build/bin/whycpu")
words = {"MACHINES": str(tests / "machines"), "HERE": str(folder)}


def run(command):
    argv = shlex.split(command)
    for word, path in words.items():
        argv = [w.replace(word, path) for w in argv]
    assert argv[0] == "whycpu", command
    done = subprocess.run([program] + argv[1:], capture_output=True, text=True, timeout=60,
                          check=False)
    output = done.stdout + done.stderr
    for word, path in words.items():
        output = output.replace(path, word)
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
