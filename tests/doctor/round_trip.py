"""Every fixture's machine is captured, and the capture diagnosed: it must say what the machine says,
word for word, for the framework that the fixture is about and for another. As folders; some of them
as archives. Of every third fixture; --all: of all, each variant, healed or with something
missing too."""
import os
import shutil
import subprocess
import sys
import tempfile

import cases
import causes
import herrings
import healthy
from fixtures import ALL
from run import batch

assert all((cases, causes, herrings, healthy))  # they fill ALL
PROGRAM = os.environ["WHY_TEST_PROGRAM"]
ARCHIVES = 10  # every so many-th is captured as one


def capture(folder, to, python, program):
    words = [PROGRAM, "doctor", "--root", folder, "--capture", to]
    words += ["--python", python] if python else []
    words += ["--program", program] if program else []
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr}"


def difference(machine, copy):
    for key in machine:
        if machine[key] != copy.get(key):
            return f"{key}:\n  {machine[key]}\n  {copy.get(key)}"
    return ""


def main():
    base = tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/dev/shm" if
                                               os.access("/dev/shm", os.W_OK) else None))
    probe = capture("/", os.path.join(base, "probe.tar.gz"), "", "")
    archives = "without libarchive" not in probe
    names, lines, failures = [], [], 0
    every = sys.argv[1:] == ["--all"]
    try:
        for fixture in ALL if every else ALL[::3]:
            runs = list(fixture.variants())
            for run in runs if every else runs[:1]:
                folder = os.path.join(base, run[0].replace("/", "+"))
                run[1].write(folder)
                python = run[1].process.get("python", "") if fixture.asks_python else ""
                program = run[1].program or ""
                ending = ".tar.gz" if archives and len(names) % ARCHIVES == 0 else ""
                wrong = capture(folder, folder + ".copy" + ending, python, program)
                if wrong:
                    failures += 1
                    print(f"WRONG {run[0]}: not captured: {wrong}")
                    continue
                names.append(run[0])
                for framework in (fixture.framework, "jax"):
                    for root in (folder, folder + ".copy" + ending):
                        lines.append(f"{root}\t{framework}\t{python}\t{program}\n")
        answers = batch(lines)
        for i, name in enumerate(names):
            for at in (4 * i, 4 * i + 2):
                what = difference(answers[at], answers[at + 1])
                if what:
                    failures += 1
                    print(f"WRONG {name}: {what}")
        print(f"{len(names)} machines captured, {failures} wrong"
              f"{'' if archives else '; built without libarchive: no archives'}")
        return 1 if failures else 0
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
