"""Every fixture: snapshots are built, diagnosed in one go, and the verdicts compared.

run.py [--cause ID] [-k PATTERN] [--mutants] [--keep DIR] [--list]
  --mutants  leaves out one rule at a time: some fixture of that cause has to change
  --keep     keeps the snapshots in DIR, a folder each
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import cases
import causes
import herrings
import healthy
from fixtures import ALL

assert all((cases, causes, herrings, healthy))  # they fill ALL
MANY = os.path.join(os.environ["WHY_TEST_BUILD"], "tests", "diagnose_many")


def batch(lines, without=None):
    command = [MANY] + (["--without", without] if without else [])
    done = subprocess.run(
        command, input="".join(lines), capture_output=True, text=True, timeout=300, errors="replace"
    )
    if done.returncode != 0 or done.stderr:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def wrong(run, answer):
    """What is wrong with an answer; "" if nothing."""
    _, _, expected, also, listed = run
    if "error" in answer:
        return "no diagnosis: " + answer["error"]
    verdict, roots = answer["verdict"], answer["roots"]
    found = [row["id"] for row in answer["found"]]
    for want in expected:
        if want in ("gpu-used", "unknown"):
            good = verdict == want and not roots
        else:
            good = (
                verdict == "gpu-unused"
                and roots[:1] == [want]
                and sorted(roots[1:]) == sorted(also)
            )
        if good and set(listed) <= set(found):
            return ""
    missing = [cause for cause in listed if cause not in found]
    return (
        f"expected {' or '.join(expected)}{''.join(' + ' + a for a in also)}, got {verdict} {roots}"
        + (f", not listed: {missing}" if missing else "")
    )


def explain(answer):
    lines = [f"      found {row['id']}: {row['why']}" for row in answer.get("found", [])[:6]]
    lines += [f"      unknown {row['id']}: {row['why']}" for row in answer.get("unknown", [])[:8]]
    return "\n".join(lines)


def chosen(arguments):
    for fixture in ALL:
        if arguments.cause and not (
            fixture.root == arguments.cause
            or arguments.cause in fixture.listed
            or fixture.name.split("/")[0] == arguments.cause
        ):
            continue
        for run in fixture.variants():
            if not arguments.pattern or re.search(arguments.pattern, run[0]):
                yield fixture, run


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cause")
    parser.add_argument("-k", dest="pattern")
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    begun = time.time()
    base = arguments.keep or tempfile.mkdtemp(
        dir=os.environ.get("TMPDIR", "/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    )
    try:
        runs, lines, owner = [], [], []
        for fixture, run in chosen(arguments):
            if arguments.list:
                print(f"{run[0]:64} {fixture.framework:12} {' or '.join(run[2])}")
                continue
            folder = os.path.join(base, run[0].replace("/", "+"))
            run[1].write(folder)
            python = run[1].process.get("python", "") if fixture.asks_python else ""
            lines.append(f"{folder}\t{fixture.framework}\t{python}\t{run[1].program or ''}\n")
            runs.append(run)
            owner.append(fixture)
        if arguments.list:
            return 0
        built = time.time()
        answers = batch(lines)
        if len(answers) != len(runs):
            sys.exit(f"{len(answers)} answers to {len(runs)} snapshots")
        failures = 0
        for run, answer in zip(runs, answers):
            what = wrong(run, answer)
            if what:
                failures += 1
                print(f"WRONG {run[0]}: {what}\n{explain(answer)}")
        took = time.time()
        print(
            f"{len(runs)} snapshots of {len(set(map(id, owner)))} fixtures, {failures} wrong "
            f"({built - begun:.1f} s to build, {took - built:.1f} s to diagnose)"
        )
        if arguments.mutants:
            failures = mutants(runs, lines, owner, answers, arguments.cause)
        return 1 if failures else 0
    finally:
        if not arguments.keep:
            shutil.rmtree(base, ignore_errors=True)


def mutants(runs, lines, owner, answers, only):
    """A rule that can be left out unnoticed is not tested."""
    table = subprocess.run(
        [os.environ["WHY_TEST_PROGRAM"], "list", "causes", "--format", "csv"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = list(csv.reader(table.splitlines()))
    ids = [row[0] for row in rows[1:]]
    survivors = 0
    for cause in ids:
        if only and cause != only:
            continue
        mine = [
            i
            for i, fixture in enumerate(owner)
            if cause in (fixture.root, fixture.name.split("/")[0], *fixture.listed, *fixture.also)
        ]
        if not mine:
            print(f"WRONG {cause}: no fixture")
            survivors += 1
            continue
        changed = batch([lines[i] for i in mine], cause)
        if not any(
            (a.get("verdict"), a.get("roots"), [f["id"] for f in a.get("found", [])])
            != (
                answers[i].get("verdict"),
                answers[i].get("roots"),
                [f["id"] for f in answers[i].get("found", [])],
            )
            for i, a in zip(mine, changed)
        ):
            print(f"WRONG {cause}: nothing changes without its rule ({len(mine)} snapshots)")
            survivors += 1
    print(f"{len(ids)} rules left out, one at a time: {survivors} unnoticed")
    return survivors


if __name__ == "__main__":
    sys.exit(main())
