"""The commands as a black box: what they print in each format, statuses, .npy files, pipes."""
import csv
import io
import json
import os
import re
import signal
import struct
import subprocess
import tempfile
import time

from program import PROGRAM, end, expect, run

folder = tempfile.mkdtemp()
GEMM = ["gemm", "m=33", "n=17", "k=9"]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ---- help and version ----------------------------------------------------------------------------

for command in ["machine", "list", "explain", "run", "check", "bench", "report", "compare", "plan"]:
    for option in ["--help", "--version"]:
        status, out, err = run(command, option)
        expect(status == 0 and out and not err, f"{command} {option}: {status} {err}")
    expect(f"whycpu {command}" in run(command, "--help")[1], f"{command} --help has no usage")
status, out, err = run("--version")
expect(re.fullmatch(r"whycpu \d+\.\d+\.\d+ \([0-9a-z-]+\)\n", out), f"--version: {out!r}")
status, out, err = run("--help")
expect(status == 0 and "explain" in out, "--help")
for later in ["accept"]:
    expect(not re.search(rf"^  {later}\b", out, re.M), f"--help lists {later}, which is not there")

# ---- list: every topic in every format -----------------------------------------------------------

topics = [row["list"] for row in rows_of(run("list", "--format", "csv")[1])]
expect(len(topics) == 9, f"list: {topics}")
for topic in topics:
    text = run("list", topic)[1]
    table = run("list", topic, "--format", "csv")[1]
    objects = json.loads(run("list", topic, "--format", "json")[1])
    records = rows_of(table)
    expect(len(records) > 0, f"list {topic} is empty")
    expect(len(records) == len(objects) == text.count("\n") - 1, f"list {topic}: formats differ")
    expect(all(list(a) == list(b) for a, b in zip(records, objects)), f"list {topic}: columns")
    for a, b in zip(records, objects):
        for key in a:
            same = a[key] == ("" if b[key] is None else str(b[key]))
            expect(same, f"list {topic} {key}: {a[key]!r} {b[key]!r}")
ops = json.loads(run("list", "ops", "--format", "json")[1])
m = [o for o in ops if o["op"] == "gemm" and o["name"] == "m"][0]
expect(m["least"] == 1 and m["default"] is None and m["help"], f"gemm m: {m}")
layout = [o for o in ops if o["op"] == "conv2d" and o["name"] == "layout"][0]
expect(layout["kind"] == "choice" and layout["default"] == "nchw" and layout["least"] is None and
       layout["help"].endswith(": nchw, nhwc"), f"conv2d layout: {layout}")

fastest = 1.0
for _ in range(10):
    begin = time.monotonic()
    run("list", "kernels")
    fastest = min(fastest, time.monotonic() - begin)
expect(fastest < 0.030, f"whycpu list takes {fastest * 1e3:.1f} ms, fork and all")
with open("/proc/self/maps", encoding="utf8"):  # list opens no backend: ask the loader
    trace = subprocess.run([PROGRAM, "list", "kernels"], env={**os.environ, "LD_DEBUG": "files"},
                           capture_output=True, text=True, check=True).stderr
expect("libwhycpu-" not in trace, "whycpu list opens a backend")

# ---- machine -------------------------------------------------------------------------------------

status, out, err = run("machine", "--format", "json")
items = json.loads(out)
expect(status == 0 and not err, f"machine: {status} {err}")
expect(items[0]["item"] == "device" and items[0]["host"] is True, "device 0 is the host")
backends = {i["name"]: i for i in items if i["item"] == "backend"}
expect(set(backends) == {"plain", "openblas", "onednn", "cuda", "cublas", "cudnn"},
       f"backends: {list(backends)}")
expect(backends["plain"]["reason"] == "OK", "plain is always there")
for name, item in backends.items():
    expect(item["reason"] == "OK" or item["note"] or item["cause"], f"{name} is absent without why")
expect("figures          none" in run("machine")[1], "figures without --measure")
path = os.path.join(folder, "here.json")
expect(run("machine", "-o", path) == (0, "", ""), "machine -o")
with open(path, encoding="utf8") as file:
    expect(json.load(file)["kind"] == "machine", "the machine file")
status, out, err = run("machine", "--machine", path)
expect(status == 0 and "recorded" in out, f"machine --machine: {err}")

# Ceilings that a machine file holds: rows of their own, and tables for people.
with open(path, encoding="utf8") as file:
    here = json.load(file)
here["ceilings"] = [
    {"device": 0, "name": "fma-f32-avx2", "threads": 1, "value": 1.5e11, "unit": "flop/s"},
    {"device": 0, "name": "fma-f32-avx2", "threads": 8, "value": 1e12, "unit": "flop/s"},
    {"device": 0, "name": "copy-l1", "threads": 8, "bytes": 4096, "value": 4e11, "unit": "byte/s"}]
here["ceilings"] += [{"device": 0, "name": f"copy-{way}-pinned", "bytes": size, "value": size * 1e6,
                      "unit": "byte/s"} for size in (4096, 16384) for way in ("in", "out")]
with open(path, "w", encoding="utf8") as file:
    json.dump(here, file)
status, out, err = run("machine", "--machine", path)
expect(re.search(r"^ +ceilings +1 thread +8 threads$", out, re.M), f"no table of ceilings: {out}")
expect(re.search(r"^ +fma-f32-avx2 +150 GFLOP/s +1 TFLOP/s$", out, re.M), f"fma: {out}")
expect(re.search(r"^ +copy-l1 +- +400 GB/s$", out, re.M), f"one thread was not measured: {out}")
expect(re.search(r"^ +link, by size +copy-in-pinned +copy-out-pinned$", out, re.M), f"link: {out}")
expect(re.search(r"^ +16 KiB +16.4 GB/s +16.4 GB/s$", out, re.M), f"link by size: {out}")
rows = [row for row in rows_of(run("machine", "--machine", path, "--format", "csv")[1])
        if row["item"] == "ceiling"]
kept = [(c["name"], c.get("threads"), c.get("bytes"), c["value"], c["unit"])
        for c in here["ceilings"]]
expect([(r["name"], int(r["threads"]) if r["threads"] else None,
         int(r["bytes"]) if r["bytes"] else None, float(r["value"]), r["unit"]) for r in rows] == kept,
       f"ceilings as csv: {rows}")
expect(all(r["device"] == "0" and r["index"] == str(i) for i, r in enumerate(rows)), "their places")

# ---- bench: how numbers lie ----------------------------------------------------------------------

LIES = ["bench", "--how-numbers-lie", "softmax", "rows=33", "cols=50", "--policy", "plain:portable",
        "--time-budget", "0.01"]
status, out, err = run(*LIES, "--format", "csv")
rows = rows_of(out)
expect(status == 0 and not err and len(rows) == 9, f"how numbers lie: {status} {err} {rows}")
expect([r["lie"] for r in rows] == ["again", "zeros", "hot", "call-alone", "device-clock", "padded",
                                    "minimum", "first-call", "baseline"], f"lies: {rows}")
for row in rows:
    measured = row["lie"] != "device-clock"  # of a kernel on the CPU
    expect(row["status"] == ("measured" if measured else "skipped"), f"{row}")
    expect((row["reason"] == "") == measured, f"a lie that is not shown says why: {row}")
    expect(row["kernel"] == "portable" and row["device"] and row["machine"], f"on what: {row}")
    for figure in ["honest_s", "claimed_s", "ratio", "ratio_ci_low", "ratio_ci_high"]:
        expect(bool(row[figure]) == measured, f"{figure}: {row}")
    if measured:
        low, ratio, high = (float(row[key]) for key in ["ratio_ci_low", "ratio", "ratio_ci_high"])
        expect(0 < low <= ratio <= high, f"interval: {row}")
        verdict = "flatters" if low > 1 else "belittles" if high < 1 else "no difference"
        expect(row["verdict"] == verdict, f"verdict: {row}")
objects = json.loads(run(*LIES, "--format", "json")[1])
expect([list(o) for o in objects] == [list(r) for r in rows], "json has the columns of csv")
status, out, err = run(*LIES)
expect(status == 0 and "device-clock SKIP: needs a GPU" in out and "what was done" in out and
       "plain:portable" in out and "honest: " in out, f"how numbers lie as text: {out} {err}")

# ---- explain -------------------------------------------------------------------------------------

status, out, err = run("explain", *GEMM)
expect(status == 0 and "-> CPU" in out or "-> GPU" in out, f"explain: {status} {out} {err}")
status, out, err = run("explain", *GEMM, "--format", "json")
kernels = [k for k in rows_of(run("list", "kernels", "--format", "csv")[1]) if k["op"] == "gemm"]
candidates = json.loads(out)
expect(len(candidates) >= len(kernels), "a kernel is missing from the explanation")
expect([c["status"] for c in candidates].count("chosen") == 1, "exactly one is chosen")
expect(run("explain", " ".join(GEMM), "--format", "json")[1] == out, "a problem as one word")
status, out, err = run("explain", *GEMM, "--machine", "h200", "--device-memory", "1KiB,none",
                       "--policy", "gpu-only,gpu-first", "--plan", "resident,on-host", "--format",
                       "csv")
decisions = {}
for row in rows_of(out):
    decisions.setdefault(row["decision"], []).append(row)
expect(len(decisions) == 4 and status == 1, f"lists make a decision each: {len(decisions)} {status}")
first = decisions["1"]
expect(first[0]["policy"] == "gpu-only" and first[0]["device_memory_bytes"] == "1024", "order")
expect(not [r for r in first if r["status"] == "chosen"], "gpu-only in 1 KiB chose something")
memory = [r for r in first if r["reason"] == "DEVICE_MEMORY"]
expect(memory and all(float(r["need"]) > 1024 == float(r["have"]) for r in memory),
       "DEVICE_MEMORY has its two numbers")
expect(run("explain", *GEMM, "--machine", "h200", "--policy", "gpu-only")[0] == 0, "h200 gpu-only")
text = run("explain", *GEMM, "--policy", "auto,cpu-only")[1]
expect(text.count("gemm m=33") == 2 and "\n\n" in text, "two decisions as text")

# ---- a device that is too small: parts, and what is allowed ----------------------------------------

BIG = ["gemm", "m=2048", "n=2048", "k=2048", "--machine", "h200", "--device-memory", "16MiB"]
candidates = rows_of(run("explain", *BIG, "--format", "csv")[1])
plans = {p: [c for c in candidates if c["plan"] == p] for p in ("resident", "streamed", "on-host")}
expect(all(plans.values()), f"a plan has no candidate: { {p: len(c) for p, c in plans.items()} }")
expect([c for c in plans["resident"] if c["reason"] == "DEVICE_MEMORY"], "resident fits 16 MiB")
streamed = [c for c in plans["streamed"] if c["predicted_s"]]
expect(streamed and all(re.fullmatch(r"m=\d+ n=\d+ k=\d+", c["part"]) and
                        0 < int(c["pinned_bytes"]) and 0 < int(c["peak_bytes"]) <= 16 << 20
                        for c in streamed), f"streamed: {streamed}")
expect(not [c for c in candidates if c["part"] and c["plan"] != "streamed"], "a part of the whole")
for plan in plans:
    rows = rows_of(run("explain", *BIG, "--plan", plan, "--format", "csv")[1])
    chosen = [c["plan"] for c in rows if c["status"] == "chosen"]
    expect(chosen == ([] if plan == "resident" else [plan]), f"--plan {plan}: {rows}")
both = rows_of(run("explain", *BIG, "--plan", "resident,on-host", "--format", "csv")[1])
expect([c["plan"] for c in both if c["status"] == "chosen"] == ["on-host"], "no streaming")
pinned = rows_of(run("explain", *BIG, "--plan", "streamed", "--pinned-memory", "1KiB", "--format",
                     "csv")[1])
expect([c for c in pinned if c["reason"] == "PINNED" and float(c["have"]) == 1024],
       f"--pinned-memory 1KiB: {pinned}")

# The law is one: no predicted time is under it, and streamed rows of a sweep say how near they come.
sweep = os.path.join(folder, "memory.csv")
status, out, err = run("bench", "--suite", "memory", "--machine", "h200", "--device-memory",
                       "64MiB,256MiB,none", "-o", sweep)
expect(status == 0 and "the fastest of each plan" in out, f"bench --suite memory: {status} {err}")
with open(sweep, encoding="utf8", newline="") as file:
    rows = [r for r in csv.DictReader(file) if r["plan"] == "streamed" and r["predicted_s"]]
expect({r["op"] for r in rows} >= {"gemm", "softmax"}, f"streamed: { {r['op'] for r in rows} }")
expect(all(0 < float(r["roof_percent"]) <= 100 and r["bound_by"] in ("transfer", "compute")
           for r in rows), "a streamed plan is predicted to be faster than the law")

# ---- run, with .npy files made here ---------------------------------------------------------------


def npy(name, shape, values, descr="<f4", code="f"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    target = os.path.join(folder, name)
    with open(target, "wb") as out_file:
        out_file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        out_file.write(struct.pack(f"<{len(values)}{code}", *values))
    return target


def read_npy(name, code="f"):
    with open(os.path.join(folder, name), "rb") as in_file:
        content = in_file.read()
    length = struct.unpack("<H", content[8:10])[0]
    data = content[10 + length:]
    shape = re.search(rb"'shape': \(([^)]*)\)", content).group(1).decode()
    return shape, list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))


a = npy("a.npy", "(2, 3)", [1, 2, 3, 4, 5, 6])
b = npy("b.npy", "(3, 2)", [1, 0, 0, 1, 1, 1])
c = npy("c.npy", "(2, 2)", [10, 20, 30, 40])
small = ["run", "gemm", "m=2", "n=2", "k=3"]
status, out, err = run(*small, "--in", f"a={a}", "--in", f"b={b}", "--out", f"c={folder}/d.npy")
expect(status == 0 and "check      right" in out, f"run with files: {status} {out} {err}")
expect("seed" not in out, "a seed is shown though no data is random")
expect(read_npy("d.npy") == ("2, 2", [4, 5, 10, 11]), f"the product: {read_npy('d.npy')}")
status, out, err = run(*small, "beta=1", "alpha=2", "--in", f"a={a}", "--in", f"b={b}", "--in",
                       f"c={c}", "--out", f"c={folder}/d.npy")
expect(read_npy("d.npy")[1] == [18, 30, 50, 62], f"beta=1 alpha=2: {read_npy('d.npy')} {err}")
status, out, err = run(*small, "ldc=5", "--in", f"a={a}", "--in", f"b={b}", "--out",
                       f"c={folder}/d.npy")
expect(read_npy("d.npy") == ("2, 2", [4, 5, 10, 11]), "a leading dimension is not in the file")
bf16 = npy("bf16.npy", "(2, 3)", [0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0], "<u2", "H")
ones = npy("ones.npy", "(3, 2)", [0x3f80] * 6, "<u2", "H")
run(*small, "type=bf16", "--in", f"a={bf16}", "--in", f"b={ones}", "--out", f"c={folder}/d.npy")
expect(read_npy("d.npy", "H")[1] == [0x40c0, 0x40c0, 0x4170, 0x4170], "bf16 bits as u2")
status, out, err = run(*small, "--in", f"a={b}")
expect(status == 2 and "(3, 2)" in err and "(2, 3)" in err, f"both shapes: {err}")
status, out, err = run(*small, "type=f64", "--in", f"a={a}")
expect(status == 2 and "<f4" in err and "<f8" in err, f"both types: {err}")

# conv2d's files are in storage order: the same numbers in both layouts, each in its own order.
N, C, H, W, K, R, S = 2, 3, 4, 5, 2, 3, 2
x = {(i, j, k, l): float((7 * i + 5 * j + 3 * k + l) % 9 - 4)
     for i in range(N) for j in range(C) for k in range(H) for l in range(W)}  # n, c, h, w
w = {(i, j, k, l): float((2 * i + 3 * j + 5 * k + l) % 5 - 2)
     for i in range(K) for j in range(C) for k in range(R) for l in range(S)}  # k, c, r, s
P, Q = H + 2 - R + 1, W - S + 1  # pad_h=1
y = {(n, k, p, q): sum(x[n, c2, p - 1 + r, q + s] * w[k, c2, r, s]
                       for c2 in range(C) for r in range(R) for s in range(S)
                       if 0 <= p - 1 + r < H)
     for n in range(N) for k in range(K) for p in range(P) for q in range(Q)}
conv = ["run", "conv2d", f"n={N}", f"c={C}", f"h={H}", f"w={W}", f"k={K}", f"r={R}", f"s={S}",
        "pad_h=1"]
stored = {"nchw": lambda i: i, "nhwc": lambda i: (i[0], i[2], i[3], i[1])}
for layout, order in stored.items():
    def ordered(values):
        return [values[i] for i in sorted(values, key=order)]

    def shape_of(*dims):
        return "(" + ", ".join(str(d) for d in order(dims)) + ")"
    x_file = npy("x.npy", shape_of(N, C, H, W), ordered(x))
    w_file = npy("w.npy", shape_of(K, C, R, S), ordered(w))
    status, out, err = run(*conv, f"layout={layout}", "--in", f"x={x_file}", "--in",
                           f"w={w_file}", "--out", f"y={folder}/y.npy")
    expect(status == 0 and "check      right" in out, f"conv2d {layout}: {status} {out} {err}")
    expect(read_npy("y.npy") == (shape_of(N, K, P, Q)[1:-1], ordered(y)),
           f"conv2d {layout}: {read_npy('y.npy')}, {ordered(y)}")
    other = [name for name in stored if name != layout][0]
    status, out, err = run(*conv, f"layout={other}", "--in", f"x={x_file}")
    expect(status == 2 and f"{shape_of(N, C, H, W)} of <f4, and" in err,
           f"conv2d {layout} read as {other}: {err}")
status, out, err = run(*small, "type=bf16", "out=f32", "--in", f"a={bf16}", "--in", f"b={ones}",
                       "--out", f"c={folder}/d.npy")
expect(read_npy("d.npy") == ("2, 2", [6, 6, 15, 15]), f"out=f32 is f4: {err}")

status, out, err = run("run", *GEMM, "--policy", "cpu-only", "--seed", "7")
expect(status == 0 and "--seed 7" in out and "time " in out, f"run: {out} {err}")
record = json.loads(run("run", *GEMM, "--policy", "cpu-only", "--format", "json")[1])[0]
expect(record["source"] == "measured" and record["total_s"] > 0, f"measured: {record}")
expect(record["error"] <= record["tolerance"] and record["verified"] == "exact", "checked")
record = rows_of(run("run", *GEMM, "beta=0.5", "--iterations", "3", "--policy", "cpu-only",
                     "--format", "csv")[1])[0]
expect(record["reason"] == "OK" and record["iterations"] == "3", f"updated thrice: {record}")
if backends["cuda"]["reason"] != "OK" and backends["cublas"]["reason"] != "OK":
    status, out, err = run("run", *GEMM, "--policy", "gpu-only")
    expect(status == 1 and "nowhere" in out, f"gpu-only without a GPU: {status} {out}")
expect(run("run", *GEMM, "--device-memory", "1KiB", "--policy", "gpu-only")[0] == 1, "no room")

# ---- the emulated device: results, and never a time -------------------------------------------------

emulated = [i for i in json.loads(run("machine", "--emulate", "--format", "json")[1])
            if i["item"] == "backend" and i["name"] == "cuda"][0]
if emulated["reason"] == "OK":
    record = json.loads(run("run", *GEMM, "--emulate", "--policy", "cuda:tiled", "--format",
                            "json")[1])[0]
    expect(record["source"] == "emulated" and record["verified"] == "exact", f"emulated: {record}")
    for key in ["copy_in_s", "work_s", "copy_out_s", "total_s"]:
        expect(record[key] is None, f"a time under emulation: {key} {record[key]}")
    out = run("run", *GEMM, "--emulate", "--policy", "cuda:tiled")[1]
    expect("emulated" in out and "time  " not in out, f"a time under emulation: {out}")
    status, out, err = run("check", "--emulate", "--quick", "--kernel", "cuda:warp")
    expect(status == 0 and "passed" in out, f"check cuda:warp: {status} {out} {err}")
else:
    print("the emulated backend is not built:", emulated["note"])

# ---- check ---------------------------------------------------------------------------------------

status, out, err = run("check", "softmax", "--quick", "--format", "csv")
records = rows_of(out)
expect(status == 0, f"check softmax: {status} {err}")
expect(any(r["status"] == "passed" and int(r["passed"]) > 10 for r in records), "none passed")
expect(all(r["reason"] for r in records if r["status"] == "absent"), "absent without a reason")
expect(all(float(r["worst"]) <= 1 for r in records if r["status"] == "passed"), "worst")
status, out, err = run("check", *GEMM, "type=bf16", "--kernel", "plain:loops", "--format", "csv")
expect(status == 0 and [r["passed"] for r in rows_of(out)] == ["1"], f"one problem: {out} {err}")

# ---- where output goes ------------------------------------------------------------------------------

path = os.path.join(folder, "kernels.csv")
expect(run("list", "kernels", "--format", "csv", "-o", path) == (0, "", ""), "list -o")
with open(path, encoding="utf8", newline="") as file:
    expect(file.read() == run("list", "kernels", "--format", "csv")[1], "-o differs from stdout")
with open("/dev/full", "wb") as full:
    status, _, err = run("list", "ops", stdout=full)
    expect(status == 3 and err.count("\n") == 1, f"a full disk: {status} {err!r}")
pipe = subprocess.Popen([PROGRAM, "list", "columns"], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
pipe.stdout.close()
pipe.wait()
expect(pipe.stderr.read() == b"", "a closed pipe is not quiet")

# ---- Ctrl-C ----------------------------------------------------------------------------------------

child = subprocess.Popen([PROGRAM, "check", "--kernel", "plain:loops"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
time.sleep(0.3)
child.send_signal(signal.SIGINT)
out, err = child.communicate(timeout=60)
expect(child.returncode in (130, 0), f"Ctrl-C: {child.returncode} {err}")
expect(child.returncode == 0 or out.startswith(b"op "), "Ctrl-C: finished rows are kept")

end()
