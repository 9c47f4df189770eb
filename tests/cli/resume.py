# whycpu bench --resume from outside: a sweep that was killed goes on to the file that it would have
# written undisturbed; two sweeps never write one file; a full disk keeps what fits.
#
#   resume.py KILLS    how many SIGKILLs in all; WHY_TEST_SEED repeats their moments
import csv
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from program import PROGRAM, end, expect, run

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 25
SEED = int(os.environ.get("WHY_TEST_SEED", time.time_ns() % 1000000))
DIFFER = {"run", "time"}  # between two runs of a sweep that measures nothing
dice = random.Random(SEED)
folder = tempfile.mkdtemp(prefix="whycpu-resume-")


def at(name):
    return os.path.join(folder, name)


def write(name, text):
    with open(at(name), "w", encoding="utf-8") as file:
        file.write(text)
    return at(name)


H200 = at("h200.json")
MANY = ["--suite",
        write("many.suite", "gemm m=n=k=8..150+1\nsoftmax rows=8..100+1 cols=64 # many\n"),
        "--machine", H200, "--device-memory", "16KiB,none", "--policy", "auto,gpu-first"]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def lines_of(path):
    """The whole lines of a CSV file without line ends inside fields, if it is there."""
    return content(path).split(b"\n")[:-1] if os.path.exists(path) else []


def rows_of(lines):
    return list(csv.DictReader(io.StringIO(b"\n".join(lines).decode())))


ASKED = ("schema", "node", "machine", "commit", "suite", "case", "op", "type", "math", "dims",
         "flops", "bytes", "policy", "transfer", "iterations", "device_memory_bytes", "threads",
         "decision")


def alike(rows, differ):
    """The rows without what may differ between two runs; None: only what was asked."""
    if differ is None:
        return [{key: row[key] for key in ASKED} for row in rows]
    return [{key: value for key, value in row.items() if key not in differ} for row in rows]


def bench(*words, **how):
    return run("bench", *words, **how)


def start(*words, **how):
    return subprocess.Popen([PROGRAM, "bench", *words], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def sizes_of(rows):
    """How many rows each decision has, in order."""
    sizes = {}
    for row in rows:
        sizes[int(row["decision"])] = sizes.get(int(row["decision"]), 0) + 1
    return sizes


def done_lines(lines, sizes):
    """The lines of the decisions that are complete, the header first."""
    count, seen = 1, sizes_of(rows_of(lines)) if lines else {}
    for decision, size in seen.items():
        if size == sizes[decision]:
            count += size
    return lines[:count]


def candidates(rows):
    """What each decision chose from, in any order."""
    return sorted((int(row["decision"]), row["backend"], row["kernel"], row["plan"], row["device"])
                  for row in rows)


class Sweep:
    """One undisturbed run, and as many that are killed as are asked for."""

    def __init__(self, name, words, differ):
        self.name, self.words, self.differ = name, words, differ
        self.path, path = at(name + ".csv"), at(name + "-undisturbed.csv")
        began = time.monotonic()
        status, _, err = bench(*words, "-o", path)
        self.seconds = time.monotonic() - began
        expect(status in (0, 1), f"{name}: undisturbed: {status} {err}")
        self.status, self.rows = status, rows_of(lines_of(path))
        self.bytes = os.path.getsize(path)
        self.sizes = sizes_of(self.rows)
        self.hit = {"before its file": 0, "before a row": 0, "in the middle": 0, "at the end": 0}
        self.ends = 0

    def one(self, wait):
        """Begins or goes on, is killed, and is looked at. True: it had ended before."""
        before = lines_of(self.path)
        there = os.path.exists(self.path)
        process = start(*self.words, "--resume" if there else "-o", self.path)
        wait(process)
        process.kill()
        out, err = process.communicate(timeout=100)
        after = lines_of(self.path)
        expect(process.returncode in (-signal.SIGKILL, self.status),
               f"{self.name}: {process.returncode} {out} {err}")
        kept = done_lines(before, self.sizes)
        expect(not there or after[:len(kept)] == kept,
               f"{self.name}: finished rows are gone or changed")
        ended = process.returncode == self.status
        if not ended:
            where = ("before its file" if not os.path.exists(self.path) else
                     "before a row" if len(after) < 2 else
                     "in the middle" if len(after) <= len(self.rows) else "at the end")
            self.hit[where] += 1
        return ended

    def finished(self):
        """What it has written when it was not killed."""
        if os.path.exists(self.path):
            status, out, err = bench(*self.words, "--resume", self.path)
        else:
            status, out, err = bench(*self.words, "-o", self.path)
        expect(status == self.status, f"{self.name}: at last: {status} {out} {err}")
        rows = rows_of(lines_of(self.path))
        expect(len({row["run"] for row in rows}) == 1, f"{self.name}: one run in all rows")
        expect([row["decision"] for row in rows] == [row["decision"] for row in self.rows],
               f"{self.name}: {len(rows)} rows, {len(self.rows)} undisturbed, or in another order")
        for mine, other in zip(alike(rows, self.differ), alike(self.rows, self.differ)):
            wrong = {key: (value, other[key]) for key, value in mine.items() if value != other[key]}
            expect(not wrong, f"{self.name}: decision {mine['decision']}: {wrong}")
            if wrong:
                break
        expect(candidates(rows) == candidates(self.rows),
               f"{self.name}: other candidates, or one twice")
        whole = content(self.path)
        status, out, err = bench(*self.words, "--resume", self.path)
        expect(status == self.status and "is complete" in out and content(self.path) == whole,
               f"{self.name}: complete: {status} {out} {err}")
        os.unlink(self.path)
        self.ends += 1

    def any_moment(self, _):
        """Any of the undisturbed run and a bit: in the check, among rows, in the summary."""
        time.sleep(dice.uniform(0, 1.1 * self.seconds))

    def early(self, _):
        """Before there is a file, in the check of one that is there, while it is cut off."""
        time.sleep(dice.uniform(0, 0.01 + 0.1 * self.seconds))

    def any_byte(self, process):
        """When a random byte of those that are left is there, whatever else takes its time."""
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        target = size + dice.uniform(0, max(self.bytes - size, 0))
        for _ in range(60000):
            size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
            if process.poll() is not None or size > target:
                break
            time.sleep(0.001)

    def kill(self, times):
        killed = 0
        while killed < times:
            if self.one(dice.choice((self.any_moment, self.any_byte, self.early))):
                self.finished()
            else:
                killed += 1
        self.finished()
        print(f"{self.name}: {len(self.rows)} rows in {self.seconds:.3f} s; killed {self.hit}, "
              f"went on to its end {self.ends} times")


def killed():
    measured = max(KILLS // 10, 1)
    emulated = max(KILLS // 4, 1)
    many = Sweep("decided", MANY, DIFFER)
    many.kill(KILLS - measured - emulated)
    expect(KILLS < 20 or many.hit["in the middle"] >= KILLS // 5,
           f"kills came in too early or too late: {many.hit}")
    sweep = Sweep("emulated", ["--suite", "small", "--emulate"], DIFFER)
    sweep.kill(emulated)
    suite = write("few.suite", "gemm m=n=k=8..24+1 type=f32,f64\nsoftmax rows=4,5 cols=9,10\n")
    # Ceilings are measured anew, so another candidate may be chosen: what was asked stays.
    sweep = Sweep("measured",
                  ["--suite", suite, "--time-budget", "0.01", "--threads", "1,all"], None)
    sweep.kill(measured)


# ---- every way in which a file ends --------------------------------------------------------------

PAIR = 'gemm m=8,9 n=8 k=8 # two, "quoted"\n'
SHORT = ["--suite", write("short.suite", PAIR + "softmax rows=4 cols=9\n"), "--machine", H200]


def cut_anywhere():
    """Cut at each byte of the end, at each row, and where nothing is left."""
    whole_path, path = at("whole.csv"), at("cut.csv")
    status, _, err = bench(*SHORT, "-o", whole_path)
    whole = content(whole_path)
    expect(status == 0, f"short: {status} {err}")
    header = whole.index(b"\n") + 1
    ends = [i + 1 for i, c in enumerate(whole) if c == 10]
    last = ends[-2]  # where the last row begins
    cuts = [0, *ends, *[e - 1 for e in ends[1:]], *range(last, len(whole), 7), header + 1]
    rows = rows_of(lines_of(whole_path))
    sizes = sizes_of(rows)
    for cut in cuts:
        with open(path, "wb") as file:
            file.write(whole[:cut])
        kept = b"\n".join(done_lines(lines_of(path), sizes)) + b"\n" if cut else b""
        status, out, err = bench(*SHORT, "--resume", path)
        expect(status == 0, f"cut at {cut}: {status} {err}")
        expect(content(path).startswith(kept), f"cut at {cut}: a finished decision was changed")
        got = rows_of(lines_of(path))
        expect(alike(got, DIFFER) == alike(rows, DIFFER), f"cut at {cut}: other rows")
        expect(("is complete" in out) == (cut == len(whole)), f"cut at {cut}: {out}")
    os.unlink(path)


def refused():
    """Other sweeps, other files: one line, status 2, and the file as it was."""
    path = at("refused.csv")
    bench(*SHORT, "-o", path)
    good = content(path)
    lines = good.split(b"\n")
    swapped = b"\n".join([lines[0], *lines[10:], *lines[1:10]])
    other = b"x,y\n1,2\n"
    resume = ["--resume", path]
    for what, file, words, says in (
        ("another suite", good, ["--suite", "square", "--machine", H200],
         "line 2: suite is short, this sweep has square"),
        ("another policy", good, [*SHORT, "--policy", "gpu-first"],
         "line 2: policy is auto, this sweep has gpu-first"),
        ("a budget", good, [*SHORT, "--device-memory", "1GiB"],
         "line 2: device_memory_bytes is empty, this sweep has 1073741824"),
        ("more iterations", good, [*SHORT, "--iterations", "1,9"],
         "line 11: dims is m=9 n=8 k=8, this sweep has m=8 n=8 k=8"),
        ("another machine", good, SHORT[:2], "line 2: machine is h200, this sweep has "),
        ("fewer problems", good,
         ["--suite", write("fewer/short.suite", PAIR), "--machine", H200],
         "decision is 3, this sweep has 2 in all"),
        ("another commit", good.replace(rows_of(lines)[0]["commit"].encode() + b",short",
                                        b"0123abc,short"), SHORT, "line 2: commit is 0123abc, "),
        ("two runs", good + b"\n".join(lines[1:]), SHORT, "decision is 1, this sweep has "),
        ("rows in another order", swapped, SHORT, "decision is 2, this sweep has 1 here"),
        ("no decision", good.replace(lines[5] + b"\n", b"1,2\n"), SHORT, "line 6: 2 fields"),
        ("another table", other, SHORT, "line 1: no column 'schema'"),
        ("other columns", good.replace(b"schema,run,time", b"schema,time,run", 1), SHORT,
         "columns are not those"),
        ("no table", b"\0\1\2\n", SHORT, "line 1: a zero byte"),
        ("half a header", good[:40], SHORT, "line 1: half written"),
        ("json", good, [*SHORT, "--format", "json"], "leave out --format json"),
        ("--overwrite", good, [*SHORT, "--overwrite"], "leave out --overwrite"),
        ("-o", good, [*SHORT, "-o", at("elsewhere.csv")], "leave out -o"),
    ):
        with open(path, "wb") as to:
            to.write(file)
        status, out, err = bench(*words, *resume)
        expect(status == 2 and says in err and err.count("\n") == 1 and out == "",
               f"{what}: {status} {out} {err}")
        expect(content(path) == file, f"{what}: the file was changed")
    with open(path, "wb") as to:
        to.write(good)
    for name, says in ((at("none.csv"), "no such file"), (folder, "directory"),
                       ("/dev/null", "expected a file")):
        status, _, err = bench(*SHORT, "--resume", name)
        expect(status == 2 and says in err and err.count("\n") == 1, f"{name}: {status} {err}")
    expect(not os.path.exists(at("none.csv")), "a file that was not there is there")
    status, out, err = bench(*SHORT, *resume, "-o", path)
    expect(status == 0 and "is complete" in out, f"-o of the same file: {status} {out} {err}")
    with open(path + ".part", "wb") as to:
        to.write(good)
    status, _, err = bench(*SHORT, *resume)
    expect(status == 2 and f"--resume {path}.part" in err, f"a part beside it: {status} {err}")
    status, out, err = bench(*SHORT, "--resume", path + ".part")
    expect(status == 0, f"the part itself: {status} {out} {err}")
    os.unlink(path + ".part")
    os.unlink(path)


def status_as_it_was():
    """Nowhere to run is status 1, also when that is read from rows."""
    path, words = at("nowhere.csv"), [*SHORT, "--policy", "gpu-only", "--device-memory", "64"]
    first = bench(*words, "-o", path)
    again = bench(*words, "--resume", path)
    expect(first[0] == 1 and again[0] == 1 and first[2] == again[2],
           f"a complete file has its status: {first} {again}")
    os.unlink(path)


# ---- two sweeps, one file ------------------------------------------------------------------------

LONG = ["--suite", write("long.suite", "gemm m=n=k=8..1000+1\n"), "--time-budget", "0.02"]


def writing(path, *words):
    """A sweep that writes to `path` now, and goes on for long."""
    process = start(*LONG, *words)
    for _ in range(1200):
        if process.poll() is not None or len(lines_of(path)) > 1 or \
                (path.endswith(".part") and os.path.exists(path)):
            break
        time.sleep(0.05)
    expect(process.poll() is None, f"{words}: it ended before its time")
    return process


def stop(process):
    process.kill()
    process.communicate(timeout=60)


def one_writer():
    path, old = at("locked.csv"), at("old.csv")
    process = writing(path, "-o", path)
    second = (["-o", path], ["-o", path, "--overwrite"], ["--resume", path],
              ["-o", path, "--overwrite", "--format", "json"])
    for words in second:
        status, _, err = bench(*LONG, *words)
        expect(status == 2 and f"{path} is being written by another sweep" in err
               and err.count("\n") == 1, f"two writers, {words}: {status} {err}")
        if "(pid" in err:
            expect(f"(pid {process.pid})" in err, f"its pid is {process.pid}: {err}")
    expect(process.poll() is None, "the first goes on")
    stop(process)
    expect(len(lines_of(path)) > 1 and not os.path.exists(path + ".part"), "its rows are there")

    shutil.copy(path, old)
    process = writing(old + ".part", "-o", old, "--overwrite")
    for words in (["-o", old, "--overwrite"], ["--resume", old], ["--resume", old + ".part"]):
        status, _, err = bench(*LONG, *words)
        expect(status == 2 and "is being written by another sweep" in err,
               f"while it is replaced, {words}: {status} {err}")
    stop(process)
    expect(content(old) == content(path), "the older file stayed")

    new = at("new.json")
    process = writing(new + ".part", "-o", new, "--format", "json")
    for words in (["-o", new], ["-o", new, "--format", "json"]):
        status, _, err = bench(*LONG, *words)
        expect(status == 2 and "is being written by another sweep" in err,
               f"beside JSON, {words}: {status} {err}")
    status, _, err = run("list", "ops", "-o", new)
    expect(status == 2 and "is being written by another process" in err, f"list: {status} {err}")
    stop(process)

    for _ in range(5):
        race = at("race.csv")
        open(race, "wb").close()
        both = [start(*MANY, "--resume", race) for _ in range(2)]
        said = [process.communicate(timeout=60) for process in both]
        for process, (_, err) in zip(both, said):
            expect(process.returncode in (0, 2), f"two at once: {process.returncode} {err}")
            expect(process.returncode == 0 or "another sweep" in err, f"two at once: {err}")
        rows = rows_of(lines_of(race))
        if rows:
            expect(len({row["run"] for row in rows}) == 1, "rows of two sweeps in one file")
        os.unlink(race)


# ---- a disk that fills ---------------------------------------------------------------------------

def limited(limit):
    """For a child: files grow no further. The program itself has to live with SIGXFSZ."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def full_disk():
    whole, path = at("fits.csv"), at("full.csv")
    words = ["--suite", "small", "--machine", H200]
    bench(*words, "-o", whole)
    rows, size = rows_of(lines_of(whole)), os.path.getsize(whole)
    header = content(whole).index(b"\n") + 1
    for share in (0.0, 0.3, 0.31, 0.6, 0.9):
        limit = header + int(share * (size - header))
        for words_now in (["-o", path], ["--resume", path]):  # it is still full
            process = start(*words, *words_now, preexec_fn=limited(limit))
            _, err = process.communicate(timeout=60)
            kept = rows_of(lines_of(path))
            expect(process.returncode == 3 and err.count("\n") == 1 and path in err
                   and "File too large" in err and f"{len(kept)} rows" in err
                   and f"--resume {path}" in err, f"full at {limit}: {process.returncode} {err}")
            expect(content(path).endswith(b"\n") and os.path.getsize(path) <= limit,
                   f"full at {limit}: a half-written line")
        status, _, err = bench(*words, "--resume", path)
        expect(status == 0 and alike(rows_of(lines_of(path)), DIFFER) == alike(rows, DIFFER),
               f"with room again after {limit}: {status} {err}")
        os.unlink(path)
    process = start(*words, "-o", path, preexec_fn=limited(100))
    _, err = process.communicate(timeout=60)
    expect(process.returncode == 3 and "File too large" in err and not os.path.exists(path),
           f"no room for the header: {process.returncode} {err}")


def full_tmpfs():
    """The same on a file system that is full in truth."""
    small, words = at("small"), ["--suite", "small", "--machine", H200]
    os.mkdir(small)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("skip  a small tmpfs: it cannot be mounted here")
        return
    try:
        path = os.path.join(small, "full.csv")
        status, _, err = bench(*words, "-o", path)
        expect(status == 3 and "No space left" in err and f"--resume {path}" in err,
               f"tmpfs: {status} {err}")
        expect(content(path).endswith(b"\n"), "tmpfs: a half-written line")
        status, _, err = bench(*words, "--resume", path)
        expect(status == 3 and "No space left" in err, f"tmpfs, still full: {status} {err}")
        subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
        status, _, err = bench(*words, "--resume", path)
        expect(status == 0 and alike(rows_of(lines_of(path)), DIFFER) ==
               alike(rows_of(lines_of(at("fits.csv"))), DIFFER),
               f"tmpfs, with room: {status} {err}")
    finally:
        subprocess.run(["umount", small], check=False)


# ---- the default sweep ---------------------------------------------------------------------------

def default_sweep():
    """Three files: each may be whole, cut off or missing."""
    if '"gpu"' in run("machine", "--format", "json")[1]:
        print("skip  the default sweep: a GPU is here, and its first part is the whole")
        return
    path, second, third = at("x.csv"), at("x-predicted-h200.csv"), at("x-verified.csv")
    words = ["--device-memory", "2GiB", "--policy", "gpu-only", "--threads", "1",
             "--compare", "none"]
    first = bench(*words, "-o", path)
    files = [file for file in (path, second, third) if os.path.exists(file)]
    whole = {file: content(file) for file in files}
    rows = {file: rows_of(lines_of(file)) for file in files}
    measured = DIFFER | {"facts", "source", "predicted_s", "bound_by"}
    expect(first[0] == 1 and second in files, f"the default sweep, gpu-only: {first}")
    expect(len({row["run"] for file in files for row in rows[file]}) == 1, "one run, three files")
    again = bench(*words, "--resume", path)
    expect(again[0] == 1 and again[1].count("is complete") == len(files)
           and all(content(file) == whole[file] for file in files), f"nothing to do: {again}")
    for left in (len(whole[path]) // 2, None):  # of the first; of the second half, and no third
        if left:
            with open(path, "wb") as file:
                file.write(whole[path][:left])
        else:
            with open(second, "wb") as file:
                file.write(whole[second][:len(whole[second]) // 2])
        if third in files:
            os.unlink(third)
        status, _, err = bench(*words, "--resume", path)
        expect(status == 1, f"the default sweep goes on: {status} {err}")
        for file in files:
            got = rows_of(lines_of(file))
            expect(alike(got, measured) == alike(rows[file], measured), f"{file}: other rows")
    text = content(second).replace(rows[path][0]["run"].encode(), b"another")
    with open(second, "wb") as file:
        file.write(text)
    status, _, err = bench(*words, "--resume", path)
    expect(status == 2 and "line 2: run is another" in err and content(second) == text,
           f"a second file of another sweep: {status} {err}")


# A copy: sweeps are compared with each other, whatever becomes of the file that is shipped.
shutil.copy(os.path.join(os.environ["WHY_TEST_DATA"], "machines", "h200.json"), H200)
print(f"WHY_TEST_SEED={SEED}, {KILLS} kills")
try:
    os.mkdir(at("fewer"))
    for check in (killed, cut_anywhere, refused, status_as_it_was, one_writer, full_disk,
                  full_tmpfs, default_sweep):
        began = time.monotonic()
        check()
        print(f"{check.__name__}: {time.monotonic() - began:.1f} s")
finally:
    shutil.rmtree(folder, ignore_errors=True)
end()
