#!/usr/bin/env bash
# gpu-check as far as it goes on this machine: without a GPU it says so and ends with 1; rehearsed, no
# step fails, each that needs a GPU says why it was skipped, and the folder keeps to its limits.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "gpu_check.sh: $*" >&2; cat "$work"/*/summary.txt >&2; exit 1; }
cd "$WHY_TEST_SOURCE"
if nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
  echo "SKIP: there is a GPU here: run make gpu-check itself"
  exit 77
fi
status=0
tools/gpu-check.sh "$work/real" >/dev/null || status=$?
[ $status = 1 ] || say "status $status without a GPU"
grep -q '^FAIL  gpu: no GPU here: .' "$work/real/summary.txt" || say "does not say that no GPU is here"
tools/gpu-check.sh "$work/rehearsed" --rehearse >/dev/null || say "the rehearsal failed"
grep -q '^PASS  check-every-kernel' "$work/rehearsed/summary.txt" || say "no kernel was checked"
! grep -E '^SKIP +[a-z-]+: *$' "$work/rehearsed/summary.txt" || say "skipped without a reason"
[ "$(find "$work/rehearsed" -type f | wc -l)" -le 8 ] || say "more than 8 files"
[ -z "$(find "$work/rehearsed" -size +16M)" ] || say "a file of more than 16 MiB"
