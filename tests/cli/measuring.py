"""What whycpu bench measures, from outside: cold and hot, single samples, and the rows' figures from
them."""
import csv
import os
import statistics
import tempfile

from program import end, expect, run

folder = tempfile.mkdtemp()


def at(name):
    return os.path.join(folder, name)


def rows_of(name):
    with open(at(name), newline="", encoding="utf8") as file:
        return list(csv.DictReader(file))


with open(at("a.suite"), "w", encoding="utf8") as suite:
    suite.write("gemm m=n=k=24,48\nsoftmax rows=4 cols=9\n")
SUITE = ["--suite", at("a.suite"), "--threads", "1", "--time-budget", "0.02"]
BOTH = [*SUITE, "--cache", "hot,cold"]

# ---- rows and their samples ----------------------------------------------------------------------

status, out, err = run("bench", *BOTH, "-o", at("a.csv"), "--samples", at("samples.csv"))
expect(status == 0 and not err, f"bench: {status} {err}")
rows = rows_of("a.csv")
expect({row["cache"] for row in rows} == {"hot", "cold"}, "both caches")
expect(len({row["decision"] for row in rows}) == 6, "a decision for each")
samples = {}
for sample in rows_of("samples.csv"):
    key = (sample["decision"], sample["backend"], sample["kernel"], sample["plan"])
    samples.setdefault(key, []).append(sample)
    expect((sample["disturbed"] == "1") == bool(sample["why"]), f"marked for a reason: {sample}")
timed = [row for row in rows if row["samples"]]
expect(len(timed) == len(samples) >= 12, f"{len(timed)} rows with times, {len(samples)} with samples")
for row in timed:
    mine = samples[(row["decision"], row["backend"], row["kernel"], row["plan"])]
    what = f"decision {row['decision']} {row['kernel']}"
    expect(len(mine) == int(row["samples"]) >= 10, f"{what}: {len(mine)} samples")
    expect([int(sample["sample"]) for sample in mine] == list(range(1, len(mine) + 1)), what)
    expect({sample["run"] for sample in mine} == {row["run"]}, what)
    marked = [sample for sample in mine if sample["disturbed"] == "1"]
    expect(len(marked) == int(row["disturbed"]), f"{what}: {len(marked)} marked")
    expect(bool(marked) <= bool(row["disturbance"]), f"{what}: {row['disturbance']!r}")
    on_all = row["disturbance"].startswith("too many to leave out: ")
    expect(on_all == (len(mine) - len(marked) < 10), f"{what}: {row['disturbance']!r}")
    used = mine if on_all else [sample for sample in mine if sample["disturbed"] == "0"]
    median = statistics.median(float(sample["seconds"]) for sample in used)
    expect(abs(median / float(row["median_s"]) - 1) < 1e-12, f"{what}: {median} {row['median_s']}")
    expect(row["stop_reason"] in ("precision", "time", "count"), f"{what}: {row['stop_reason']}")

# ---- files that are in the way, and what is not timed ---------------------------------------------

whole = rows_of("samples.csv")
status, out, err = run("bench", *SUITE, "-o", at("b.csv"), "--samples", at("samples.csv"))
expect(status == 2 and err.count("\n") == 1 and "--overwrite" in err, f"there already: {status} {err}")
expect(rows_of("samples.csv") == whole, "an older file of samples was changed")
for elsewhere in ["--machine=h200", "--emulate"]:
    status, out, err = run("bench", *SUITE, elsewhere, "--samples", at("none.csv"))
    expect(status == 2 and "nothing is timed" in err and not os.path.exists(at("none.csv")),
           f"{elsewhere}: {status} {err}")
status, out, err = run("bench", *SUITE, "-o", at("b.csv"), "--samples", "/dev/full", "--overwrite")
expect(status == 3 and "No space left" in err, f"a full disk: {status} {err}")
expect(2 * len(rows_of("b.csv")) == len(rows), "rows are lost with the samples")

# ---- resume --------------------------------------------------------------------------------------

status, out, err = run("bench", *SUITE, "--cache", "cold", "--resume", at("b.csv"))
expect(status == 2 and "cache is hot, this sweep has cold" in err, f"resume: {status} {err}")

# ---- calls and graphs ----------------------------------------------------------------------------

EMULATED = ["--emulate=64MiB", "--policy", "gpu-only", "--iterations", "3", "--compare", "none",
            "--submit", "calls,graph"]
status, out, err = run("bench", *SUITE, *EMULATED, "-o", at("g.csv"))
expect(status == 0, f"graphs: {status} {err}")
ran = [row for row in rows_of("g.csv") if row["status"] == "chosen"]
expect([row["submit"] for row in ran] == 3 * ["calls", "graph"], "a decision for each way to submit")
expect({row["verified"] for row in ran} == {"exact"}, f"graphs compute: {ran}")
status, out, err = run("bench", *SUITE, *EMULATED[:-1], "graph", "--resume", at("g.csv"))
expect(status == 2 and "submit is calls, this sweep has graph" in err, f"resume: {status} {err}")
status, out, err = run("run", "gemm", "m=8", "n=8", "k=8", *EMULATED[:5], "--submit", "graph")
expect(status == 0 and "right" in out, f"run as a graph: {status} {out} {err}")
status, out, err = run("run", "gemm", "m=8", "n=8", "k=8", "--submit", "stream")
expect(status == 2 and "calls" in err and "graph" in err, f"stream: {status} {err}")

# ---- one problem ---------------------------------------------------------------------------------

for problem in ["gemm m=33 n=17 k=9 beta=1", "conv2d n=1 c=8 h=9 w=9 k=8 r=3 s=3"]:
    for cache in ["hot", "cold"]:
        status, out, err = run("run", *problem.split(), "--cache", cache, "--iterations", "3")
        expect(status == 0 and "right" in out, f"{problem} {cache}: {status} {out} {err}")
status, out, err = run("run", "gemm", "m=8", "n=8", "k=8", "--cache", "hot,cold")
expect(status == 2 and "one policy" in err, f"run takes one: {status} {err}")
status, out, err = run("run", "gemm", "m=8", "n=8", "k=8", "--cache", "warm")
expect(status == 2 and "hot" in err and "cold" in err, f"warm: {status} {err}")
end()
