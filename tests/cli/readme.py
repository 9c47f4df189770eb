#!/usr/bin/env python3
"""The README is true: each command shown behind '$ whycpu' prints what stands below it, each line of
the predicted part is one that is printed, every option that it names exists, and every file and
folder too."""
import os
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(os.environ["WHY_TEST_SOURCE"])
program = os.environ["WHY_TEST_PROGRAM"]
text = (source / "README.md").read_text()
failed = 0


def expect(condition, what):
    global failed
    if not condition:
        failed += 1
        print(f"README.md: {what}")


def run(arguments):
    return subprocess.run([program] + arguments, capture_output=True, text=True, timeout=60,
                          check=False, cwd=source).stdout


blocks = re.findall(r"(?:^(?:    .*)?\n)+", text, re.M)
shown = 0
for block in blocks:
    lines = [line[4:] for line in block.splitlines()]
    for at, line in enumerate(lines):
        if not line.startswith("$ whycpu "):
            continue
        shown += 1
        printed = run(line.split()[2:]).rstrip("\n").split("\n")
        expect(lines[at + 1:at + 1 + len(printed)] == printed,
               f"'{line}' prints something else now:\n" + "\n".join(printed))
expect(shown > 0, "shows no command with its output")

# What a recorded machine would do is the same every time.
predicted = run(["bench", "--machine", "h200", "--policy", "auto,gpu-first", "--device-memory",
                 "64MiB,256MiB,1GiB,none"]).split("\n")
for line in re.findall(r"^    (predicted \| .*)$", text, re.M):
    expect(line in predicted, f"make bench prints no line '{line}'")

help_text = "".join(run([c, "--help"]) for c in
                    ("machine", "list", "explain", "run", "check", "bench", "report", "compare",
                     "plan", "doctor"))
for option in sorted(set(re.findall(r"--[a-z]+(?:-[a-z]+)*", text))):
    if option not in ("--install", "--build", "--prefix"):  # CMake's
        expect(option in help_text, f"no command has {option}")
for name in sorted(set(re.findall(r"`((?:host|kernels|bench|tests)/[A-Za-z0-9_./]+)`", text))):
    expect((source / name).exists() or "NAME" in name, f"there is no {name}")
for target in sorted(set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.M))):
    makefile = (source / "Makefile").read_text()
    expect(re.search(rf"^[a-z -]*\b{target}\b[a-z -]*:", makefile, re.M),
           f"the Makefile has no target {target}")
print(f"{shown} commands shown, {failed} failures")
sys.exit(1 if failed else 0)
