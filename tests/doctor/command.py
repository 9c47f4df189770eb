"""whycpu doctor as a command: exit status, the shape of its JSON, its words, and what it refuses."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from program import end, expect, run  # noqa: E402
import causes  # noqa: E402
from causes_driver import upgraded  # noqa: E402
from causes_machine import with_jax, with_program, with_torch  # noqa: E402
from fixtures import ALL  # noqa: E402

assert causes
base = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
RESULTS = {"ok", "fail", "unknown", "n/a"}
STATUS = {"gpu-used": 0, "gpu-unused": 1, "unknown": 1}


def snapshot(name, machine, *changes):
    for change in changes:
        change(machine)
    folder = os.path.join(base, name)
    machine.write(folder)
    return folder


def text_is_plain(text, what):
    # A path is not broken: after the label one word may stick out.
    wide = [line for line in text.splitlines() if len(line) > 80 and " " in line[11:].strip()]
    expect(not wide, f"{what}: wider than 80 columns: {wide[:2]}")
    expect("\x1b" not in text, f"{what}: escapes though not on a terminal")
    expect(not re.search(r"[ \t]+$", text, re.M), f"{what}: spaces at the end of a line")


def shape(answer, asked, what):
    expect(
        list(answer) == ["schema", "asked", "verdict", "causes", "checks"],
        f"{what}: keys {list(answer)}",
    )
    expect(
        answer["schema"] == 1 and answer["asked"] == asked,
        f"{what}: {answer['schema']} {answer['asked']}",
    )
    expect(answer["verdict"] in STATUS, f"{what}: verdict {answer['verdict']}")
    for row in answer["causes"]:
        expect(
            list(row) == ["id", "root", "evidence", "need", "have", "fix"],
            f"{what}: keys of a cause {list(row)}",
        )
        expect(isinstance(row["root"], bool) and row["fix"], f"{what}: {row}")
        for evidence in row["evidence"]:
            expect(
                list(evidence) == ["path", "text"] and evidence["path"] and evidence["text"],
                f"{what}: {evidence}",
            )
        expect(row["evidence"], f"{what}: {row['id']} is found without evidence")
    ids = [row["id"] for row in answer["checks"]]
    expect(len(ids) == len(set(ids)) and len(ids) > 50, f"{what}: {len(ids)} checks")
    for row in answer["checks"]:
        expect(
            list(row) == ["id", "result", "why"]
            and row["result"] in RESULTS
            and row["why"]
            and "\n" not in row["why"],
            f"{what}: {row}",
        )
    roots = [row["root"] for row in answer["causes"]]
    expect(roots == sorted(roots, reverse=True), f"{what}: roots come first")
    expect(
        (answer["verdict"] == "gpu-unused") == any(roots),
        f"{what}: {answer['verdict']} with roots {roots}",
    )
    failed = {row["id"] for row in answer["checks"] if row["result"] == "fail"}
    expect(
        failed == {row["id"] for row in answer["causes"]},
        f"{what}: causes and failed checks differ",
    )


def doctor(folder, framework, *words):
    asked = ["--framework", framework] if framework else []
    return run("doctor", "--root", folder, *asked, *words)


# ---- verdicts, statuses, JSON, and the words for people ---------------------------------------

PICKED = [
    "no-nvidia-gpu/no-driver",
    "driver-not-installed",
    "nouveau-bound",
    "driver-not-loaded",
    "uvm-not-loaded",
    "container-no-gpu/docker",
    "container-cgroup-lost/v2",
    "device-permission-denied",
    "libcuda-missing",
    "driver-library-mismatch",
    "libcuda-stub/by-environment",
    "mig-enabled-no-instance",
    "cpu-forced-by-env/minus-one",
    "framework-cpu-only-build/torch",
    "framework-plugin-missing",
    "cuda-libs-missing/one-wheel",
    "ld-library-path-shadow",
    "gpu-memory-full",
    "windows-native-tf",
    "pcie-link-degraded",
]
table = {fixture.name: fixture for fixture in ALL}
for name in PICKED:
    if not any(known == name or known.startswith(name) for known in table):
        expect(False, f"no fixture {name}")
        continue
    fixture = table.get(name) or next(f for known, f in table.items() if known.startswith(name))
    for label, machine, roots, _, _ in fixture.variants():
        folder = snapshot(label.replace("/", "+"), machine)
        words = ["--program", machine.program] if machine.program else []
        status, out, err = doctor(folder, fixture.framework, *words, "--format", "json")
        expect(not err, f"{label}: {err}")
        try:
            answer = json.loads(out)
        except ValueError as error:
            expect(False, f"{label}: no JSON: {error}: {out[:200]}")
            continue
        shape(answer, fixture.framework, label)
        expect(
            status == STATUS[answer["verdict"]],
            f"{label}: {answer['verdict']} with status {status}",
        )
        found = [row["id"] for row in answer["causes"] if row["root"]] or [answer["verdict"]]
        expect(found[0] in roots, f"{label}: {found} for {roots}")
        again, out, err = doctor(folder, fixture.framework, *words)
        expect(again == status and not err, f"{label}: as text status {again}, {err}")
        text_is_plain(out, label)
        if answer["verdict"] == "gpu-unused":
            expect(
                out.split("\n", 1)[0].endswith(" does not use the GPU."), f"{label}: the verdict is not first:\n{out}"
            )
            expect(
                answer["causes"][0]["id"] in "\n".join(out.splitlines()[:5]),
                f"{label}: its cause is not next:\n{out}",
            )
        shutil.rmtree(folder)

# ---- a program by its path, an interpreter by its own ------------------------------------------

m = with_torch()()
folder = snapshot("python", m)
status, out, err = doctor(
    folder, "pytorch", "--python", "/opt/venv/bin/python3", "--format", "json"
)
expect(status == 0, f"--python: {status} {out[:300]} {err}")
status, out, err = doctor(folder, "pytorch", "--format", "csv")
expect(status in (0, 2), f"--format csv: {status} {err}")
m = with_program()()
folder = snapshot("program", m)
status, out, err = doctor(folder, "cuda", "--program", m.program, "--format", "json")
expect(status == 0, f"--program: {status} {out[:300]} {err}")

# ---- an archive is the same as its folder ------------------------------------------------------

m = with_jax()()
upgraded(m, m.driver, "550.90.07")
folder = snapshot("packed", m)
with tarfile.open(folder + ".tar.gz", "w:gz", compresslevel=1) as archive:
    archive.add(folder, ".")
plain, packed = (doctor(path, "jax", "--format", "json") for path in (folder, folder + ".tar.gz"))
if "without libarchive" in packed[2]:
    print("left out: this build has no libarchive")
else:
    expect(plain == packed and plain[0] == 1, f"an archive: {plain[0]} {packed[0]} {packed[2]}")

# ---- explanations ------------------------------------------------------------------------------

status, out, err = run("doctor", "--explain", "driver-library-mismatch")
expect(status == 0 and not err and "driver-library-mismatch" in out, f"--explain: {status} {err}")
text_is_plain(out, "--explain")

# ---- what is refused: one line, status 2 -------------------------------------------------------

other = snapshot("other-version", with_torch()())
with open(os.path.join(other, ".whycpu", "version"), "w", encoding="ascii") as file:
    file.write("2\n")
later = snapshot("later-schema", with_torch()())
with open(os.path.join(later, ".whycpu", "gpu.json"), "w", encoding="ascii") as file:
    file.write('{"schema": 2}\n')
empty = os.path.join(base, "empty")
os.mkdir(empty)
plain_file = os.path.join(base, "file")
with open(plain_file, "w", encoding="ascii") as file:
    file.write("no snapshot\n")
with open(os.path.join(base, "half.tar.gz"), "wb") as file:
    file.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc")
REFUSED = [
    (["--root", os.path.join(base, "nowhere")], "nowhere"),
    (["--root", plain_file], "file"),
    (["--root", os.path.join(base, "half.tar.gz")], "half"),
    (["--root", other], "version"),
    (["--root", later], "version"),
    (["--root", folder, "--framework", "tensorflwo"], "did you mean tensorflow?"),
    (["--root", folder, "--framework", "torch"], "pytorch"),
    (["--root", folder, "--framework", ""], None),
    (["--root", folder, "--format", "xml"], "xml"),
    (["--root", folder, "--pid", "1"], "snapshot"),
    (["--pid", "4194304"], "4194304"),
    (["--pid", "x"], "x"),
    (["--pid", "-1"], "-1"),
    (["--explain", "driver-libary-mismatch"], "did you mean driver-library-mismatch?"),
    (["--explain", "qqqq"], "qqqq"),
    (["--root"], "--root"),
    (["--framework"], "--framework"),
    (["--no-such-option"], "--no-such-option"),
    (["--root", folder, "extra"], "extra"),
    (["--root", folder, "--python", ""], None),
]
for words, says in REFUSED:
    status, out, err = run("doctor", *words)
    expect(status == 2, f"{words}: status {status}\n{out[:200]}{err}")
    expect(not out and err.count("\n") == 1, f"{words}: {out!r} {err!r}")
    expect(says is None or says in err, f"{words}: {err!r} does not say {says}")

# ---- an empty folder is a machine that nothing is known of, or no snapshot; never a crash ------

status, out, err = run("doctor", "--root", empty, "--framework", "pytorch", "--format", "json")
expect(status in (1, 2), f"an empty folder: {status} {err}")
if status == 1:
    expect(json.loads(out)["verdict"] in ("unknown", "gpu-unused"), f"an empty folder: {out[:200]}")

# ---- this machine ------------------------------------------------------------------------------

status, out, err = run("doctor", "--format", "json")
expect(status in (0, 1) and not err, f"this machine: {status} {err}")
shape(json.loads(out), "whycpu", "this machine")
status, out, err = run(
    "doctor", "--pid", str(os.getpid()), "--framework", "pytorch", "--format", "json"
)
expect(status in (0, 1) and not err, f"--pid of this script: {status} {err}")

# ---- this machine, with a driver that crashes: the doctor goes on ----------------------------------

fakes = os.path.join(os.environ["WHY_TEST_BUILD"], "tests", "driver", "whole")
scenario = os.path.join(base, "scenario")
for text, result, words in (("", "ok", "a context was made"), ("cuInit crash\n", "unknown", "cuInit")):
    with open(scenario, "w", encoding="ascii") as file:
        file.write(text)
    done = subprocess.run(
        [os.environ["WHY_TEST_PROGRAM"], "doctor", "--framework", "cuda", "--format", "json"],
        env={**os.environ, "LD_LIBRARY_PATH": fakes, "FAKE_DRIVER": scenario},
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    call = next(row for row in answer["checks"] if row["id"] == "driver-call-failed")
    expect(
        not os.path.isdir(fakes) or (call["result"] == result and words in call["why"]),
        f"a driver that answers {text!r}: {call}",
    )

shutil.rmtree(base)
end()
