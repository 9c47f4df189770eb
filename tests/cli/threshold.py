"""Thresholds as a black box: a search on this machine and on a recorded one, GPU-BLOB's files out
and in, and reports of files that are ours, older, broken or somebody else's."""
import csv
import io
import json
import os
import random
import re
import tempfile

from program import end, expect, run

folder = tempfile.mkdtemp()


def file(name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf8", newline="") as out:
        out.write(text)
    return path


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def refused(words, says, status=2):
    got, out, err = run(*words)
    name = " ".join(words).replace(folder, "FOLDER")
    expect(got == status and out == "" and err.count("\n") == 1 and says in err,
           f"{name}: {got} {out!r} {err!r}")


# ---- a search on this machine ----------------------------------------------------------------------

SUITE = file("soft.suite", "softmax rows=16 cols=16..4096*4\n")
SEARCH = ["bench", "--suite", SUITE, "--threads", "1", "--threshold-budget", "3", "--threshold"]
status, out, err = run(*SEARCH, "plain:avx2,plain:loops", "--format", "json")
if status == 0:  # a CPU with AVX2
    found = json.loads(out)[0]
    expect(found["source"] == "measured" and found["family"] == "softmax rows=16 cols=* type=f32",
           f"family: {found}")
    expect(found["answer"] in ("always", "from", "until") and found["at_most"] <= 4096,
           f"vectors against a plain loop: {found}")
    expect(found["samples"] >= 24 and found["sizes"] >= 5 and found["confidence"] == 0.95, f"{found}")
    expect(found["a_kernel"] == "plain:avx2" and found["b_kernel"] == "plain:loops", f"{found}")
status, out, err = run(*SEARCH, "plain:loops@1,plain:portable@1")
expect(status == 0 and re.search(r"^measured \| softmax rows=16 cols=\* type=f32: plain:loops with 1 "
                                 r"thread .*; GPU-BLOB's rule on the same data: \w+; \d+ samples at "
                                 r"\d+ sizes in ", out, re.M), f"as text: {status} {out} {err}")
status, out, err = run(*SEARCH, "openblas:cblas,plain:loops", "--format", "csv")
row = rows_of(out)[0]
expect(status == 1 and row["answer"] == "none" and row["reason"] == "OP_UNKNOWN",
       f"a library without the operation: {status} {out} {err}")
path = os.path.join(folder, "found.csv")
expect(run(*SEARCH, "plain:loops,plain:portable", "--format", "csv", "-o", path)[:2] == (0, ""), "-o")

# ---- on a recorded one -------------------------------------------------------------------------------

ON = ["bench", "--machine", "h200", "--suite", "square", "--threshold"]
status, out, err = run(*ON, "gpu,cpu", "--format", "csv")
found = rows_of(out)
expect(status == 0 and len(found) == 7, f"h200: {status} {err} {len(found)}")
for row in found:
    expect(row["source"] == "predicted" and not row["confidence"] and not row["seconds"], f"{row}")
    if row["answer"] == "from":  # a prediction has no noise: both rules find the same
        expect(row["gpu_blob"] == row["from"] == row["at_most"], f"{row}")
        expect(row["smaller_winner"] == "cpu", f"{row}")
expect([r for r in found if r["answer"] == "from"], "no threshold on h200")
text = run(*ON, "gpu,cpu")[1]
expect("nothing was run" in text and "95%" not in text and "measured" not in text, text)

# The summary of a sweep has the same one, as far as its sizes tell.
sweep = run("bench", "--machine", "h200", "--suite", "square")[1]
for row in found:
    line = re.search(re.escape(f"predicted | {row['family']}: a GPU beats the CPU from ") +
                     r"(\d+) on \((\d+): the CPU", sweep)
    expect(bool(line) == (row["answer"] == "from"), f"{row['family']}: {line}")
    if line:
        expect(int(line.group(2)) < int(row["from"]) <= int(line.group(1)), f"{row} {line.group(0)}")

refused(SEARCH + ["gpu"], "two sides")
refused(SEARCH + ["gpu,cpuu"], "did you mean cpu?")
refused(SEARCH + ["gpu@2,cpu"], "threads are the CPU's")
refused(SEARCH + ["cpu,cpu"], "same side twice")
refused(SEARCH + ["gpu,cpu", "--resume", "x.csv"], "leave out --resume")
refused(SEARCH + ["gpu,cpu", "--policy", "auto"], "leave out --policy")
refused(SEARCH + ["gpu,cpu", "--emulate"], "no times")
refused(["bench", "--threshold", "gpu,cpu", "--suite", "resnet50"], "exactly one range")

# ---- our rows in a report ------------------------------------------------------------------------------

SWEEP = file("sweep.suite", "gemm m=n=k=8..32*2\nsoftmax rows=4 cols=8\n")
out_folder = os.path.join(folder, "blob")
os.makedirs(out_folder)
EXPORT = ["bench", "--export", "gpu-blob", "--output-dir", out_folder, "--suite", SWEEP,
          "--time-budget", "0.02", "--threads", "1,all", "--iterations", "2"]
status, exported, err = run(*EXPORT)
expect(status == 0, f"bench: {err}")
results = [os.path.join(out_folder, name) for name in os.listdir(out_folder)
           if not name.startswith("sgemm_")][0]
said = [line for line in exported.splitlines()  # all but what only the run itself can say
        if not re.search(r"no GPU is used|the cause is|ceilings of|rows in|sizes in|measured rows are", line)]
status, report, err = run("report", results)
expect(status == 0 and not err, f"report: {status} {err}")
told = [re.sub(r"; GPU-BLOB's rule: \w+$", "", line) for line in report.splitlines()]
expect(told[0].startswith(f"measured | {results}: ") and " of run " in told[0], told[0])
expect(told[1:] == said, f"a report says what its sweep said:\n{report}\n{exported}")
records = rows_of(run("report", results, "--format", "csv")[1])
objects = json.loads(run("report", results, "--format", "json")[1])
expect(len(records) == len(objects), "csv and json differ")
expect({r["item"] for r in records} >= {"run", "place"} and
       {r["source"] for r in records} == {"measured"}, f"{records[:3]}")
expect(sum(int(r["decisions"]) for r in records if r["item"] == "place") == 8, f"{records}")
asked = rows_of(run("report", results, "--threshold", "plain,openblas@1", "--format", "csv")[1])
expect({(r["a"], r["b"]) for r in asked if r["item"] == "threshold"} <=
       {("plain", "openblas with 1 thread")}, f"{asked}")

# Predicted and measured rows never meet, even in one file.
predicted = os.path.join(folder, "predicted.csv")
run("bench", "--suite", SWEEP, "--machine", "h200", "-o", predicted)
with open(results, encoding="utf8") as a, open(predicted, encoding="utf8") as b:
    measured_lines, predicted_lines = a.readlines(), b.readlines()
both = file("both.csv", "".join(measured_lines + predicted_lines[1:] + measured_lines[1:]))
status, out, err = run("report", both)
expect(status == 0 and "predicted | " in out and "nothing was run" in out, f"both: {out} {err}")
expect([line for line in out.splitlines() if line.startswith("predicted")] ==
       [line.replace(predicted, both) for line in run("report", predicted)[1].splitlines()],
       f"predicted rows are told with others: {out}")
same = rows_of(run("report", results, predicted, "--format", "csv")[1])
expect({r["source"] for r in same} == {"measured", "predicted"}, "two files")

# An older file, a cut one, and what is none.
older = io.StringIO()
with open(results, encoding="utf8", newline="") as content:
    all_rows = list(csv.reader(content))
keep = [i for i, name in enumerate(all_rows[0]) if name not in ("family", "size")]
csv.writer(older, lineterminator="\n").writerows([[r[i] for i in keep] for r in all_rows])
status, out, err = run("report", file("older.csv", older.getvalue()))
expect(status == 0 and "older than the column `family`" in out, f"older: {status} {out} {err}")
status, out, err = run("report", file("cut.csv", "".join(measured_lines)[:-20]))
expect(status == 0 and "half written and left out" in err, f"cut: {status} {err}")


def broken(column, value):
    at = all_rows[0].index(column)
    out_file = io.StringIO()
    one = [list(all_rows[0]), list(all_rows[1])]
    one[1][at] = value
    csv.writer(out_file, lineterminator="\n").writerows(one)
    return file("broken.csv", out_file.getvalue())


for column, value, says in [("median_s", "fast", "median_s is 'fast': expected a number"),
                            ("threads", "two", "threads is 'two': expected a whole number"),
                            ("device_memory_bytes", "-1", "device_memory_bytes is '-1'"),
                            ("source", "guessed", "one of measured, emulated, predicted"),
                            ("source", "emulated", "only a measured row has a time"),
                            ("schema", "99", "schema '99'")]:
    refused(["report", broken(column, value)], "line 2: ")
    refused(["report", broken(column, value)], says)
refused(["report"], "a file is wanted")
refused(["report", os.path.join(folder, "none.csv")], "No such file")
refused(["report", folder], "directory")
refused(["report", file("empty.csv", "")], "empty")
refused(["report", file("other.csv", "a,b\n1,2\n")], "no column 'schema'")
refused(["report", file("zero.csv", "schema\0,b\n")], "zero byte")
refused(["report", results, "--import", "nvbench"], "gpu-blob")
refused(["report", results, "--threshold", "gpu"], "two sides")

# ---- GPU-BLOB's files ------------------------------------------------------------------------------------

HEADER = "Device,Kernel,M,N,K,Total Problem Size (KiB),Iterations,Total Seconds,GFLOP/s\n"
DEVICES = ["cpu", "gpu_offloadOnce", "gpu_offloadAlways", "gpu_unified"]
random.seed(1)


def archive(name, kernel, dims, seconds):
    """As it writes them: five decimals, and now and then a total five times as long."""
    lines = [HEADER]
    for size in range(1, 401):
        m, n, k = dims(size)
        flops = 2 * m * n * k + m * n if k else 2 * m * n + m
        for device in DEVICES:
            total = seconds(device, flops) * random.lognormvariate(0, 0.1)
            total *= 5 if random.random() < 0.05 else 1
            lines.append(f"{device},{kernel},{m},{n},{k},1.000,10,{total:.5f},"
                         f"{flops * 10 / total * 1e-9:.3f}\n")
    return file(name, "".join(lines))


def totals(device, flops):
    return {"cpu": flops * 10 / 3e10, "gpu_offloadOnce": 1e-3, "gpu_offloadAlways": 4e-3,
            "gpu_unified": 9}[device]


square = archive("sgemm_square_square_M=N=K.csv", "sgemm", lambda n: (n, n, n), totals)
status, out, err = run("report", "--import", "gpu-blob", square, "--format", "csv")
found = [r for r in rows_of(out) if r["item"] == "threshold"]
expect(status == 0 and len(found) == 3, f"import: {status} {err} {out}")
truth = {"": (3e10 * 1e-3 / 20) ** (1 / 3), ", copied always": (3e10 * 4e-3 / 20) ** (1 / 3)}
for row in found:
    ending = row["family"].split(" x 10")[1]
    if ending not in truth:
        expect(row["answer"] == "never" and not row["gpu_blob"], f"unified: {row}")
        continue
    expect(int(row["above"]) < truth[ending] <= int(row["at_most"]), f"{row}: {truth[ending]}")
    expect(row["gpu_blob"] and row["confidence"] == "0.95" and row["source"] == "gpu-blob", f"{row}")
text = run("report", "--import", "gpu-blob", folder)[1]
expect("have a total of 0.00000 s, which is no time: left out" in text and "95% confidence" in text,
       f"as text: {text}")
refused(["report", square], "--import gpu-blob")
refused(["report", "--import", "gpu-blob", results], "no column 'Device'")
refused(["report", "--import", "gpu-blob", file("x.csv", HEADER)], "no rows")
refused(["report", "--import", "gpu-blob", file("x.csv", HEADER + "cpu,sgemm,1,2,3,1,1,1,1\n")],
        "not all of one of GPU-BLOB's 14 shapes")
refused(["report", "--import", "gpu-blob", file("x.csv", HEADER + "cpu,sgemm,1,1\n")], "line 2")
os.makedirs(os.path.join(folder, "none"))
refused(["report", "--import", "gpu-blob", os.path.join(folder, "none")], "no file of GPU-BLOB")

written = os.path.join(out_folder, "sgemm_square_square_M=N=K.csv")
expect(f"3 sizes in {written}" in exported, f"export: {exported}")
with open(written, encoding="utf8") as content:
    expect(content.readline() == HEADER, "its header")
    lines = [line.rstrip("\n").split(",") for line in content if line.startswith("cpu,")]
expect([line[:5] + line[6:7] for line in lines] ==
       [["cpu", "sgemm", str(n), str(n), str(n), "2"] for n in (8, 16, 32)], f"{lines}")
for line in lines:  # what its plots read agrees with what it timed
    rate = 2 * (2 * int(line[2]) ** 3 + int(line[2]) ** 2) / float(line[7]) * 1e-9
    expect(abs(float(line[8]) / rate - 1) < 1e-3, f"{line}: {rate}")
expect(run("report", "--import", "gpu-blob", out_folder)[0] == 0, "what was written is read")
refused(EXPORT, "is there already")
refused(["bench", "--export", "gpu-blob"], "--output-dir FOLDER")
refused(["bench", "--export", "csv", "--output-dir", out_folder], "one format")
refused(EXPORT + ["--machine", "h200"], "leave out --machine")
refused(EXPORT + ["--iterations", "3"], "one number of --iterations")

end()
