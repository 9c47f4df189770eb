"""What whycpu bench --regret says of predictions, worked out again from its rows. With `measure`
also that whycpu machine --measure fits costs that decisions then use."""
import csv
import json
import math
import os
import re
import statistics
import sys
import tempfile

from program import end, expect, run

folder = tempfile.mkdtemp()
OWN_CACHE = {"XDG_CACHE_HOME": os.path.join(folder, "cache")}


def at(name):
    return os.path.join(folder, name)


with open(at("a.suite"), "w", encoding="utf8") as suite:
    suite.write("gemm m=n=k=16,64,130\ngemm m=1 n=300 k=200 type=f64\nsoftmax rows=8 cols=70\n"
                "conv2d n=1 c=3 h=9 w=9 k=4 r=3 s=3\ngemm m=n=k=16\n")  # the last is there already
PROBLEMS = 6


def regret(costs, threads):
    """One run; its rows and words have to agree."""
    status, out, err = run("bench", "--regret", "--suite", at("a.suite"), "--threads", threads,
                           "--time-budget", "0.01", "-o", at("r.csv"), env=OWN_CACHE)
    expect(status == 0, f"{costs}: {status} {err}")
    with open(at("r.csv"), newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    decisions = {}
    for row in rows:
        key = (row["op"], row["type"], row["dims"], row["threads"])
        decisions.setdefault(key, []).append(row)
    expect(len(decisions) == PROBLEMS * len(threads.split(",")), f"{len(decisions)} decisions")
    regrets, errors, errors_of_chosen = [], [], []
    for key, candidates in decisions.items():
        expect(len({row["kernel"] for row in candidates}) >= 2, f"{key}: against whom?")
        chosen = [row for row in candidates if row["status"] == "chosen"]
        expect(len(chosen) == 1, f"{key}: {len(chosen)} chosen")
        first = min(candidates, key=lambda row: float(row["predicted_s"]))
        expect(chosen == [first], f"{key}: not what was predicted to be fastest")
        best = min(float(row["measured_s"]) for row in candidates)
        expect(best > 0 and all(int(row["samples"]) >= 3 for row in candidates), f"{key}: samples")
        regrets.append(float(chosen[0]["measured_s"]) / best)
        expect(math.isclose(float(chosen[0]["regret"]), regrets[-1], rel_tol=1e-9), f"{key}: regret")
        for row in candidates:
            errors.append(abs(float(row["predicted_s"]) / float(row["measured_s"]) - 1))
            parts = sum(float(row[part]) for part in ("launch_s", "arithmetic_s", "traffic_s",
                                                      "loops_s")) - float(row["hidden_s"])
            expect(math.isclose(parts, float(row["predicted_s"]), rel_tol=1e-6),
                   f"{key}: the terms of {row['kernel']} come to {parts}")
        errors_of_chosen.append(errors[candidates.index(chosen[0]) - len(candidates)])
    said = re.match(r"regret, measured: the chosen against the best of (\d+) decisions: ([\d.]+)% in "
                    r"the geometric mean, ([\d.]+)x at worst\npredicted against measured: median error"
                    r" ([\d.]+)% of (\d+) chosen, ([\d.]+)% of all (\d+)\n", out)
    expect(bool(said), f"{costs}: {out}")
    if said:
        mean = 100 * (statistics.geometric_mean(regrets) - 1)
        expect([int(said[1]), int(said[5]), int(said[7])] == [len(regrets), len(regrets), len(errors)],
               f"counts: {said[0]}")
        expect(abs(float(said[2]) - mean) < 0.006, f"mean {mean}: {said[0]}")
        expect(abs(float(said[3]) - max(regrets)) < 0.006, f"worst {max(regrets)}: {said[0]}")
        for text, values in ((said[4], errors_of_chosen), (said[6], errors)):
            median = 100 * sorted(values)[len(values) // 2]
            expect(abs(float(text) - median) < 0.06, f"median {median}: {said[0]}")
    return rows


if sys.argv[1:] != ["measure"]:
    rows = regret("priors", "1")
    expect({row["costs"] for row in rows} == {"prior"}, "nothing was fitted")
    status, out, err = run("bench", "--regret", "--emulate")
    expect(status == 2 and "leave out --emulate" in err, f"emulated: {status} {err}")
    end()

status, out, err = run("machine", "--measure", "--time-budget", "6", "-o", at("m.json"), env=OWN_CACHE)
expect(status == 0 and "kept in" in err, f"measure: {status} {err}")
with open(at("m.json"), encoding="utf8") as file:
    fits = json.load(file)["fits"]
expect(len(fits) >= 20, f"{len(fits)} fits")
for fit in fits:
    costs = [fit["launch_seconds"], *fit["passes"], *fit["loop_seconds"]]
    expect(fit["rate"] > 0 and fit["points"] > 0 and min(costs) >= 0, f"{fit}")
rows = regret("fits", "1,all")
expect("fitted" in {row["costs"] for row in rows}, "the fits are used")
problem = ["gemm", "m=64", "n=64", "k=64", "--threads", "1"]
status, out, err = run("explain", *problem, "--format", "csv", env=OWN_CACHE)
expect(status == 0 and "fitted" in out, f"explain: {out} {err}")
status, out, err = run("explain", *problem, "--format", "csv", env={"XDG_CACHE_HOME": at("none")})
expect(status == 0 and "fitted" not in out, f"another folder: {out} {err}")
end()
