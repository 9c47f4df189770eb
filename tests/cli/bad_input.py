"""Every wrong request ends with its status, one line on standard error, and nothing else."""
import os
import tempfile

from program import end, expect, run

folder = tempfile.mkdtemp()


def file(name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        out.write(content)
    return path


GEMM = ["gemm", "m=8", "n=8", "k=8"]
CONV = ["conv2d", "n=1", "c=8", "h=8", "w=8", "k=6", "r=3", "s=3"]
half = file("half.json", b'{"schema": 1, "kind": "machine", "name": "x", "cpu": {')
empty = file("empty.json", b"")
other = file("other.json", b'{"schema": 99, "kind": "machine"}')
binary = file("binary.json", bytes(range(256)))
short = file("short.npy", b"\x93NUMPY\x01\x00")
old = file("old.csv", b"kept\n")

# (words, status, what the line has to say)
TABLE = [
    ([], 2, None),  # the help, on standard error
    (["explian"], 2, "did you mean explain?"),
    (["docter"], 2, "did you mean doctor?"),
    (["--verson"], 2, "no such option"),
    (["list", "opps"], 2, "did you mean ops?"),
    (["list", "ops", "kernels"], 2, "one list at a time"),
    (["explain"], 2, "gemm"),
    (["explain", "gem", "m=1", "n=1", "k=1"], 2, "gemm"),
    (["explain", *GEMM, "q=1"], 2, "q"),
    (["explain", *GEMM, "type=f23"], 2, "f23"),
    (["explain", *GEMM, "m=8"], 2, "m"),
    (["explain", "gemm", "m=8", "n=8"], 2, "k"),
    (["explain", "gemm", "m=0", "n=8", "k=8"], 2, "m"),
    (["explain", "gemm", "m=-8", "n=8", "k=8"], 2, "m"),
    (["explain", "gemm", "m=8x", "n=8", "k=8"], 2, "8x"),
    (["explain", "gemm", "m=99999999999999999999", "n=8", "k=8"], 2, "m"),
    (["explain", "gemm", "m=4294967296", "n=4294967296", "k=4294967296"], 2, None),
    (["explain", *GEMM, "lda=3"], 2, "lda"),
    (["explain", *GEMM, "alpha=nan"], 2, "alpha"),
    (["explain", *GEMM, "bad\nline"], 2, "bad"),
    (["explain", *GEMM, "--policy", "gpu-maybe"], 2, "gpu-maybe"),
    (["explain", *GEMM, "--device-memory", "3GB5"], 2, "3GB5"),
    (["explain", *GEMM, "--device-memory", "1GiB,"], 2, "empty"),
    (["explain", *GEMM, "--threads", "-1"], 2, "-1"),
    (["explain", *GEMM, "--plan", "steamed"], 2, "did you mean streamed?"),
    (["explain", *GEMM, "--pinned-memory", "1GB"], 2, "write 1GiB"),
    (["explain", *GEMM, "out=f64"], 2, "out=f64: one of same f32"),
    (["explain", *GEMM, "type=f64", "out=f32"], 2, "out=same would be right"),
    (["explain", "conv2d"], 2, "conv2d needs n="),
    (["explain", *CONV, "layout=chwn"], 2, "layout=chwn: one of nchw nhwc"),
    (["explain", *CONV, "layout=1"], 2, "layout=1: one of nchw nhwc"),
    (["explain", *CONV, "type=f64"], 2, "conv2d does not take type=f64"),
    (["explain", *CONV, "groups=3"], 2, "groups does not divide c"),
    (["explain", *CONV, "pad_h=3"], 2, "wide_pad=1"),
    (["explain", *CONV, "pad_w_end=3"], 2, "wide_pad=1"),
    (["explain", *CONV, "pad_w_end=-2"], 2, "pad_w_end=-2"),
    (["explain", *CONV, "dilation_h=4"], 2, "y would have no rows"),
    (["explain", *CONV, "stride_h=0"], 2, "stride_h=0"),
    (["explain", *CONV[:-1]], 2, "conv2d needs s="),
    (["run", *CONV, "--in", "b=" + short], 2, "one of x, w"),
    (["run", *CONV, "--out", "x=" + folder + "/x.npy"], 2, "one of y"),
    (["explain", *GEMM, "--format", "xml"], 2, "text, csv, json"),
    (["explain", *GEMM, "--policy", "cuda:warp"], 2, "does not compute gemm"),
    (["explain", *GEMM, "--policy", "auto,cuda:fast"], 2, "no such kernel"),
    (["explain", *GEMM, "--machine", "h2000"], 2, "h200"),
    (["explain", *GEMM, "--machine", folder], 2, None),
    (["explain", *GEMM, "--machine", half], 2, "half.json:1:"),
    (["explain", *GEMM, "--machine", empty], 2, "empty.json"),
    (["explain", *GEMM, "--machine", other], 2, "99"),
    (["explain", *GEMM, "--machine", binary], 2, "binary.json"),
    (["explain", *GEMM, "--machine", "h200", "--emulate"], 2, "exclude"),
    (["explain", *GEMM, "-o", os.path.join(folder, "no", "x.csv")], 2, "No such file"),
    (["explain", *GEMM, "-o", folder], 2, "directory"),
    (["run", *GEMM, "--machine", "h200"], 2, "nothing can run on it"),
    (["run", *GEMM, "--policy", "auto,cpu-only"], 2, "at a time"),
    (["run", *GEMM, "--in", "a"], 2, "NAME=FILE"),
    (["run", *GEMM, "--in", "z=" + short], 2, "one of a, b"),
    (["run", *GEMM, "--in", "a=" + short], 2, "no .npy file"),
    (["run", *GEMM, "--in", "a=" + folder + "/none.npy"], 2, "No such file"),
    (["run", *GEMM, "--in", "a=" + folder], 2, None),
    (["run", *GEMM, "--out", "a=" + folder + "/a.npy"], 2, "written"),
    (["run", *GEMM, "--out", "c=" + folder + "/no/c.npy"], 2, "No such file"),
    (["run", *GEMM, "--out", "c=" + folder], 2, "--out c="),
    (["run", *GEMM, "--in", "a=" + short, "--in", "a=" + short], 2, "operand a was named before"),
    (["run", *GEMM, "--out", "c=" + folder + "/1", "--out", "c=" + folder + "/2"], 2, "operand c"),
    (["run", *GEMM, "--iterations", "0"], 2, "whole number"),
    (["run", *GEMM, "--seed", "x"], 2, "whole number"),
    (["check", "gem"], 2, "did you mean gemm?"),
    (["check", "softmax", "--kernel", "cuda:tiled"], 2, "does not compute softmax"),
    (["bench", "--how-numbers-lie", "--machine", "h200"], 2, "leave out --machine"),
    (["bench", "--how-numbers-lie", "--emulate"], 2, "leave out --emulate"),
    (["bench", "--how-numbers-lie", "--threads", "1,2"], 2, "at a time"),
    (["bench", "--how-numbers-lie", "--resume", "x.csv"], 2, "leave out --resume"),
    (["bench", "--how-numbers-lie", *GEMM, "--suite", "quick"], 2, "not both"),
    (["bench", "--how-numbers-lie", "gem", "m=8"], 2, "gemm"),
    (["bench", "--how-numbers-lie", *GEMM, "--policy", "plain:portable"], 2, "does not compute"),
    (["bench", "--how-numbers-lie", *GEMM, "-o", folder], 2, "directory"),
    (["bench", "--how-numbers-lie", *GEMM, "--policy", "cuda:tiled"], 1, "could not be shown"),
    (["report"], 2, "a file is wanted"),
    (["report", half], 2, "a quote inside a field"),
    (["report", empty], 2, "empty"),
    (["report", binary], 2, "zero byte"),
    (["report", old, "--import", "gpu-blob"], 2, "no column 'Device'"),
    (["report", folder], 2, "directory"),
    (["report", old, "--threshold", "gpu,cp"], 2, "did you mean cpu?"),
    (["bench", "--threshold", "gpu,cpu", "--output-dir", folder], 2, "leave out --output-dir"),
    (["compare"], 2, "two CSV files"),
    (["compare", old], 2, "two CSV files"),
    (["compare", old, old, old], 2, "two CSV files"),
    (["compare", folder + "/none.csv", old], 2, "No such file"),
    (["compare", old, old], 2, "old.csv: line 1: no column 'schema'"),
    (["compare", old, old, "--threshold", "many"], 2, "expected percent"),
    (["compare", old, old, "--run-to-run", "-1"], 2, "expected percent"),
    (["compare", old, old, "--predicted", "--repeat", old], 2, "exclude"),
    (["compare", old, old, "--strickt"], 2, "did you mean strict?"),
    (["machine", "here"], 2, "here"),
    (["machine", "-o", folder + "/no/here.json"], 2, "No such file"),
    (["list", "ops", "-o", "/dev/full"], 3, "No space left"),
    (["machine", "--format", "json", "-o", "/dev/full"], 3, "No space left"),
    (["run", "gemm", "m=1000000000", "n=1000000000", "k=1"], 3, "memory"),
]

for words, status, says in TABLE:
    got, out, err = run(*words)
    name = " ".join(words).replace(folder, "FOLDER")
    expect(got == status, f"{name}: status {got}, not {status}: {err}")
    expect(out == "", f"{name}: standard output is not empty")
    if words:
        expect(err.endswith("\n") and err.count("\n") == 1, f"{name}: not one line: {err!r}")
        expect(err.startswith("whycpu"), f"{name}: {err}")
    if says:
        expect(says in err, f"{name}: does not say {says!r}: {err}")

# A refused or failed command leaves an older file and no new one.
before = sorted(os.listdir(folder))
expect(run("explain", "gemm", "m=0", "-o", old)[0] == 2, "explain m=0 -o")
expect(run("explain", *GEMM, "--machine", half, "-o", old)[0] == 2, "explain --machine half -o")
with open(old, "rb") as content:
    expect(content.read() == b"kept\n", "an older file was changed by a refused command")
expect(sorted(os.listdir(folder)) == before, f"left behind: {os.listdir(folder)}")

# Half of a real machine file, cut at many places, is refused; the whole is read.
real = os.path.join(folder, "real.json")
expect(run("machine", "-o", real)[0] == 0, "machine -o")
with open(real, "rb") as content:
    whole = content.read()
for cut in range(0, len(whole) - 2, max(1, len(whole) // 40)):
    got, out, err = run("explain", *GEMM, "--machine", file("cut.json", whole[:cut]))
    expect(got == 2 and out == "" and err.count("\n") == 1, f"cut at {cut}: {got} {err!r}")
expect(run("explain", *GEMM, "--machine", real)[0] == 0, "the whole machine file")

if os.geteuid() != 0:
    os.chmod(folder, 0o555)
    got, out, err = run("list", "ops", "-o", folder + "/new.csv")
    expect(got == 2 and "Permission denied" in err, f"a folder that cannot be written: {got} {err}")
    os.chmod(folder, 0o755)

end()
