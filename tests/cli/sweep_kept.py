# whycpu bench from outside: its CSV read by other programs, and that nothing finished is lost when
# it is killed, interrupted, or the disk is full.
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ["WHY_TEST_PROGRAM"]
LONG = "gemm m=n=k=8..1000+1\nsoftmax rows=8..1000+1 cols=64\n"  # far longer than the test waits
SHORT = 'gemm m=8,9 n=8 k=8 # a "label", with a comma\nsoftmax rows=4 cols=9\n'
failures = []


def expect(what, well, details=""):
    if not well:
        failures.append(what)
    print(("ok    " if well else "WRONG ") + what + (f": {details}" if not well else ""))


def bench(*arguments):
    command = [PROGRAM, "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    header, rows = table[0], table[1:]
    return header, [dict(zip(header, row)) for row in rows], {len(row) for row in table}


def whole(path):
    """The rows of a file whose sweep was cut off: every line finished, every row complete."""
    text = open(path, "rb").read()
    header, rows, widths = rows_of(path)
    expect("ends with a whole line", text.endswith(b"\n"))
    expect("each row has all columns", widths == {len(header)}, widths)
    return rows


def other_programs_read_it(folder, short):
    path = os.path.join(folder, "short.csv")
    done = bench("--suite", short, "-o", path)
    expect("a short sweep ends well", done.returncode == 0, done)
    header, rows, widths = rows_of(path)
    expect("Python reads it", widths == {len(header)} and len(rows) > 3, widths)
    expect("the label comes back", rows[0]["case"] == 'a "label", with a comma', rows[0]["case"])
    by_decision = {}
    for row in rows:
        by_decision.setdefault(row["decision"], []).append(row["status"])
    expect("one decision a problem", len(by_decision) == 3, by_decision)
    expect("one chosen row a decision", all(s.count("chosen") == 1 for s in by_decision.values()))
    for row in rows:
        timed = row["source"] == "measured"
        expect("times where it was measured, and nowhere else", timed == (row["median_s"] != ""))
        if timed:
            expect("what was measured is right", row["verified"] in ("exact", "projection"), row)
    columns = subprocess.run([PROGRAM, "list", "columns", "--format", "csv"],
                             capture_output=True, text=True, check=False)
    names = [row[0] for row in csv.reader(columns.stdout.splitlines())][1:]
    expect("the columns are those that list names", names == header, (names, header))
    if shutil.which("sqlite3"):
        query = f".import --csv {path} t\nselect count(*), count(distinct decision) from t;"
        answer = subprocess.run(["sqlite3", ":memory:"], input=query, capture_output=True,
                                text=True, check=False)
        expect("sqlite3 reads it", answer.stdout.strip() == f"{len(rows)}|3", answer)
    same = bench("--suite", short, "-o", path)
    expect("an existing file is refused", same.returncode == 2 and "--overwrite" in same.stderr, same)
    expect("and left as it was", len(rows_of(path)[1]) == len(rows))
    again = bench("--suite", short, "-o", path, "--overwrite")
    expect("--overwrite replaces it", again.returncode == 0 and len(rows_of(path)[1]) == len(rows))
    piped = bench("--suite", short, "--format", "csv")
    expect("--format csv prints the same header", piped.stdout.splitlines()[0].split(",") == header)


def cut_off(folder, long, how):
    path = os.path.join(folder, f"cut-{how.name}.csv")
    process = subprocess.Popen([PROGRAM, "bench", "--time-budget", "0.02", "--suite", long, "-o", path],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = 0
    for _ in range(600):
        if os.path.exists(path):
            lines = open(path, "rb").read().count(b"\n")
        if lines > 40 or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(how)
    _, error = process.communicate(timeout=60)
    expect(f"{how.name} came in mid sweep", lines > 40, (lines, error))
    rows = whole(path)
    expect(f"{how.name} keeps every finished row", len(rows) >= lines - 1, (len(rows), lines))
    if how == signal.SIGINT:
        expect("Ctrl-C ends with 130", process.returncode == 130, process.returncode)
        expect("and says how many rows are kept", f"{len(rows)} rows are kept" in error, error)


def full_disk(folder, long):
    done = bench("--suite", long, "-o", "/dev/full")
    expect("a full device ends with 3", done.returncode == 3, done)
    expect("and says so", "No space left" in done.stderr, done.stderr)
    small = os.path.join(folder, "small")
    os.mkdir(small)
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", small]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("skip  a small tmpfs: it cannot be mounted here")
        return
    try:
        path = os.path.join(small, "full.csv")
        done = bench("--time-budget", "0.02", "--suite", long, "-o", path)
        rows = whole(path)
        expect("a full disk ends with 3", done.returncode == 3, done)
        expect("rows before it are kept", len(rows) > 10, len(rows))
        expect("one line says file, cause and rows",
               done.stderr.count("\n") == 1 and path in done.stderr
               and "No space left" in done.stderr and f"{len(rows)} rows" in done.stderr, done.stderr)
    finally:
        subprocess.run(["umount", small], check=False)


def requests(folder, short):
    bad = os.path.join(folder, "bad.suite")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("gemm m=8 n=8 k=8\ngemm m=16..8*2 n=8 k=8\n")
    for arguments, status, says in (
        (["--suite", bad], 2, "bad.suite:2:8: "),
        (["--suite", "quik"], 2, "quick"),
        (["--suite", os.path.join(folder, "none.suite")], 2, "No such file"),
        (["--suite", short, "-o", "/no/such/folder/x.csv"], 2, "No such file"),
        (["--suite", short, "--output-dir", "/no/such/folder"], 2, "No such file"),
        (["--suite", short, "--compare", "plain:lops"], 2, "plain:lops"),
        (["--suite", short, "--precision", "0"], 2, "percentage"),
        (["--suite", short, "--iterations", "1,0"], 2, "--iterations"),
        (["--suite", short, "--device-memory", "3GB5"], 2, "3GB5"),
        (["--suite", short, "--policy", "gpu"], 2, "gpu-first"),
        (["quick"], 2, "--suite"),
        (["--suite", short, "--machine", "h200", "--policy", "gpu-only",
          "--device-memory", "64"], 1, "no place"),
    ):
        done = bench(*arguments)
        expect(f"bench {' '.join(arguments)}: {status}",
               done.returncode == status and says in done.stderr
               and done.stderr.count("\n") == 1, done)


def elsewhere(folder, short):
    path = os.path.join(folder, "elsewhere.csv")
    done = bench("--suite", short, "--machine", "h200", "--iterations", "1,1000",
                 "--device-memory", "256,none", "--policy", "auto,gpu-first",
                 "--plan", "resident,on-host", "-o", path)
    expect("a machine that is not here can decide", done.returncode == 0, done)
    _, rows, _ = rows_of(path)
    expect("every combination is decided", len({r["decision"] for r in rows}) == 3 * 8, len(rows))
    expect("all of it predicted, nothing timed",
           all(r["source"] == ("predicted" if r["predicted_s"] else "") and not r["median_s"]
               and not r["samples"] for r in rows) and any(r["predicted_s"] for r in rows))
    expect("by published figures", any(r["facts"] == "published" and r["predicted_s"] for r in rows))
    expect("the budget is a reason", any(r["fallback"] == "DEVICE_MEMORY" and r["fallback_need"]
                                         for r in rows))
    expect("every line is labelled",
           all(line.startswith("predicted | ") for line in done.stdout.splitlines()), done.stdout)


def main():
    folder = tempfile.mkdtemp(prefix="whycpu-sweep-")
    try:
        short, long = os.path.join(folder, "short.suite"), os.path.join(folder, "long.suite")
        for path, text in ((short, SHORT), (long, LONG)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        other_programs_read_it(folder, short)
        cut_off(folder, long, signal.SIGKILL)
        cut_off(folder, long, signal.SIGINT)
        full_disk(folder, long)
        requests(folder, short)
        elsewhere(folder, short)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if failures:
        sys.exit(f"{len(failures)} wrong: " + "; ".join(failures))


main()
