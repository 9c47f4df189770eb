# What whycpu bench does to files that are there already: which it refuses, what it replaces and
# when, and that older results are never lost before newer ones are there.
import csv
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time

from program import PROGRAM, end, expect, run

OLD = b"older results\n"
folder = tempfile.mkdtemp(prefix="whycpu-overwrite-")


def at(name):
    return os.path.join(folder, name)


def write(name, content):
    with open(at(name), "wb") as file:
        file.write(content)
    return at(name)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bench(*words, **how):
    return run("bench", *words, **how)


SHORT = ["--suite", write("short.suite", b"gemm m=8,9 n=8 k=8\n"), "--machine", "h200"]
LONG = ["--suite", write("long.suite", b"gemm m=n=k=8..1000+1\n"), "--time-budget", "0.02"]


def refused(form):
    """A folder, an older file without --overwrite, and a link to nothing."""
    for extra in ([], ["--overwrite"]):
        os.mkdir(at("sub"))
        got, _, err = bench(*SHORT, *form, "-o", at("sub"), *extra)
        expect(got == 2 and "directory" in err, f"{form} {extra}: a folder: {got} {err}")
        expect(os.path.isdir(at("sub")), f"{form} {extra}: the folder is gone")
        os.rmdir(at("sub"))
        os.symlink(at("nowhere"), at("dangling"))
        got, _, err = bench(*SHORT, *form, "-o", at("dangling"), *extra)
        expect(got == 2 and err.count("\n") == 1, f"{form} {extra}: a dangling link: {got} {err}")
        expect(os.path.islink(at("dangling")), f"{form} {extra}: the link is gone")
        os.unlink(at("dangling"))
    old = write("old", OLD)
    got, _, err = bench(*SHORT, *form, "-o", old)
    expect(got == 2 and "--overwrite" in err, f"{form}: an older file: {got} {err}")
    expect(content(old) == OLD, f"{form}: an older file was changed")
    os.unlink(old)


def replaced(form):
    """A file, and what a link leads to; nothing is left beside them."""
    old, link = write("old", OLD), at("link")
    os.symlink(old, link)
    for path in (old, link):
        write("old", OLD)
        got, _, err = bench(*SHORT, *form, "-o", path, "--overwrite")
        expect(got == 0, f"{form}: --overwrite {path}: {got} {err}")
        expect(content(old) != OLD and b"gemm" in content(old), f"{form}: {path} is as it was")
        expect(os.path.islink(link), f"{form}: the link was replaced")
    os.unlink(link)
    os.unlink(old)
    expect(not [name for name in os.listdir(folder) if name.endswith(".part")],
           f"{form}: left behind: {os.listdir(folder)}")


def a_pipe(form):
    """Written where it is, and still a pipe."""
    pipe, got = at("pipe"), []
    os.mkfifo(pipe)
    keep = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # so that neither side waits for ever
    reader = threading.Thread(target=lambda: got.append(drain(pipe)), daemon=True)
    reader.start()
    status, _, err = bench(*SHORT, *form, "-o", pipe, "--overwrite")
    os.close(keep)
    if not stat.S_ISFIFO(os.lstat(pipe).st_mode):
        expect(False, f"{form}: the pipe was replaced")
    reader.join(timeout=20)
    expect(status == 0 and got and b"gemm" in got[0], f"{form}: a pipe: {status} {err} {got}")
    os.unlink(pipe)


def drain(pipe):
    with open(pipe, "rb") as file:
        return file.read()


def started(path, lines):
    """A long sweep over `path`, once `lines` lines of it are in a file beside it."""
    process = subprocess.Popen([PROGRAM, "bench", *LONG, "-o", path, "--overwrite"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        seen = [content(p).count(b"\n") for p in (path + ".part",) if os.path.exists(p)]
        if (seen and seen[0] >= lines) or process.poll() is not None:
            break
        time.sleep(0.05)
    expect(content(path) == OLD, "the older file is gone while the sweep runs")
    return process


def cut_off():
    old = write("old.csv", OLD)
    process = started(old, 1)  # the header alone: ceilings are measured first
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    expect(process.returncode == 130 and " 0 rows are kept\n" in err, f"early Ctrl-C: {err}")
    expect(content(old) == OLD, "Ctrl-C before any row lost the older file")
    expect(not os.path.exists(old + ".part"), "Ctrl-C before any row left its part")

    process = started(old, 20)
    process.kill()
    process.communicate(timeout=60)
    expect(content(old) == OLD, "a kill lost the older file")
    expect(content(old + ".part").count(b"\n") >= 20, "a kill lost finished rows")
    got, _, err = bench(*SHORT, "-o", old, "--overwrite")
    expect(got == 2 and old + ".part" in err, f"rows of a killed sweep: {got} {err}")
    expect(content(old + ".part").count(b"\n") >= 20, "rows of a killed sweep were replaced")
    os.unlink(old + ".part")

    process = started(old, 20)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    rows = rows_of(old) if content(old) != OLD else []
    expect(process.returncode == 130 and len(rows) >= 18 and f"{len(rows)} rows are kept" in err,
           f"Ctrl-C keeps its rows: {process.returncode} {len(rows)} {err}")
    expect(not os.path.exists(old + ".part"), "Ctrl-C left its part")


def full_disk():
    small = at("small")
    os.mkdir(small)
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", small]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("skip  a small tmpfs: it cannot be mounted here")
        return
    try:
        old = write("small/old.csv", OLD)
        got, _, err = bench(*LONG, "-o", old, "--overwrite")
        expect(got == 3 and "No space left" in err and err.count("\n") == 1, f"full: {got} {err}")
        expect(content(old) == OLD, "a full disk lost the older file")
        rows = len(rows_of(old + ".part"))
        expect(rows > 10 and f"{rows} rows before it are kept in {old}.part" in err,
               f"a full disk: {rows} rows: {err}")
        os.unlink(old + ".part")
        write("small/filler", bytes(24 << 10))
        with open(at("small/rest"), "wb", buffering=0) as rest:
            try:
                while rest.write(bytes(4096)):
                    pass
            except OSError:
                pass
        got, _, err = bench(*LONG, "-o", old, "--overwrite")
        expect(got == 3 and content(old) == OLD, f"no room for the header: {got} {err}")
        expect(not os.path.exists(old + ".part"), "no room for the header: its part is left")
        new = at("small/new.csv")
        got, _, err = bench(*LONG, "-o", new)
        expect(got == 3 and not os.path.exists(new), f"no room for a new file: {got} {err}")
    finally:
        subprocess.run(["umount", small], check=False)


def closed_files():
    """A standard file that is closed leaves its number to no file of ours."""
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        path = at("closed.csv")
        command = f'"$0" "$@" {closed}'
        done = subprocess.run(["sh", "-c", command, PROGRAM, "bench", *SHORT, "-o", path],
                              capture_output=True, timeout=60, check=False)
        expect(done.returncode == (3 if "1>" in closed else 0), f"{closed}: {done.returncode}")
        expect(b"predicted |" not in content(path), f"{closed}: the summary is in the CSV")
        expect(all(row["op"] == "gemm" and None not in row for row in rows_of(path)),
               f"{closed}: not only rows in the CSV")
        os.unlink(path)
    done = subprocess.run(["sh", "-c", '"$0" bench "$@" --format csv >&-', PROGRAM, *SHORT],
                          capture_output=True, text=True, timeout=60, check=False)
    expect(done.returncode == 3 and done.stderr.count("\n") == 1, f"rows to nowhere: {done}")


def default_sweep():
    """Its three files are looked at before it starts, and it keeps to the user's lists."""
    path, parts = at("x.csv"), [at("x-predicted-h200.csv"), at("x-verified.csv")]
    words = ["--device-memory", "2GiB", "--policy", "gpu-only", "--iterations", "7", "--threads",
             "1", "--compare", "none", "-o", path]
    machine = run("machine", "--format", "json")[1]
    for part in parts:
        with open(part, "wb") as file:
            file.write(OLD)
        got, out, err = bench(*words)
        if got != 2 and '"gpu"' in machine:
            print("skip  the default sweep: a GPU is here, and its first part is the whole")
            return
        expect(got == 2 and part in err and out == "", f"{part} is there: {got} {out} {err}")
        expect(not os.path.exists(path) and content(part) == OLD, f"{part}: something was written")
        os.unlink(part)
        if os.path.exists(path):  # so that the next is looked at by itself
            os.unlink(path)
    got, _, err = bench(*words)
    expect(got == 1, f"the default sweep, gpu-only: {got} {err}")  # here is no GPU
    for file in (path, parts[0], parts[1]):
        if file == parts[1] and not os.path.exists(file):
            continue  # this build emulates none
        rows = rows_of(file)
        lists = {(r["policy"], r["device_memory_bytes"], r["iterations"], r["threads"])
                 for r in rows}
        expect(lists == {("gpu-only", str(2 << 30), "7", "1")}, f"{file}: {lists}")
        expect(not any(r["status"] == "compared" for r in rows), f"{file}: --compare none")


try:
    for form in (["--format", "csv"], ["--format", "json"]):
        refused(form)
        replaced(form)
        a_pipe(form)
    cut_off()
    full_disk()
    closed_files()
    default_sweep()
finally:
    shutil.rmtree(folder, ignore_errors=True)
end()
