"""CSV files of results, made without the program, as `whycpu bench` would write them."""
import csv
import math
import os
import random
import subprocess
import tempfile

from program import PROGRAM

folder = tempfile.mkdtemp()
COLUMNS = [row["column"] for row in csv.DictReader(subprocess.run(
    [PROGRAM, "list", "columns", "--format", "csv"], capture_output=True, text=True,
    check=True).stdout.splitlines())]
USUAL = {"schema": "1", "run": "r1", "node": "here", "machine": "here", "suite": "s", "op": "gemm",
         "type": "f32", "math": "f32", "dims": "m=8 n=8 k=8", "policy": "auto", "transfer": "once",
         "iterations": "1", "threads": "1", "cache": "hot", "decision": "1", "attempt": "1",
         "device": "Some CPU", "backend": "plain", "kernel": "loops", "plan": "on-host",
         "status": "chosen", "reason": "OK", "source": "measured", "plans": "any",
         "submit": "calls"}


def measured(median, half=0.005, samples=20, **other):
    """A measured row whose interval is median * (1 +- half)."""
    return {**USUAL, "samples": str(samples), "median_s": repr(median),
            "min_s": repr(median * (1 - 2 * half)), "p95_s": repr(median * (1 + 3 * half)),
            "ci_low_s": repr(median * (1 - half)), "ci_high_s": repr(median * (1 + half)),
            "stop_reason": "precision", **other}


def refused(reason="SLOWER", **other):
    return {**USUAL, "status": "refused", "reason": reason, "source": "", "attempt": "",
            "cache": "", **other}


def write(name, rows, columns=None, end="\n", begin="", tail=""):
    """A file of these rows; its path."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf8", newline="") as file:
        file.write(begin)
        writer = csv.DictWriter(file, columns or COLUMNS, restval="", extrasaction="ignore",
                                lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)
        file.write(tail)
    return path


def sizes(cells):
    return [f"m={8 * (i + 1)} n=8 k=8" for i in range(cells)]


def simulated(seed, cells=60, within=0.004, between=0.003, slower=None, samples=20):
    """A run of as many cells: the medians of samples that were drawn, with their intervals by order
    statistics. slower: factors by cell."""
    rng = random.Random(seed)
    rows = []
    low, high = {20: (5, 14), 10: (1, 8)}[samples]  # ranks from 0 that enclose the median
    for i, dims in enumerate(sizes(cells)):
        level = 1e-5 * (i + 1) * math.exp(rng.gauss(0, between)) * (slower or {}).get(i, 1)
        times = sorted(level * math.exp(rng.gauss(0, within)) * (5 if rng.random() < 0.05 else 1)
                       for _ in range(samples))
        rows.append({**measured(1), "dims": dims, "decision": str(i + 1), "samples": str(samples),
                     "median_s": repr((times[samples // 2 - 1] + times[samples // 2]) / 2),
                     "min_s": repr(times[0]), "p95_s": repr(times[int(0.95 * samples + 0.5) - 1]),
                     "ci_low_s": repr(times[low]), "ci_high_s": repr(times[high])})
    return rows
