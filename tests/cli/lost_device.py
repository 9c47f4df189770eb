"""A sweep whose device is lost on the way, at several calls of it: it goes on without the device,
each later row of which says DEVICE_LOST, every decision is there, and every result is right."""
import csv
import io
import os
import shutil
import tempfile

from program import end, expect, run

SUITE = """gemm m=9 n=8 k=7
gemm type=bf16 m=8 n=16 k=24 beta=1
softmax rows=16,17 cols=40
conv2d n=1 c=3 h=9 w=6 k=4 r=3 s=3 pad_h=1 pad_w=1
gemm type=f64 m=12 n=5 k=3
softmax type=bf16 rows=9 cols=70
"""
DECISIONS = 2 * 7  # of each problem with and without a budget


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def sweep(suite, lost_at, policy):
    return run("bench", "--suite", suite, "--emulate", "--policy", policy, "--compare", "none",
               "--device-memory", "none,1KiB", "--format", "csv", env={"EMU_LOSE_AT": str(lost_at)})


def on_device(row):
    return row["device"].startswith("emulated") or row["backend"] in ("cuda", "cublas", "cudnn")


def one_loss(suite, at, policy, later):
    """A sweep that loses its device at this call; `later`: reasons after DEVICE_LOST's place. False:
    it has ended before."""
    what = f"lost at call {at}, {policy}"
    status, out, err = sweep(suite, at, policy)
    rows = rows_of(out)
    if status == 0:
        expect(not any("LOST" in row["reason"] for row in rows), f"{what}: exit 0")
        return False
    expect(status == 1, f"{what}: exit {status}, {err}")
    expect("candidates failed" in err, f"{what}: {err!r}")
    expect(all(None not in row and None not in row.values() for row in rows), f"{what}: columns")
    expect(len({row["decision"] for row in rows}) == DECISIONS, f"{what}: decisions are missing")
    failed = [i for i, row in enumerate(rows) if row["status"] == "failed"]
    expect(failed, f"{what}: no row failed")
    if not failed:
        return True
    for i in failed:
        expect(rows[i]["reason"] == "DEVICE_LOST" and rows[i]["note"], f"{what}: {rows[i]}")
    expect(failed == failed[:1], f"{what}: tried again after the loss")
    decision = rows[failed[0]]["decision"]
    after = [row for row in rows[failed[0]:] if on_device(row)]
    lost = [row for row in after if row["reason"] == "DEVICE_LOST"]
    expect(len(lost) > 5, f"{what}: {len(lost)} rows say DEVICE_LOST")
    for row in after:
        expect(row["reason"] not in later, f"{what}: after the loss {row['op']} {row['kernel']} says "
               f"{row['reason']}")
    for row in rows:
        if row["status"] != "chosen":
            continue
        behind = int(row["decision"]) >= int(decision)
        expect(row["verified"] == "exact", f"{what}: unchecked")
        expect(behind != on_device(row), f"{what}: decision {row['decision']} ran on {row['device']}")
        expect((row["fallback"] == "DEVICE_LOST") == behind, f"{what}: fallback {row['fallback']}")
    chosen = [row for row in rows if row["status"] == "chosen"]
    before = int(decision) - 1
    expect(len(chosen) == (DECISIONS if policy == "gpu-first" else before),
           f"{what}: {len(chosen)} of {DECISIONS} ran")
    return True


def main():
    folder = tempfile.mkdtemp(prefix="whycpu-lost-")
    reasons = [row["reason"] for row in rows_of(run("list", "reasons", "--format", "csv")[1])]
    later = set(reasons[reasons.index("DEVICE_LOST") + 1:])
    try:
        suite = os.path.join(folder, "few.suite")
        with open(suite, "w", encoding="utf-8") as file:
            file.write(SUITE)
        status, out, err = sweep(suite, 10**9, "gpu-first")
        rows = rows_of(out)
        expect(status == 0 and not any("LOST" in row["reason"] for row in rows), f"unharmed: {err}")
        plans = {row["plan"] for row in rows if row["status"] == "chosen"}
        expect(plans == {"resident", "streamed"}, f"unharmed, what ran: {plans}")
        for policy in ("gpu-first", "gpu-only"):
            at = 1
            while one_loss(suite, at, policy, later):
                at += 43
            expect(at > 400, f"{policy}: all over before call {at}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    end()


main()
