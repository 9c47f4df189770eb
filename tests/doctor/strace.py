"""A diagnosis of a snapshot opens nothing outside it, whatever its links say: watched by strace, what
it opens for one full of links that lead out is what it opens for one without any, and the rest lies
inside. Nothing there is run or waited for, either."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import causes
import healthy
from fixtures import ALL

assert all((causes, healthy))  # they fill ALL
PROGRAM = os.environ["WHY_TEST_PROGRAM"]
FRAMEWORKS = ("", "tensorflow", "pytorch", "jax", "onnxruntime", "llama.cpp", "ollama", "cuda")
CALL = re.compile(r'(?:\d+ +)?(open|openat|openat2|execve|execveat|creat)\('
                  r'(?:(AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"((?:[^"\\]|\\.)*)"(.*) = (-?\d+)')
failures = []


def expect(good, what):
    if not good:
        failures.append(what)
        print("FAILED:", what)


def opened(snapshot, framework):
    """What was opened below no other folder: (outside, inside), as real paths."""
    log = snapshot + ".strace"
    words = ["strace", "-f", "-y", "-s", "4096", "-o", log, "-e",
             "trace=open,openat,openat2,creat,execve,execveat",
             PROGRAM, "doctor", "--root", snapshot]
    words += ["--framework", framework] if framework else []
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    expect(done.returncode in (0, 1), f"{snapshot} {framework}: {done.returncode} {done.stderr}")
    root = os.path.realpath(snapshot)
    outside, inside = set(), set()
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            call = CALL.match(line)
            if not call or int(call[6]) < 0:
                continue
            real = os.path.realpath(os.path.join(call[3] or os.getcwd(), call[4]))
            below = real == root or real.startswith(root + "/")
            (inside if below else outside).add(real if below else f"{call[1]} {real}")
    os.remove(log)
    return outside, inside


def climb(snapshot, every):
    """Puts a link that leads out, to the file of the same name or to a bait, in the place of every
    so many-th file; what had been there would be missed, so the others stay."""
    bait = snapshot + ".bait"
    os.makedirs(bait)
    count = 0
    for folder, folders, names in os.walk(snapshot):
        for name in names + [f for f in folders if f.startswith(("libc", "nvidia", "torch"))]:
            path = os.path.join(folder, name)
            if os.path.islink(path) or "/.whycpu" in path:
                continue
            count += 1
            if count % every:
                continue
            outside = os.path.join(bait, str(count))
            shutil.move(path, outside)
            target = os.path.relpath(outside, folder) if count % 2 else outside
            os.symlink(target if count % 3 else "../" * 30 + outside[1:], path)
        folders[:] = [f for f in folders if not os.path.islink(os.path.join(folder, f))]
    return count


def main():
    if not shutil.which("strace"):
        print("SKIP: no strace here")
        return 77
    base = tempfile.mkdtemp()
    try:
        trial = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
        if trial.returncode != 0:
            print(f"SKIP: strace does not work here: {trial.stderr.strip()}")
            return 77
        fixture = next(f for f in ALL if f.framework == "tensorflow")
        plain = os.path.join(base, "plain")
        fixture.healthy().write(plain)
        for framework in FRAMEWORKS:
            usual, inside = opened(plain, framework)
            expect(len(inside) > 5, f"{framework}: only {sorted(inside)} were opened")
            for every in (1, 2, 7):
                hostile = os.path.join(base, f"hostile-{every}-{framework}")
                shutil.copytree(plain, hostile, symlinks=True)
                expect(climb(hostile, every) > 20, "there were links")
                os.mkfifo(os.path.join(hostile, "etc", "ld.so.preload"))
                outside, inside = opened(hostile, framework)
                expect(outside <= usual,
                       f"{framework}, every {every}: {sorted(outside - usual)} was opened")
                expect(inside, f"{framework}, every {every}: nothing was opened")
                shutil.rmtree(hostile)
                shutil.rmtree(hostile + ".bait")
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
