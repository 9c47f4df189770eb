"""How long a diagnosis takes: 100 ms with 500 packages, 300 ms for this machine."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from causes_machine import with_torch
from frameworks import distribution

PROGRAM = os.environ["WHY_TEST_PROGRAM"]
SLOWER = float(os.environ.get("WHY_TEST_SLOWER", "1"))  # under emulation or sanitizers


def fastest(*words):
    best = 1e9
    for _ in range(7):
        begun = time.perf_counter()
        done = subprocess.run(
            [PROGRAM, "doctor", *words, "--format", "json"], capture_output=True, timeout=60
        )
        best = min(best, time.perf_counter() - begun)
        if done.returncode not in (0, 1):
            sys.exit(f"status {done.returncode}: {done.stderr.decode()}")
    return best * 1000


m = with_torch()()
for place in range(500):
    distribution(m, f"package-{place}", f"1.{place}", [f"package-{place + 1} (>=1.0)"] * 10)
    m.text(f"{m.site}/package_{place}/__init__.py", "")
folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
m.write(folder)
failures = 0
for what, limit, words in (
    ("500 packages", 100, ["--root", folder, "--framework", "pytorch"]),
    ("this machine", 300, []),
):
    took = fastest(*words)
    slow = took > limit * SLOWER
    failures += slow
    print(f"{'WRONG' if slow else 'ok   '} {what}: {took:.1f} ms, at most {limit * SLOWER:.0f}")
shutil.rmtree(folder)
sys.exit(1 if failures else 0)
