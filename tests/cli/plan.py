"""`whycpu plan`: its rows against sums made here of what `whycpu bench` decides, goals, prices,
refusals, and that more memory or a better machine never serves less."""
import csv
import io
import json
import os
import re
import shutil
import tempfile

from program import end, expect, run

SOURCE = os.environ["WHY_TEST_SOURCE"]
MACHINES = os.path.join(SOURCE, "tests", "machines")
SMALL, NO_GPU = (os.path.join(MACHINES, f"{name}.json") for name in ("small", "no-gpu"))
MiB = 1 << 20
folder = tempfile.mkdtemp()


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf8", newline="") as file:
        file.write(text)
    return path


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def plan(*words):
    """Status, rows, the line of a refusal."""
    status, out, err = run("plan", *words, "--format", "csv")
    return status, rows_of(out), err


SUITE = write("mixed.suite", "gemm type=f32,bf16 m=n=k=64..16384*4\nsoftmax rows=512..32768*8 "
              "cols=4096\nconv2d n=1,64 c=64 h=56 w=56 k=64 r=3 s=3 pad_h=1 pad_w=1\n")
BUDGETS = "32MiB,256MiB,none"

# ---- against the rows of a sweep ------------------------------------------------------------------


def swept(machine, *words):
    """What bench decides: {budget: [chosen row of each problem, in order]}."""
    text = run("bench", "--suite", SUITE, "--machine", machine, "--device-memory", BUDGETS, *words,
               "--format", "csv")[1]
    budgets = {}
    for row in rows_of(text):
        at = budgets.setdefault(row["device_memory_bytes"], {})
        if row["status"] == "chosen":
            at[row["op"], row["type"], row["dims"]] = row
        else:
            at.setdefault((row["op"], row["type"], row["dims"]), None)
    return [budgets[key] for key in sorted(budgets, key=lambda b: int(b) if b else 1 << 62)]


def outcome(before, now):
    """Under auto what was faster in less memory serves in more."""
    faster = before and before["predicted_s"] and \
        float(before["predicted_s"]) < float(now["predicted_s"] or "inf")
    return before if faster else now


def place(row):
    gpu = row["backend"] in ("cuda", "cublas", "cudnn")
    return "on_cpu" if not gpu else "in_parts" if row["plan"] == "streamed" else "on_gpu"


for machine, words in [(SMALL, ()), ("l4@pcie3", ("--transfer", "always", "--iterations", "3")),
                       ("t4", ("--threads", "4"))]:
    LIMIT = 2e-3
    status, rows, err = plan(SUITE, "--goal", f"median_s<{LIMIT},total_s<100", "--machine", machine,
                             "--device-memory", BUDGETS, *words)
    expect(len(rows) == 3 and not err, f"{machine}: {len(rows)} rows, {err}")
    kept = {}
    for row, chosen in zip(rows, swept(machine, *words)):
        kept = {key: outcome(kept.get(key), now) for key, now in chosen.items()}
        seconds = {key: float(r["predicted_s"]) for key, r in kept.items()}
        farthest = max(seconds, key=seconds.get)
        wanted = {
            "source": "predicted", "facts": "published", "problems": str(len(kept)),
            "holds": str(sum(s < LIMIT for s in seconds.values())), "nowhere": "0",
            "serves": str(all(s < LIMIT for s in seconds.values())).lower(),
            "farthest_device": kept[farthest]["device"], "farthest_plan": kept[farthest]["plan"],
            "farthest_kernel": f"{kept[farthest]['backend']}:{kept[farthest]['kernel']}",
            "farthest_fallback": kept[farthest]["fallback"]}
        for column in ("on_gpu", "in_parts", "on_cpu"):
            mine = [key for key, r in kept.items() if place(r) == column]
            wanted[column] = str(len(mine))
            total = sum(seconds[key] for key in mine)
            expect(abs(float(row[f"{column}_s"]) - total) <= 1e-12 + 1e-9 * total,
                   f"{machine}: {column}_s {row[f'{column}_s']}, {total}")
        for key, value in wanted.items():
            expect(row[key] == value, f"{machine}: {key} is {row[key]!r}, {value!r} wanted")
        for column, value in [("total_s", sum(seconds.values())), ("slowest_s", max(seconds.values())),
                              ("farthest_s", seconds[farthest]),
                              ("farthest_miss", seconds[farthest] / LIMIT)]:
            expect(abs(float(row[column]) - value) < 1e-9 * value, f"{machine}: {column}")
        reasons = [r["fallback"] for r in kept.values() if place(r) == "on_cpu"]
        said = dict(re.findall(r"(\w+) (\d+)", row["fallback"]))
        expect(said == {r: str(reasons.count(r)) for r in set(reasons)}, f"{machine}: {said}")

# ---- goals ----------------------------------------------------------------------------------------

ONE = ["gemm", "m=1024", "n=1024", "k=1024", "--machine", SMALL, "--device-memory", "none"]
at = plan(*ONE, "--goal", "median_s<1h")[1][0]
SECONDS, FLOPS, BYTES = float(at["total_s"]), 2 * 1024**3, 3 * 4 * 1024**2
for column, value, less in [("median_s", SECONDS, True), ("total_s", SECONDS, True),
                            ("gflops", FLOPS / SECONDS / 1e9, False),
                            ("gbps", BYTES / SECONDS / 1e9, False)]:
    for op in ("<", "<=") if less else (">", ">="):
        for factor in (0.999, 1.001):
            wanted = 0 if (factor > 1) == less else 1
            got = plan(*ONE, "--goal", f"{column}{op}{value * factor:.12f}")[0]
            expect(got == wanted, f"{column} {op} {factor} of its value: {got}")
expect(plan(*ONE, "--goal", f" median_s < {SECONDS * 1.1e6:.6f}us , total_s<=1min ")[0] == 0, "units")
# Half of the problems may be left out.
PAIR = ["gemm", "m=n=k=64,4096", "--machine", SMALL, "--device-memory", "none", "--goal", "median_s<1ms"]
expect([plan(*PAIR, "--share", share)[0] for share in ("50", "50%", "51%", "100")] == [0, 0, 1, 1],
       "--share")
status, rows, err = plan(*PAIR, "--share", "50")
expect(rows[0]["share"] == "0.5" and rows[0]["holds"] == "1", f"--share 50: {rows}")

for goal, words in [("median_s", "median_s<10ms"), ("median<1", "median_s"), ("", "empty"),
                    ("median_s<", "a time above 0"), ("median_s<0", "a time above 0"),
                    ("median_s<10kg", "with us, ms"), ("median_s>1", "< or <="),
                    ("gflops<1", "> or >="), ("gflops>-1", "above 0"), ("gflops>nan", "above 0"),
                    ("gflops>1e999", "above 0"), ("gflops>5ms", "above 0"), ("median_s=1", "<, <="),
                    ("median_s<1,", "empty"), (",".join(["gbps>1"] * 9), "at most 8"),
                    ("speed>9", "one of median_s, gflops, gbps, total_s")]:
    status, rows, err = plan(*ONE, "--goal", goal)
    expect(status == 2 and not rows and words in err and err.count("\n") == 1,
           f"--goal {goal!r}: {status} {err!r}")

# ---- what is refused ------------------------------------------------------------------------------

GOAL = ["--goal", "median_s<1"]
for words, text in [([SUITE], "a goal is wanted"), (GOAL, "a suite or a problem is wanted"),
                    (["nosuch", *GOAL], "suite nosuch: "), (["gemm", "m=1", *GOAL], "n"),
                    ([SUITE, "--machine", "l5", *GOAL], "did you mean l4"),
                    ([SUITE, "--machine", "l4,,t4", *GOAL], "an item of the list is empty"),
                    ([SUITE, "--policy", "auto,cpu-only", *GOAL], "make a plan for each"),
                    ([SUITE, "--threads", "1,2", *GOAL], "make a plan for each"),
                    ([SUITE, "--iterations", "1,2", *GOAL], "make a plan for each"),
                    ([SUITE, "--transfer", "once,always", *GOAL], "make a plan for each"),
                    ([SUITE, "--share", "0", *GOAL], "percentage"),
                    ([SUITE, "--share", "101%", *GOAL], "percentage"),
                    ([SUITE, "--price", "/nowhere.csv", *GOAL], "No such file"),
                    ([SUITE, "--emulate", *GOAL], "no such option"),
                    ([write("bad.suite", "gemm m=1 n=x k=1\n"), *GOAL], "bad.suite:1:10: ")]:
    status, rows, err = plan(*words)
    expect(status == 2 and not rows and text in err and err.count("\n") == 1,
           f"{words}: {status} {err!r}")

# ---- prices ---------------------------------------------------------------------------------------

PRICED = [SUITE, "--goal", "total_s<1h", "--device-memory", "32MiB,none"]
HERE = [*PRICED, "--machine", f"{SMALL},{NO_GPU}"]
for name, text in [("plain", "machine,price_per_hour\nsmall,3.6\nno-gpu,0.5"),
                   ("marked", "\ufeffmachine,price_per_hour\r\nsmall,3.6\r\nno-gpu,0.5\r\n"),
                   ("turned", "note,price,machine\n\"dear, dear\",3.6,small\n,0.5,no-gpu\n"),
                   ("by path", f"machine,price\n{SMALL},3.6\n{NO_GPU},.5\n")]:
    status, rows, err = plan(*HERE, "--price", write(f"{name}.csv", text))
    expect(status == 0 and not err, f"prices, {name}: {status} {err}")
    got = {(r["machine"], r["device_memory_bytes"]): r["price_per_hour"] for r in rows}
    expect(got == {("small", str(32 * MiB)): "", ("small", str(1000 * MiB)): "3.6",
                   ("no-gpu", ""): "0.5"}, f"prices, {name}: {got}")
    whole = [r for r in rows if r["price_per_hour"] == "3.6"][0]
    expect(abs(float(whole["price_per_1000"]) - float(whole["total_s"])) < 1e-9, "3.6 an hour")
status, rows, err = plan(*PRICED, "--machine", SMALL, "--price", write(
    "slices.csv", "machine,price_per_hour,memory,currency\nsmall,4,,EUR\nsmall,1,64MiB,EUR\nt4,1,,EUR\n"))
got = [(r["device_memory_bytes"], r["price_per_hour"], r["currency"]) for r in rows]
expect(got == [(str(32 * MiB), "", ""), (str(64 * MiB), "1", "EUR"), (str(1000 * MiB), "4", "EUR")],
       f"slices: {got} {err}")  # t4 is known and was not asked for
status, rows, err = plan(*PRICED, "--price", write("pair.csv", "machine,price\nl4@pcie3,1\n"))
expect([r["machine"] for r in rows].count("l4@pcie3") == 2, "a price adds the machine that it is of")
for text, words in [("", "empty"), ("machine,price\n", "no machine has a price"),
                    ("machine;price\nsmall;1\n", ":1: column 'machine;price'"),
                    ("name,price\nsmall,1\n", ":1: column 'name'"),
                    ("price\n1\n", ":1: there is no column 'machine'"),
                    ("machine,memory\nsmall,1GiB\n", ":1: there is no column 'price_per_hour'"),
                    ("machine,price\nsmall,0\n", ":2: price '0'"),
                    ("machine,price\nsmall,-1\n", ":2: price '-1'"),
                    ("machine,price\nsmall,nan\n", ":2: price 'nan'"),
                    ("machine,price\nsmall,1 USD\n", ":2: price '1 USD'"),
                    ("machine,price\nsmall,1,5\n", ":2: 3 fields; the header has 2"),
                    ("machine,price\n,1\n", ":2: the name of a machine"),
                    ("machine,price\nsmal,1\n", ":2: smal: "),
                    ("machine,price\nsmall,1\nsmall,2\n", ":3: small has a price in line 2"),
                    ("machine,price,currency\nsmall,1,EUR\nno-gpu,1,USD\n", ":3: currency 'USD'"),
                    ("machine,price,memory\nsmall,1,8GB\n", ":2: memory '8GB': write 8GiB"),
                    ("machine,price,memory\nno-gpu,1,8GiB\n", ":2: no-gpu has no GPU"),
                    ("machine,price\nsmall,\"1\n", ":2: "), ("machine,price\nsmall,1\0\n", "zero byte")]:
    status, rows, err = plan(*HERE, "--price", write("bad.csv", text))
    expect(status == 2 and not rows and words in err and err.count("\n") == 1,
           f"prices {text!r}: {status} {err!r}")

# ---- more is never less ---------------------------------------------------------------------------


def better(name, of, factor):
    """A machine file with all rates higher and all delays lower."""
    with open(of, encoding="utf8") as file:
        machine = json.load(file)
    machine["name"] = name
    for device in machine["devices"]:
        device["figures"] = {key: value / factor if key.endswith("_seconds") else value * factor
                             for key, value in device["figures"].items()}
    return write(f"{name}.json", json.dumps(machine))


GOALS = ["--goal", "median_s<2ms"]
machines = [SMALL, better("better", SMALL, 1.5), better("best", SMALL, 4), "rtx3060", "t4@pcie4", "t4"]
status, rows, err = plan(SUITE, "quick", *GOALS, "--machine", ",".join(machines))
ladders = {}
for row in rows:
    ladders.setdefault(row["machine"], []).append(row)
expect(len(ladders) == len(machines), f"machines: {list(ladders)}")
for name, ladder in ladders.items():
    sizes = [int(r["device_memory_bytes"]) for r in ladder]
    expect(sizes[0] == 64 * MiB and sizes == sorted(set(sizes)) and
           all(b <= 2 * a for a, b in zip(sizes, sizes[1:])), f"{name}: the ladder is {sizes}")
    for less, more in zip(ladder, ladder[1:]):
        expect(float(more["total_s"]) <= float(less["total_s"]) and
               int(more["holds"]) >= int(less["holds"]) and less["serves"] <= more["serves"],
               f"{name}: {more['device_memory_bytes']} bytes are worse than "
               f"{less['device_memory_bytes']}: {more['total_s']} {less['total_s']}")
for worse, name in [("small", "better"), ("better", "best"), ("t4", "t4@pcie4")]:
    for a, b in zip(ladders[worse], ladders[name]):
        expect(float(b["total_s"]) <= float(a["total_s"]) and int(b["holds"]) >= int(a["holds"]),
               f"{name} is worse than {worse} at {a['device_memory_bytes']}: {b} {a}")

# ---- as it is shown -------------------------------------------------------------------------------

words = [SUITE, "--goal", "median_s<1", "--machine", f"{SMALL},{NO_GPU}", "--price",
         write("two.csv", "machine,price\nsmall,3\nno-gpu,1\n")]
records = json.loads(run("plan", *words, "--format", "json")[1])
rows = plan(*words)[1]
names = [row["column"] for row in rows_of(run("list", "plan", "--format", "csv")[1])]
expect(list(rows[0]) == names and list(records[0]) == names, "columns are those of whycpu list plan")
expect(len(rows) == len(records), "rows in both formats")
for a, b in zip(rows, records):
    for key, value in b.items():
        text = "" if value is None else str(value).lower() if value in (True, False) else str(value)
        same = a[key] == text or (isinstance(value, float) and float(a[key]) == value)
        expect(same, f"{key}: {a[key]!r} {value!r}")
status, out, err = run("plan", *words)
expect(out and all(line.startswith("predicted | ") for line in out.splitlines()), f"lines: {out}")
kept = os.path.join(folder, "plan.csv")
expect(run("plan", *words, "--format", "csv", "-o", kept)[1] == "" and
       rows_of(open(kept, encoding="utf8", newline="").read()) == rows, "-o")
# All that are known, each from its own figures.
status, rows, err = plan("softmax", "rows=64", "cols=64", *GOALS)
known = [r["machine"] for r in rows_of(run("list", "machines", "--format", "csv")[1])
         if not r["machine"].startswith("published/")]
expect(list(dict.fromkeys(r["machine"] for r in rows)) == known, "all known machines")
expect(plan("softmax", "rows=64", "cols=64", *GOALS, "--machine", "t4,all,l4@pcie3")[1][0]["machine"]
       == "t4", "all and others")
shutil.rmtree(folder)
end()
