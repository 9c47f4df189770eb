"""Runs the program under test as a black box."""
import os
import subprocess
import sys

PROGRAM = os.environ["WHY_TEST_PROGRAM"]
failures = []


def run(*words, env=None, cwd=None, stdout=subprocess.PIPE):
    """One call: (status, standard output, standard error), as text."""
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, cwd=cwd,
                          timeout=100)
    return done.returncode, (done.stdout or b"").decode(), done.stderr.decode()


def expect(good, what):
    """Notes a failure and goes on."""
    if not good:
        failures.append(what)
        print("FAILED:", what)


def end():
    print(f"{len(failures)} failed")
    sys.exit(1 if failures else 0)
