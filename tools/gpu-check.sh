#!/usr/bin/env bash
# Everything that only a machine with a GPU can show, in under nine minutes, into one folder of at
# most 8 files of at most 16 MiB. Usage: gpu-check.sh OUTDIR [--rehearse]
#
# Needs no network and nothing outside the checkout. What the machine lacks may be carried in
# .packages/ (tools/carry.sh). Each step has a time limit and a line in summary.txt: PASS, FAIL with
# what it said, or SKIP with why. Status 1 when a step failed or there is no GPU; --rehearse runs
# what can run without one, the kernels under emulation.
set -uo pipefail
out=${1:?gpu-check.sh OUTDIR [--rehearse]}
rehearse=${2:-}
if [ -n "$rehearse" ] && [ "$rehearse" != --rehearse ]; then
  echo "gpu-check.sh: '$rehearse': --rehearse is right, or nothing" >&2
  exit 2
fi
cd "$(dirname "$0")/.." || exit 3
if ! mkdir -p "$out" || ! out=$(cd "$out" && pwd) || ! : >"$out/summary.txt"; then
  echo "gpu-check.sh: cannot write to $out" >&2
  exit 3
fi
summary="$out/summary.txt"
log="$out/log.txt"
: >"$log"

total=530 # seconds; the last steps are cut short or skipped where the first took long
build="build-gpu"
program=$build/bin/whycpu
failed=0
carried=$PWD/.packages/usr/lib/x86_64-linux-gnu
if [ -d "$carried" ]; then
  export LD_LIBRARY_PATH=$carried:$carried/openblas-pthread${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

say() { echo "$*" | tee -a "$summary"; }
left() { echo $((total - SECONDS)); }
skip() { say "SKIP  $1: $2"; }
# step NAME LIMIT command...: 0 passes, 77 skips with the command's last line.
step() {
  local name=$1 limit=$2 start=$SECONDS status said
  shift 2
  if [ "$(left)" -lt 15 ]; then
    skip "$name" "no time left of $total s"
    return 1
  fi
  [ "$limit" -lt "$(left)" ] || limit=$(left)
  echo "==== $name: $*" >>"$log"
  timeout -k 5 "$limit" "$@" >"$out/step" 2>&1 </dev/null
  status=$?
  cat "$out/step" >>"$log"
  said=$(grep -v '^[[:space:]]*$' "$out/step" | tail -n 1 | cut -c1-200)
  rm -f "$out/step"
  case $status in
    0) say "PASS  $name: $((SECONDS - start)) s" ;;
    77) skip "$name" "$said" ;;
    124 | 137) say "FAIL  $name: ran past its $limit s; last line: $said" && failed=1 ;;
    *) say "FAIL  $name: status $status after $((SECONDS - start)) s; last line: $said" && failed=1 ;;
  esac
  return "$status"
}

# The GPU, or what this machine says in its place.
gpu="no nvidia-smi"
if command -v nvidia-smi >/dev/null; then
  gpu=$(nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>&1 | head -n 1)
fi
capability=$(grep -oE '[0-9]+\.[0-9]+' <<<"$(cut -d, -f2 <<<"$gpu")" | head -n 1)
capability=${capability/./}
if ! nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
  capability=
  if [ -z "$rehearse" ]; then
    say "FAIL  gpu: no GPU here: ${gpu:-nvidia-smi says nothing}"
    exit 1
  fi
  say "SKIP  gpu: no GPU here: ${gpu:-nvidia-smi says nothing}"
else
  say "PASS  gpu: $gpu"
fi
architecture=${capability:-90}
[ "$architecture" != 90 ] || architecture=90a # wgmma and the bulk copies exist in 90a alone
{
  nvidia-smi -q
  nvcc --version
  lscpu
  numactl --hardware
} >"$out/system.txt" 2>&1 </dev/null

generator=()
if command -v ninja >/dev/null && [ ! -e "$build/CMakeCache.txt" ]; then generator=(-G Ninja); fi
step configure 60 cmake -S . -B "$build" "${generator[@]}" -DBUILD_TESTING=ON \
  "-DWHYCPU_CUDA_ARCHITECTURES=$architecture"
grep -E '^--   (backend|library) ' "$log" | tee -a "$summary"
# On past a failure: one test that does not compile must not keep the rest from being checked.
if [ -e "$build/build.ninja" ]; then on=(-k 0); else on=(-k); fi
step build 240 cmake --build "$build" --parallel "$(nproc)" -- "${on[@]}"
if [ ! -x "$program" ]; then
  say "gpu-check: without the program there is nothing to check"
  exit 1
fi
[ -n "$capability" ] || emulate=--emulate

labels='^(unit|emulation|faults|explain|cli)$'
step tests 120 ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure -L "$labels"
if [ -n "$capability" ]; then
  step tests-on-the-gpu 120 ctest --test-dir "$build" --output-on-failure -L '^gpu$'
else
  skip tests-on-the-gpu "no GPU here"
fi
step check-every-kernel 90 "$program" check ${emulate:+"$emulate"} --format csv -o "$out/check.csv"

# A wrong address, a race, a read of what was never written, a barrier that not all reach.
for tool in memcheck racecheck initcheck synccheck; do
  if [ -z "$capability" ]; then
    skip "$tool" "no GPU here"
  elif ! command -v compute-sanitizer >/dev/null; then
    skip "$tool" "no compute-sanitizer here"
  else
    # shellcheck disable=SC2016 # the inner shell's arguments
    step "$tool" 45 bash -c '
      compute-sanitizer --tool "$1" --error-exitcode 9 "$2" check --quick 2>&1 | tee "$3"
      status=${PIPESTATUS[0]}
      line=$(grep -m 1 -iE "device not supported|not supported on|failed to initialize" "$3")
      rm -f "$3"
      [ -z "$line" ] || { echo "$line"; exit 77; }
      exit $status' sanitize "$tool" "$program" "$out/sanitizer"
  fi
done

if [ -n "$capability" ]; then
  step machine 60 "$program" machine --measure --format json -o "$out/machine.json"
  for suite in quick square transformer; do
    step "bench-$suite" 150 "$program" bench --suite "$suite" --format csv -o "$out/$suite.csv"
  done
else
  step machine 30 "$program" machine --format json -o "$out/machine.json"
  for suite in quick square transformer; do skip "bench-$suite" "no GPU here: no times"; done
fi

# The head and the tail of a log that is too long.
most=$((15 * 1024 * 1024))
if [ "$(stat -c %s "$log")" -gt $most ]; then
  { head -c $((most / 2)) "$log"; echo "[...]"; tail -c $((most / 2)) "$log"; } >"$log.cut"
  mv "$log.cut" "$log"
fi
say "gpu-check: $(grep -c '^PASS' "$summary") passed, $(grep -c '^FAIL' "$summary") failed," \
  "$(grep -c '^SKIP' "$summary") skipped in $SECONDS s; results in $out"
exit $failed
