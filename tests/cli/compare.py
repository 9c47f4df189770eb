"""whycpu compare: cells, verdicts, intervals, what moved, in each format; and what it refuses."""
import csv
import io
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import xml.etree.ElementTree as ElementTree

from program import PROGRAM, end, expect, run
from results_csv import COLUMNS, folder, measured, refused, simulated, sizes, write


def compare(*words):
    return run("compare", *words)


def table(*words):
    """Status and rows, by CSV."""
    status, out, err = run("compare", *words, "--format", "csv")
    expect(status in (0, 1), f"compare {words}: {status} {err}")
    return status, list(csv.DictReader(io.StringIO(out, newline="")))


def cells(rows, what="cell"):
    return [row for row in rows if row["what"] == what]


def close(a, b, within=1e-9):
    return abs(a - b) <= within * max(1, abs(a), abs(b))


# ---- the figures, against a computation of our own -----------------------------------------------

def median_between(differences, variances, shift):
    """The noise between runs with which half of the cells lie within half of the normal law; each
    row's 20 samples know their variance as well as 4.5 degrees of freedom: 9 gaps."""
    def middle(between):
        z = []
        for d, (a, b) in zip(differences, variances):
            v = a + b
            freedom = (v + between ** 2) ** 2 / (a * a / 4.5 + b * b / 4.5)
            t2 = (d - shift) ** 2 / (v + between ** 2)
            z.append((8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(
                freedom * math.log1p(t2 / freedom)))
        return statistics.median(z)
    low, high = 0, 1
    if middle(0) <= 0.6744898:
        return 0
    for _ in range(60):
        between = (low + high) / 2
        low, high = (between, high) if middle(between) > 0.6744898 else (low, between)
    return high


def figures():
    cell_count = 12  # too few for a tail
    a, b = simulated(1, cell_count, between=0.02), simulated(2, cell_count, between=0.02)
    status, rows = table(write("a.csv", a), write("b.csv", b))
    d = [math.log(float(y["median_s"]) / float(x["median_s"])) for x, y in zip(a, b)]
    v = [tuple((math.log(float(r["ci_high_s"]) / float(r["ci_low_s"])) / (2 * 1.959964)) ** 2
               for r in pair) for pair in zip(a, b)]
    shift = statistics.median(d)
    found, freedom = median_between(d, v, shift), 0.37 * (cell_count - 1)
    between = math.sqrt((4 * 0.02 ** 2 + freedom * found ** 2) / (4 + freedom))
    common = math.hypot(math.log(1.01), 0.75 * between)
    typical = statistics.median(x + y for x, y in v)
    every = [row for row in rows if row["what"] == "all cells"][0]
    half_all = (math.log1p(float(every["high_percent"]) / 100) -
                math.log1p(float(every["low_percent"]) / 100)) / 2
    deviation = math.sqrt(common ** 2 + math.pi / 2 * (typical + between ** 2) / cell_count)
    expect(close(half_all / deviation, 3.054540, 1e-4),  # t of 12 at 0.5%: of all cells together
           f"all together: {half_all} {deviation}")
    expect(close(float(every["difference_percent"]), 100 * math.expm1(shift), 1e-9), f"{every}")
    for row, difference, x, y, (va, vb) in zip(cells(rows), d, a, b, v):
        expect(float(row["a_median_s"]) == float(x["median_s"]) or
               close(float(row["a_median_s"]) / float(x["median_s"]), 1, 1e-12), f"A: {row}")
        expect(close(float(row["b_median_s"]) / float(y["median_s"]), 1, 1e-12), f"B: {row}")
        expect(close(float(row["difference_percent"]), 100 * math.expm1(difference)), f"{row}")
        low = math.log1p(float(row["low_percent"]) / 100)
        high = math.log1p(float(row["high_percent"]) / 100)
        # The interval is as wide as the noise makes it, and as what may be common to all.
        free = (va + vb + between ** 2) ** 2 / (va * va / 4.5 + vb * vb / 4.5 +
                                                between ** 4 / (4 + freedom))
        half = (high - low - abs(shift)) / 2
        t = half / math.sqrt(va + vb + between ** 2)
        steps = math.floor(4 * min(free, 4 + freedom, 12)) / 4
        expect(close(tail_of(t, steps), 0.04 / 2 / cell_count, 1e-3), f"t {t} of {steps}: {row}")
    expect(status == 0, f"two runs alike: {rows}")


def tail_of(t, freedom):
    """P(T > t), by adding up the density."""
    steps = 20000
    norm = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(math.pi * freedom)
    # From t to infinity, with x = t / u.
    total = sum((1 + (t / u) ** 2 / freedom) ** (-(freedom + 1) / 2) * t / u ** 2
                for u in ((i + 0.5) / steps for i in range(steps)))
    return norm * total / steps


# ---- verdicts ------------------------------------------------------------------------------------

def identical():
    """Runs of one program do not alarm: 40 comparisons through the program, none of them but two."""
    alarms = 0
    for seed in range(40):
        status, rows = table(write("a.csv", simulated(2 * seed)),
                             write("b.csv", simulated(2 * seed + 1)))
        alarms += status or any(row["verdict"] in ("slower", "faster") for row in rows)
    expect(alarms <= 2, f"{alarms} of 40 comparisons of one program alarm")
    same = write("same.csv", simulated(5))
    status, rows = table(same, same)
    expect(status == 0 and all(float(row["difference_percent"]) == 0 for row in cells(rows)),
           "a file and itself")
    expect({row["verdict"] for row in rows} == {"same within the precision"}, f"itself: {rows[0]}")


def planted():
    a = write("a.csv", simulated(1))
    status, rows = table(a, write("b.csv", simulated(2, slower={7: 1.2})))
    slower = [row["dims"] for row in rows if row["verdict"] == "slower"]
    expect(status == 1 and slower == [sizes(60)[7]], f"one slower cell: {status} {slower}")
    status, rows = table(a, write("b.csv", simulated(2, slower={7: 1 / 1.2})))
    faster = [row["dims"] for row in rows if row["verdict"] == "faster"]
    expect(status == 0 and faster == [sizes(60)[7]], f"one faster cell: {status} {faster}")
    status, rows = table(a, write("b.csv", simulated(2, slower={i: 1.06 for i in range(60)})))
    expect(status == 1 and rows[-1]["what"] == "all cells" and rows[-1]["verdict"] == "slower",
           f"all slower: {status} {rows[-1]}")
    worse = write("worse.csv", simulated(2, slower={7: 1.2}))
    status, rows = table(a, worse, "--threshold", "50")
    expect(status == 0 and {row["verdict"] for row in rows} == {"same within the precision"},
           f"--threshold 50: {status}")
    expect(compare(a, worse, "--threshold", "5%")[0] == 1, "--threshold 5%")
    expect(compare(a, worse, "--run-to-run", "0.1")[0] == 1, "--run-to-run")
    # Changes that go both ways look like noise, unless a second run of A tells the noise.
    rng = random.Random(3)
    both = write("both.csv", simulated(2, slower={i: math.exp(rng.uniform(-0.6, 0.6))
                                                  for i in range(60)}))
    again = write("again.csv", simulated(9))
    status, out, _ = compare(a, both)
    expect(status == 0 and "--repeat" in out, f"both ways: {status} {out}")
    status, rows = table(a, both, "--repeat", again)
    found = [row["verdict"] for row in cells(rows)]
    expect(status == 1 and found.count("slower") > 15 and found.count("faster") > 15,
           f"--repeat: {status} {found}")


def few_samples():
    """A single sample is of unknown precision; a few say a little."""
    one = {"samples": "1", "ci_low_s": "", "ci_high_s": ""}
    rows = [{**row, **one, "min_s": row["median_s"], "p95_s": row["median_s"]}
            for row in simulated(2)[:1]] + simulated(2)[1:]
    status, rows = table(write("a.csv", simulated(1)), write("b.csv", rows))
    expect(status == 0 and rows[0]["verdict"] == "cannot tell" and rows[0]["low_percent"] == "-100"
           and rows[0]["high_percent"] == "" and rows[1]["verdict"] != "cannot tell",
           f"one sample: {rows[0]}")
    few = [{**row, "samples": "3", "ci_low_s": "", "ci_high_s": ""} for row in simulated(2)]
    status, rows = table(write("a.csv", simulated(1)), write("b.csv", few))
    expect(status == 0 and all(row["high_percent"] for row in cells(rows)), f"3 samples: {rows[0]}")


# ---- cells ---------------------------------------------------------------------------------------

def matching():
    a = simulated(1)
    b = simulated(2)
    path = write("a.csv", a)
    shuffled = b[:]
    random.Random(1).shuffle(shuffled)
    expect(table(path, write("b.csv", b)) == table(path, write("c.csv", shuffled)),
           "the order of rows matters")
    other = [{**row, "suite": "t", "case": "x", "policy": "plain:loops", "commit": "abc",
              "machine": "there", "node": "there", "device": "Another CPU", "run": "r2"}
             for row in b]
    expect(len(cells(table(path, write("b.csv", other))[1])) == 60, "who measured is no cell")
    for column, value in (("threads", "2"), ("type", "f64"), ("math", "tf32"), ("kernel", "avx2"),
                          ("cache", "cold"), ("submit", "graph"), ("transfer", "always"), ("iterations", "9"),
                          ("device_memory_bytes", "1024"), ("pinned_memory_bytes", "1024"),
                          ("dims", "m=7 n=8 k=8"), ("op", "softmax"), ("plan", "resident")):
        changed = [{**b[0], column: value}, *b[1:]]
        rows = cells(table(path, write("b.csv", changed))[1])
        only = [row["verdict"] for row in rows if row["verdict"].startswith("only")]
        expect(len(rows) == 61 and only == ["only in A", "only in B"], f"{column}: {only}")
        expect(rows[0]["verdict"] == "only in A" and rows[-1]["verdict"] == "only in B", "order")
    # The same cell in two suites: averaged, and said.
    twice = b + [{**b[0], "suite": "t", "median_s": repr(4 * float(b[0]["median_s"])),
                  "ci_high_s": repr(4.1 * float(b[0]["median_s"])),
                  "p95_s": repr(5 * float(b[0]["median_s"]))}]
    status, out, _ = compare(path, write("b.csv", twice))
    expect("1 again of a cell: averaged" in out, f"averaged: {out}")
    row = cells(table(path, os.path.join(folder, "b.csv"))[1])[0]
    expect(row["a_rows"] == "1" and row["b_rows"] == "2" and
           close(float(row["b_median_s"]) / float(b[0]["median_s"]), 2), f"averaged: {row}")
    # An older file has no columns that came later; foreign ones are no matter, nor is the order.
    old = write("old.csv", a, columns=[c for c in reversed(COLUMNS)
                                       if c not in ("plans", "pinned_memory_bytes", "submit")] + ["mine"])
    expect(len(cells(table(old, old)[1])) == 60, "an older file")
    dos = write("dos.csv", a, end="\r\n", begin="\ufeff")
    expect(table(dos, dos) == table(path, path), "lines end with CR LF, and a mark begins the file")


def devices():
    """By name, but for a machine's only GPU, or CPU."""
    gpu = {"device": "NVIDIA A", "plan": "resident", "backend": "cublas", "kernel": "lt"}
    second = {**gpu, "device": "NVIDIA B"}
    cpu = [measured(1e-3), measured(2e-3, dims="m=1 n=1 k=1")]
    a = write("a.csv", [*cpu, measured(1e-3, **gpu)])
    b = [*cpu, measured(1e-3, **second)]
    rows = cells(table(a, write("b.csv", b))[1])
    expect(len(rows) == 3 and rows[2]["device"] == "NVIDIA A", f"one GPU each: {rows}")
    b.append(measured(1e-3, **{**gpu, "device": "NVIDIA C"}))
    rows = cells(table(a, write("b.csv", b))[1])
    expect([row["verdict"] for row in rows].count("only in B") == 2, f"two GPUs: {rows}")
    b.append(measured(1e-3, **gpu))
    rows = cells(table(a, write("b.csv", b))[1])
    expect([row["verdict"] for row in rows].count("only in B") == 2 and len(rows) == 5,
           f"two more GPUs: {rows}")


# ---- what is left out, and predictions ------------------------------------------------------------

def left_out():
    predicted = [{**row, "source": "predicted", "median_s": "", "predicted_s": row["median_s"],
                  "kernel": "avx2"} for row in simulated(1, 5)]
    emulated = [{**row, "source": "emulated", "median_s": "", "kernel": "mma"}
                for row in simulated(1, 4)]
    failed = [{**row, "status": "failed", "reason": "WRONG", "kernel": "wrong"}
              for row in simulated(1, 3)]
    mixed = write("a.csv", [*simulated(1), *predicted, *emulated, *failed, refused(kernel="x")])
    status, out, _ = compare(mixed, mixed)
    expect(status == 0 and "73 rows, 60 compared, 5 predicted, 4 emulated, 3 failed, 1 not run" in
           out, f"left out: {out}")
    status, rows = table(mixed, mixed, "--predicted")
    expect(len(cells(rows)) == 5 and {row["source"] for row in rows} == {"predicted"},
           f"--predicted: {rows}")
    slower = [{**row, "predicted_s": repr(1.5 * float(row["predicted_s"]))} for row in predicted]
    worse = write("b.csv", slower)
    status, out, err = compare(mixed, worse, "--predicted")
    expect(status == 1 and out.startswith("predicted slower: 5 of 5 cells") and
           "nothing was measured" in out, f"predicted slower: {status} {out} {err}")
    status, out, err = compare(mixed, worse)
    expect(status == 2 and "none of its 5 rows is measured; --predicted compares" in err, err)
    plain = write("c.csv", simulated(1))
    status, out, err = compare(plain, plain, "--predicted")
    expect(status == 2 and "is predicted; leave out --predicted" in err, err)
    tree = junit(mixed, worse, "--predicted")[1]
    messages = [f.get("message") for f in tree.iter("failure")]
    expect(messages and all("predicted slower" in m for m in messages[1:]), f"{messages}")


# ---- what moved ------------------------------------------------------------------------------------

def moved():
    gpu = {"device": "NVIDIA A", "plan": "resident", "backend": "cublas", "kernel": "lt"}
    dims = sizes(4)
    a = [measured(1e-3, dims=d, decision=str(i), **gpu) for i, d in enumerate(dims)]
    a += [measured(9e-3, dims=d, decision=str(i), status="compared", reason="SLOWER")
          for i, d in enumerate(dims)]
    b = [dict(row) for row in a]
    # The first falls back, the second falls back and is no slower, the third runs nowhere.
    for i in range(3):
        b[i] = refused("DEVICE_MEMORY", dims=dims[i], decision=str(i), need="4294967296",
                       have="2147483648", unit="bytes", **gpu)
    b[4].update(status="chosen", reason="OK", fallback="DEVICE_MEMORY", fallback_need="4294967296",
                fallback_have="2147483648", note="a <note> & \"more\"")
    b[5] = measured(1e-3, dims=dims[1], decision="1", fallback="DRIVER_OLD")
    b[6] = refused("UNASKED", dims=dims[2], decision="2")
    files = write("a.csv", a), write("b.csv", b)
    status, out, err = compare(*files)
    text = " ".join(out.split())
    for says in ("moved: 3 requests run elsewhere now, 3 of them no longer on a GPU",
                 "GPU cublas:lt, resident -> CPU plain:loops, on-host slower: +800.0%",
                 "because DEVICE_MEMORY: ", "(4 GiB against 2 GiB)", 'a <note> & "more"',
                 "GPU cublas:lt, resident -> nowhere", "DRIVER_OLD", "2 requests are worse off",
                 "only in A: 4 cells", "in B: DEVICE_MEMORY"):
        expect(says in text, f"moved: {says!r} is not in {out}")
    expect(status == 1, f"moved: {status} {err}")
    requests = cells(table(*files)[1], "moved")
    expect([row["verdict"] for row in requests][0] == "slower" and requests[2]["verdict"] == "" and
           requests[0]["ran"] == "GPU cublas:lt, resident -> CPU plain:loops, on-host" and
           requests[0]["policy"] == "auto" and requests[0]["because"].startswith("DEVICE_MEMORY: ")
           and close(float(requests[0]["difference_percent"]), 800), f"moved: {requests}")
    only = [row for row in table(*files)[1] if row["verdict"] == "only in A"]
    expect(all(row["because"].startswith("DEVICE_MEMORY") for row in only[:3]), f"{only}")
    status, out, _ = compare(files[1], files[0])
    expect("moved: 3 requests" in out and "0 of them no longer" in out and status in (0, 1),
           f"and back: {status} {out}")
    # From one CPU kernel to another: said, and no more than that.
    c = [dict(row) for row in a]
    c[0].update(status="compared", reason="SLOWER")
    c.append(measured(2e-3, dims=dims[0], decision="0", kernel="avx2"))
    d = [dict(row) for row in c]
    d[-1].update(status="compared", reason="SLOWER")
    d[4].update(status="chosen", reason="OK")
    status, out, _ = compare(write("c.csv", c), write("d.csv", d))
    expect(status == 0 and "moved: 1 requests" in out and "CPU plain:avx2, on-host -> CPU plain:"
           in out, f"on the CPU: {status} {out}")


def strict():
    a, b = write("a.csv", simulated(1)), write("b.csv", simulated(2)[1:])
    expect(compare(a, b)[0] == 0 and compare(a, b, "--strict")[0] == 1, "--strict: one is gone")
    expect(compare(b, a, "--strict")[0] == 0, "--strict: one is new")


# ---- formats -----------------------------------------------------------------------------------------

def junit(*words):
    path = os.path.join(folder, "junit.xml")
    status, _, err = compare(*words, "--junit", path)
    expect(status in (0, 1), f"--junit: {status} {err}")
    return status, ElementTree.parse(path).getroot()


def formats():
    hostile = "]]><x a=\"1\" b='2'>&amp;\x01\x1b[31m\u00e9\u20ac\U0001f600"
    a = simulated(1)
    b = simulated(2, slower={3: 1.3})
    for rows in (a, b):
        for i, row in enumerate(rows):
            row.update(kernel=f"{hostile}{i}", note=hostile)
    files = write("a.csv", a), write("b.csv", b)
    status, rows = table(*files)
    _, out, _ = compare(*files, "--format", "json")
    objects = json.loads(out)
    expect(len(objects) == len(rows) and all(list(x) == list(y) for x, y in zip(objects, rows)),
           "JSON has other rows than CSV")
    for x, y in zip(objects, rows):
        for key, value in x.items():
            same = y[key] == ("" if value is None else str(value)) or \
                (isinstance(value, (int, float)) and float(y[key]) == value)
            expect(same, f"{key}: {value!r} {y[key]!r}")
    status, tree = junit(*files)
    cases = list(tree.iter("testcase"))
    failures = [case for case in cases if case.find("failure") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    expect(status == 1 and len(cases) == int(tree.get("tests")) == 61, f"cases: {tree.attrib}")
    expect(len(failures) == int(tree.get("failures")) == 1 and
           len(skipped) == int(tree.get("skipped")), f"failures: {tree.attrib}")
    expect("]]><x a=\"1\" b='2'>&amp;\ufffd\ufffd[31m\u00e9\u20ac\U0001f6003" in
           failures[0].get("name") and "slower: +" in failures[0].find("failure").get("message"),
           f"{failures[0].attrib}")
    _, out, _ = compare(*files)
    expect(out.startswith("slower: 1 of 60 cells") and "\x1b" not in out and "\x01" not in out,
           f"text: {out!r}")
    plain = [{**row, "kernel": "loops"} for row in b]
    _, out, _ = compare(write("a.csv", simulated(1)), write("b.csv", plain))
    expect(max(len(line) for line in out.splitlines()) <= 80, f"wider than 80 columns: {out}")
    path = os.path.join(folder, "out.txt")
    status, out, err = compare(*files, "-o", path)
    with open(path, encoding="utf8") as file:
        expect(file.read() == compare(*files)[1] and status == 1 and out == "", "-o")


# ---- files that are broken -----------------------------------------------------------------------------

def broken():
    good = simulated(1)
    a = write("a.csv", good)
    with open(a, "rb") as file:
        whole = file.read()
    for cut in (1, 30, 200):  # a killed sweep: the rest is compared
        cut_file = os.path.join(folder, "cut.csv")
        with open(cut_file, "wb") as file:
            file.write(whole[:-cut])
        status, out, err = compare(a, cut_file)
        expect(status == 0 and "only in A: 1 cells" in out and err.count("\n") == 1 and
               "cut.csv: line 61 is half written" in err, f"cut by {cut}: {status} {err}")

    def file_of(content):
        path = os.path.join(folder, "bad.csv")
        with open(path, "wb") as file:
            file.write(content)
        return path

    changed = [
        ("another table", b"Device,Kernel,M\ncpu,sgemm,1\n", "line 1: no column 'schema'"),
        ("no such column", whole.replace(b"median_s", b"median", 1), "no column 'median_s'"),
        ("another schema", whole.replace(b"\n1,r1", b"\n2,r1", 1), "line 2: schema '2'; this"),
        ("empty", b"", "line 1: empty"), ("binary", b"\0\1\2\n", "line 1: a zero byte"),
        ("too few fields", whole + b"1,2\n", "line 62: 2 fields; the header has "),
        ("no row", whole[:whole.index(b"\n") + 1], "none of its 0 rows is measured"),
        ("half a header", whole[:50], "line 1: half written"),
    ]
    for column, value, says in (("median_s", "fast", "a time in seconds"),
                                ("median_s", "-1", "above 0"), ("median_s", "0", "above 0"),
                                ("median_s", "nan", "above 0"), ("median_s", "inf", "above 0"),
                                ("median_s", "1e-5x", "a time"), ("samples", "", "1 or more"),
                                ("samples", "0", "1 or more"), ("ci_low_s", "1", "no more than"),
                                ("ci_high_s", "1e-9", "no less than")):
        rows = [*good[:5], {**good[5], column: value}, *good[6:]]
        with open(write("bad.csv", rows), "rb") as file:
            changed.append((f"{column}={value}", file.read(), f"line 7: {column} is '{value}'"))
            expect(says in compare(a, os.path.join(folder, "bad.csv"))[2], f"{column}={value}")
    for what, content, says in changed:
        for files in ((a, file_of(content)), (file_of(content), a)):
            status, out, err = compare(*files)
            expect(status == 2 and out == "" and err.count("\n") == 1 and says in err and
                   "bad.csv" in err, f"{what}: {status} {err!r}")
    other = write("other.csv", [{**row, "threads": "64"} for row in good])
    status, _, err = compare(a, other)
    expect(status == 2 and "no measured cell is in both" in err, f"nothing in common: {err}")
    rng = random.Random(4)
    for _ in range(60):  # whatever the bytes, an answer or one line
        noise = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            noise[rng.randrange(len(noise))] = rng.choice((0, 10, 13, 34, 44, 255, 49, 101))
        path = file_of(bytes(noise[:rng.randrange(1, len(noise))]))
        done = subprocess.run([PROGRAM, "compare", a, path], capture_output=True, check=False)
        status, said = done.returncode, done.stderr
        expect(status in (0, 1) or (status == 2 and said.count(b"\n") == 1 and not done.stdout),
               f"random bytes: {status} {said!r}")
    status, _, err = compare(a, os.path.join(folder, "none.csv"))
    expect(status == 2 and "No such file" in err, err)
    status, _, err = compare(a, folder)
    expect(status in (2, 3) and err.count("\n") == 1, f"a folder: {status} {err}")
    with open("/dev/full", "wb") as full:
        expect(run("compare", a, a, stdout=full)[0] == 3, "a full disk")
    status, _, err = compare(a, a, "--junit", "/dev/full")
    expect(status == 3 and err.count("\n") == 1, f"--junit on a full disk: {status} {err}")


try:
    for check in (figures, identical, planted, few_samples, matching, devices, left_out, moved,
                  strict, formats, broken):
        check()
finally:
    shutil.rmtree(folder, ignore_errors=True)
end()
