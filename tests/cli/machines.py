"""Machine files that are shipped: each parses, every figure has its source and agrees with the
formula that stands there, names are unique and listed. Recorded machines: preferred by name and by
GPU, shown beside the published figures, never mixed with them (a fixture of the installed tree)."""
import csv
import io
import json
import os
import re
import shutil
import subprocess
import tempfile

from program import PROGRAM, end, expect, run

SHIPPED = os.path.join(os.environ["WHY_TEST_SOURCE"], "bench", "machines")
GEMM = ["gemm", "m=4096", "n=4096", "k=4096"]
files = {name[:-5]: json.load(open(os.path.join(SHIPPED, name), encoding="utf8"))
         for name in sorted(os.listdir(SHIPPED)) if name.endswith(".json")}


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ---- each file by itself --------------------------------------------------------------------------

wanted = {"h200", "h100", "a100", "l40s", "l4", "t4", "rtx4090", "rtx3060", "pcie3", "pcie4", "pcie5"}
expect(wanted <= set(files), f"not shipped: {wanted - set(files)}")


def sides(device):
    """What is said of a device: its figures and the facts that decide."""
    return {key for key in device if key not in ("backend", "host", "figures")} | \
        set(device["figures"])


for name, machine in files.items():
    expect(machine["name"] == name, f"{name}.json: its name is {machine['name']}")
    expect(machine["provenance"]["facts"] == "published" and machine["provenance"]["source"],
           f"{name}: provenance")
    status, out, err = run("machine", "--machine", f"published/{name}")
    expect(status == 0 and not err and f"machine   {name} " in out, f"{name}: {status} {err}")
    have = {f"{'host' if d.get('host') else 'GPU'}: {key}" for d in machine["devices"]
            for key in sides(d)} | {f"answer: {a['kernel']}" for a in machine["answers"]}
    value = {f"{'host' if d.get('host') else 'GPU'}: {key}": amount for d in machine["devices"]
             for key, amount in [*d.items(), *d["figures"].items()]}
    if "host" in machine:
        have.add("host")
        expect(machine["host"] in files and "host" not in files[machine["host"]],
               f"{name}: its host is {machine['host']}")
    said = set()
    for entry in machine["sources"]:
        side, _, keys = entry["figure"].partition(": ")
        mine = {f"{side}: {key}" for key in keys.split(", ")} if keys else {side}
        expect(not mine & said, f"{name}: two sources of {mine & said}")
        said |= mine
        expect(len(entry["source"]) > 20, f"{name}: {entry['figure']} has no source")
        # What is left out has a source that says so, and nothing else has.
        absent = {key for key in mine if key not in have and not key.startswith("answer: ")}
        expect((entry["source"].startswith("left out")) == bool(absent), f"{name}: {absent}")
        if "formula" in entry:
            expect(re.fullmatch(r"[0-9.e+*/ ]+", entry["formula"]), f"{name}: {entry['formula']}")
            figure = eval(entry["formula"])  # digits and operators only: just seen
            for key in mine:  # a data sheet rounds to three digits
                expect(abs(value[key] - figure) <= 0.006 * figure,
                       f"{name}: {key} is {value[key]}, {entry['formula']} is {figure}")
    expect(have <= said, f"{name}: no source of {sorted(have - said)}")

# What no data sheet may contradict: rates without sparsity, memory under the nominal size, what a
# link can give.
CORES = {75: 64, 80: 64, 86: 128, 89: 128, 90: 128}
MOST_SHARED = {75: 64, 80: 163, 86: 99, 89: 99, 90: 227}
for name, machine in files.items():
    for gpu in [d for d in machine["devices"] if not d.get("host")]:
        figures, capability = gpu["figures"], gpu["capability"]
        clock = figures["f32_flops"] / (gpu["multiprocessors"] * CORES[capability] * 2)
        expect(1.2e9 < clock < 2.6e9, f"{name}: f32 at {clock / 1e9:.2f} GHz")
        expect(figures["f64_flops"] < figures["f32_flops"] < figures["f16_flops"], f"{name}: rates")
        expect(("bf16_flops" in figures) == (capability >= 80), f"{name}: bf16")
        expect(gpu["shared_bytes"] == MOST_SHARED[capability] * 1024, f"{name}: shared memory")
        expect(gpu["free_bytes"] <= gpu["memory_bytes"], f"{name}: memory")
        nominal = int(re.search(r"(\d+) GB\.", machine["provenance"]["source"]).group(1))
        expect(0.93 * nominal * 2**30 < gpu["memory_bytes"] <= nominal * 2**30 or name == "h200",
               f"{name}: {gpu['memory_bytes']} of {nominal} GB")
        expect(figures["in_bps"] == figures["out_bps"] in (12e9, 25e9, 55e9), f"{name}: link")

# ---- named ----------------------------------------------------------------------------------------

listed = rows_of(run("list", "machines", "--format", "csv")[1])
names = [row["machine"] for row in listed]
expect(len(set(names)) == len(names), f"a name twice: {names}")
published = {n.replace("published/", "") for n in names if not n.startswith("recorded/")}
expect(published == set(files), f"listed: {names}")
for row in listed:
    if not row["machine"].startswith("recorded/"):
        expect(row["help"] and row["figures"] == "published", f"list machines: {row}")
expect([r for r in listed if r["machine"] == "l4" and r["host"] == "2 x AMD EPYC 7742"], "l4's host")


def predicted(machine, *problem):
    text = run("explain", *(problem or GEMM), "--machine", machine, "--format", "csv",
               "--policy", "cublas:lt", "--plan", "resident")[1]
    return [float(r["predicted_s"]) for r in rows_of(text) if r["status"] == "chosen"][0]


# The same GPU in slower slots takes longer to copy; in faster ones than it has a link for, not less.
SIZE = 4096 * 4096 * 4
slow = predicted("l4@pcie3") - predicted("l4@pcie4")
expect(abs(slow - 3 * SIZE * (1 / 12e9 - 1 / 25e9)) < 1e-9, f"l4@pcie3 takes {slow} s longer")
expect(predicted("l4@pcie5") == predicted("l4@pcie4") == predicted("l4"), "a faster slot")
expect("on l4@pcie3 " in run("explain", *GEMM, "--machine", "l4@pcie3")[1], "its name")
expect("Xeon E5-2698 v4" in run("explain", *GEMM, "--machine", "h100@t4")[1], "t4's host")
reasons = {(r["backend"], r["kernel"]): r["reason"] for r in rows_of(
    run("explain", *GEMM, "type=f16", "--machine", "t4", "--format", "csv")[1])}
expect(reasons["cuda", "mma"] == "CAPABILITY", f"tensor cores of a T4: {reasons}")
for wrong, words in [("foo@pcie3", "--machine foo@pcie3: foo: "),
                     ("l4@foo", "--machine l4@foo: foo: "),
                     ("pcie3@l4", "no GPU in it"), ("l4@", "GPU@HOST"), ("@pcie3", "GPU@HOST"),
                     ("recorded/l4", "--machine recorded/l4: "), ("l5", "l4")]:
    status, out, err = run("machine", "--machine", wrong)
    expect(status == 2 and words in err and err.count("\n") == 1, f"{wrong}: {status} {err}")

# ---- recorded -------------------------------------------------------------------------------------

tree = tempfile.mkdtemp()
data = os.path.join(tree, "share", "whycpu")
os.makedirs(os.path.join(tree, "bin"))
os.makedirs(os.path.join(data, "recorded"))
shutil.copy(PROGRAM, os.path.join(tree, "bin"))
os.symlink(os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "lib"), os.path.join(tree, "lib"))
os.symlink(SHIPPED, os.path.join(data, "machines"))


def there(*words):
    done = subprocess.run([os.path.join(tree, "bin", os.path.basename(PROGRAM)), *words],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def record(name, of, host, share, **gpu):
    """A machine that was measured: figures at a share of the published ones, its host its own."""
    machine, cpu = json.loads(json.dumps(files[of])), json.loads(json.dumps(files[host]))
    machine.pop("host", None)
    machine["name"] = name
    machine["provenance"] = {"facts": "measured", "time": "2026-01-01T00:00:00Z"}
    for key in ("devices", "backends", "answers"):
        machine[key] = cpu[key] + (machine[key] if of != host else [])
    machine["backends"] = list({b["name"]: b for b in machine["backends"]}.values())
    for device in machine["devices"]:
        device["figures"] = {k: v * share for k, v in device["figures"].items()}
    machine["devices"][-1].update(gpu)
    with open(os.path.join(data, "recorded", f"{name}.json"), "w", encoding="utf8") as file:
        json.dump(machine, file)


record("node7", "l4", "pcie4", 0.9)
record("t4", "t4", "pcie3", 0.8)
record("half", "a100", "pcie4", 0.5, memory_bytes=40 << 30, free_bytes=40 << 30)  # not the same
record("two-cores", "desktop-pcie4", "desktop-pcie4", 0.5)
names = [row["machine"] for row in rows_of(there("list", "machines", "--format", "csv")[1])]
expect({"published/l4", "published/t4", "a100", "recorded/node7", "recorded/t4", "recorded/half",
        "recorded/two-cores", "desktop-pcie4"} <= set(names), f"listed: {names}")
expect(len(set(names)) == len(names) == len(files) + 4, f"listed: {names}")
for asked, name, facts in [("l4", "node7", "measured"), ("published/l4", "l4", "published"),
                           ("recorded/node7", "node7", "measured"), ("node7", "node7", "measured"),
                           ("t4", "t4", "measured"), ("published/t4", "t4", "published"),
                           ("a100", "a100", "published"), ("two-cores", "two-cores", "measured"),
                           ("l4@pcie3", "l4@pcie3", "published"),
                           ("desktop-pcie4", "desktop-pcie4", "published")]:
    status, out, err = there("explain", *GEMM, "--machine", asked)
    expect(status == 0 and f"  on {name} (" in out and f" from {facts} figures" in out,
           f"--machine {asked}: {status} {out} {err}")
text = there("machine", "--machine", "l4")[1]
expect("NVIDIA L4: measured beside published (--machine published/l4)" in text and
       re.search(r"memory speed +270 GB/s +published 300 GB/s +90%\n", text), f"beside: {text}")
expect("beside" not in there("machine", "--machine", "published/l4")[1], "published beside itself")
expect("beside" not in there("machine", "--machine", "half")[1], "beside another GPU")
rows = [r for r in rows_of(there("machine", "--machine", "l4", "--format", "csv")[1])
        if r["name"] == "NVIDIA L4"]
expect([(r["item"], r["figures"], float(r["memory_bps"])) for r in rows] ==
       [("device", "measured", 270e9), ("published", "published", 300e9)], f"rows: {rows}")
status, out, err = there("machine", "--machine", "recorded/node7@pcie3")
expect(status == 2 and "only published figures" in err, f"measured in another host: {err}")
os.symlink(os.path.join(os.environ["WHY_TEST_SOURCE"], "bench", "suites"), os.path.join(data, "suites"))
rows = rows_of(there("plan", "quick", "--goal", "total_s<1", "--device-memory", "none", "--format",
                     "csv")[1])
facts = {r["machine"]: (r["device"], r["facts"]) for r in rows}
expect(facts["recorded/node7"] == ("NVIDIA L4", "measured") and "l4" not in facts and
       "published/l4" not in facts and facts["h200"] == ("NVIDIA H200", "published"), f"{facts}")
written = os.path.join(tree, "out.json")
expect(there("machine", "--machine", "l4", "-o", written)[0] == 0, "machine -o")
with open(written, encoding="utf8") as file:
    figures = [d["figures"] for d in json.load(file)["devices"]]
expect(figures[1]["memory_bps"] == 270e9, "published figures got into the recorded ones")
with open(os.path.join(data, "recorded", "l4.json"), "w", encoding="utf8") as file:
    file.write("{")
status, out, err = there("machine", "--machine", "l4")
expect(status == 2 and err.count("\n") == 1, f"a recorded file that is broken: {status} {err}")
shutil.rmtree(tree)
end()
