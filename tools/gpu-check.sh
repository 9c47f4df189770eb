#!/usr/bin/env bash
# Everything that only a machine with a GPU can show, in under nine minutes, into one folder of at
# most 8 files of at most 16 MiB. The steps stand in the order of what they tell: the last ones are
# cut short or skipped where the first took long.
#
# Needs no network and nothing outside the checkout. What the machine lacks may be carried in
# .packages/ (tools/carry.sh); a copy without .git can be told its commit in WHYCPU_COMMIT. Each step
# has a time limit and a line in summary.txt: PASS, FAIL with what it said, or SKIP with why. Status 1
# when a step failed or there is no GPU; --rehearse runs what can run without one, the kernels under
# emulation.
set -uo pipefail
usage="usage: gpu-check.sh FOLDER [--rehearse]: checks all that needs a GPU; results go to FOLDER"
command="tools/gpu-check.sh $*"
case ${1:-} in
  --help) echo "$usage"; exit 0 ;;
  '' | -*) echo "$usage" >&2; exit 2 ;;
esac
out=$1
rehearse=${2:-}
if [ $# -gt 2 ] || { [ -n "$rehearse" ] && [ "$rehearse" != --rehearse ]; }; then
  echo "$usage" >&2
  exit 2
fi
if ! { mkdir -p "$out" && out=$(cd "$out" && pwd) && : >"$out/summary.txt"; } 2>/dev/null; then
  echo "gpu-check.sh: cannot write to $1" >&2
  exit 3
fi
cd "$(dirname "$0")/.." || exit 3
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT

total=525 # seconds in all; a step that is over its limit gets up to 10 more to end
build="build-gpu"
program=$build/bin/whycpu
summary=$out/summary.txt
log=$out/log.txt
failed=0
: >"$log"
carried=$PWD/$build/.packages/usr/lib/x86_64-linux-gnu # CMake unpacks them there
if [ -e .packages/packages.tar.gz ]; then
  export LD_LIBRARY_PATH=$carried:$carried/openblas-pthread${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
export PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin

say() { echo "$*" | tee -a "$summary"; }
pass() { say "PASS  $1: $2"; }
skip() { say "SKIP  $1: $2"; }
fail() { say "FAIL  $1: $2"; failed=1; }
left() { echo $((total - SECONDS)); }

# run NAME LIMIT command...: its status, `took` seconds, what it said in $work/said, the last line of
# that in `last`. 124: over its limit. Not run with less than 15 s left of the whole: 99.
run() {
  local name=$1 limit=$2 start=$SECONDS status
  shift 2
  [ "$limit" -le "$(left)" ] || limit=$(left)
  [ "$limit" -ge 15 ] || return 99
  echo "==== $name, at most $limit s: $*" >>"$log"
  timeout -s INT -k 10 "$limit" "$@" >"$work/said" 2>&1 </dev/null
  status=$?
  [ $status != 137 ] || status=124 # it did not end when it was asked to
  cat "$work/said" >>"$log"
  took=$((SECONDS - start))
  last=$(grep -v '^[[:space:]]*$' "$work/said" | tail -n 1 | cut -c1-200)
  return $status
}

# step NAME LIMIT command...: a line in the summary; 77 skips with the command's last line.
step() {
  local status=0
  run "$@" || status=$?
  case $status in
    0) pass "$1" "$took s" ;;
    77) skip "$1" "$last" ;;
    99) skip "$1" "no time left of $total s" ;;
    124) fail "$1" "ran past its limit, stopped after $took s; last line: $last" ;;
    *) fail "$1" "status $status after $took s; last line: $last" ;;
  esac
  return $status
}

# bench FILE LIMIT SUITES options...: rows that were finished are worth keeping when the time is over.
bench() {
  local status=0 file=$1 limit=$2 suites=$3 rows=0
  shift 3
  run "bench-$file" "$limit" "$program" bench --suite "$suites" --precision 5 -o "$out/$file.csv" \
    --overwrite "$@" || status=$?
  [ ! -e "$out/$file.csv" ] || rows=$(($(wc -l <"$out/$file.csv") - 1))
  if [ $status = 99 ]; then
    skip "bench-$file" "no time left of $total s"
  elif [ $status = 0 ]; then
    pass "bench-$file" "$rows rows, $took s"
  elif [ $status = 124 ] && [ "$rows" -gt 0 ]; then
    pass "bench-$file" "$rows rows until it was stopped after $took s"
  else
    fail "bench-$file" "status $status after $took s, $rows rows; last line: $last"
  fi
}

# sanitize TOOL: the hand-written kernels, each on ten small problems in three transfer modes.
sanitize() {
  local status=0 refused
  if ! command -v compute-sanitizer >/dev/null; then
    skip "$1" "no compute-sanitizer here"
  elif [ ! -x $build/tests/gpu_plans ]; then
    skip "$1" "gpu_plans was not built"
  else
    run "$1" 45 compute-sanitizer --tool "$1" --report-api-errors no --error-exitcode 9 \
      $build/tests/gpu_plans every_kernel_of_cuda || status=$?
    refused=$(grep -m 1 -iE '^=+ .*(not supported|failed to initialize)' "$work/said")
    if [ $status = 99 ]; then
      skip "$1" "no time left of $total s"
    elif [ -n "$refused" ]; then
      skip "$1" "${refused##*= }"
    elif [ $status != 0 ]; then
      fail "$1" "status $status after $took s; last line: $last"
    elif ! grep -q '[^0-9]0 errors' "$work/said" || ! grep -q 'PASSED' "$work/said"; then
      fail "$1" "it does not say that all ran without errors; last line: $last"
    else
      pass "$1" "$took s"
    fi
  fi
}

# ---- the machine --------------------------------------------------------------------------------

commit=${WHYCPU_COMMIT:-$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)}
export WHYCPU_COMMIT=$commit
export XDG_CACHE_HOME=$work/cache # the calibration that `machine --measure` keeps
say "date     $(date -u +%Y-%m-%dT%H:%M:%SZ)"
say "commit   $commit"
say "command  $command"
gpu="no nvidia-smi"
if command -v nvidia-smi >/dev/null; then
  gpu=$(timeout 20 nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>&1 |
    head -n 1)
fi
capability=
if timeout 20 nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
  capability=$(cut -d, -f2 <<<"$gpu" | tr -cd 0-9)
  say "driver   $(cut -d, -f3 <<<"$gpu" | tr -d ' ')"
  pass gpu "$gpu"
elif [ -n "$rehearse" ]; then
  skip gpu "no GPU here: ${gpu:-nvidia-smi says nothing}"
else
  fail gpu "no GPU here: ${gpu:-nvidia-smi says nothing}"
  exit 1
fi
architecture=${capability:-90}
[ "$architecture" != 90 ] || architecture=90a # wgmma and the bulk copies exist in 90a alone
for words in "nvidia-smi -q" "nvcc --version" lscpu "numactl --hardware"; do
  echo "==== $words"
  # shellcheck disable=SC2086 # a program and its arguments
  timeout 20 $words
done >>"$log" 2>&1 </dev/null

# ---- building -----------------------------------------------------------------------------------

generator=()
if command -v ninja >/dev/null && [ ! -e $build/CMakeCache.txt ]; then generator=(-G Ninja); fi
step configure 90 cmake -S . -B $build "${generator[@]}" -DBUILD_TESTING=ON \
  "-DWHYCPU_CUDA_ARCHITECTURES=$architecture"
grep -E '^--   (backend|library) ' "$log" | tee -a "$summary"
# On past a failure: one test that does not compile must not keep the rest from being checked.
if [ -e $build/build.ninja ]; then on=(-k 0); else on=(-k); fi
step build 240 cmake --build $build --parallel "$(nproc)" -- "${on[@]}"
if [ ! -x $program ]; then
  say "gpu-check: without the program there is nothing to check"
  exit 1
fi

# ---- what the doctor says ------------------------------------------------------------------------

# Its whole text is in the log, and what this GPU is recorded as, in full: gpu.json of a capture.
# shellcheck disable=SC2317 # reached by `bash -c`, for timeout runs programs
doctor_says() {
  local status=0
  "$program" doctor || status=$?
  rm -rf "$work/capture"
  "$program" doctor --capture "$work/capture" && cat "$work/capture/.whycpu/gpu.json" || status=3
  return "$status"
}
export -f doctor_says
export program work
if [ -n "$capability" ]; then
  step doctor 60 bash -c doctor_says
else
  run doctor 60 bash -c doctor_says
  skip doctor "no GPU here; it says: $(grep -m 1 ' use the GPU\| using the GPU' "$work/said")"
fi

# ---- is it right --------------------------------------------------------------------------------

emulate=()
[ -n "$capability" ] || emulate=(--emulate)
step check-every-kernel 90 $program check "${emulate[@]}" --format csv -o "$out/check.csv"
if [ -n "$capability" ] && [ -e "$out/check.csv" ]; then
  absent() { grep -E "^[a-z0-9]+,$1:[^,]*,[^,]*,[^,]*,absent," "$out/check.csv" | head -n 1; }
  [ -z "$(absent cuda)" ] || fail every-cuda-kernel "a row is absent: $(absent cuda)"
  for library in cublas cudnn; do
    [ -z "$(absent $library)" ] || skip every-$library-kernel "a row is absent: $(absent $library)"
  done
fi

# A test that skips itself where there is a GPU has not seen it.
# shellcheck disable=SC2317 # reached by `bash -c`, for timeout runs programs
gpu_tests() {
  local status skipped
  ctest --test-dir "$build" --no-tests=error --output-on-failure --parallel 4 -L '^gpu$' |
    tee "$work/gpu"
  status=${PIPESTATUS[0]}
  skipped=$(awk '/\(Skipped\)/ { printf " %s", $3 }' "$work/gpu")
  [ -z "$skipped" ] || { echo "skipped:$skipped"; return 1; }
  return "$status"
}
export -f gpu_tests
export build work
if [ -n "$capability" ]; then
  step tests-on-the-gpu 100 bash -c gpu_tests
else
  run tests-on-the-gpu 60 bash -c gpu_tests
  skip tests-on-the-gpu "no GPU here; built, $last"
fi

# ---- how fast is it -----------------------------------------------------------------------------

# What is compared, and for how long, keeps a suite under 90 s on 16 cores: most of it is checking
# large results on the CPU. The plain loops run on one thread, so that their predictions say little.
if [ -n "$capability" ]; then
  # The file is for results/: named after the GPU, not after the host.
  step machine 80 $program machine --measure --time-budget 30 -o "$out/machine.json"
  name=$(cut -d, -f1 <<<"$gpu" | tr 'A-Z ' 'a-z-')
  [ ! -e "$out/machine.json" ] ||
    sed -i "0,/\"name\": \"[^\"]*\"/s//\"name\": \"$name\"/" "$out/machine.json"
  bench quick 80 quick --time-budget 0.1 --compare-limit 0.05
  compared=openblas:cblas,plain:avx512,cuda:register,cuda:vector,cuda:mma,cuda:warp,cuda:block
  compared+=,cuda:online,cublas:lt,cudnn:instance,cudnn:channel
  bench square 80 square --time-budget 0.1 --compare-limit 0.05 --compare $compared
  # Streamed plans against the law: the columns roof_percent, copy_in_s, work_s, copy_out_s, idle_s.
  bench memory 70 memory --device-memory 64MiB,512MiB --policy gpu-first --time-budget 0.1 \
    --compare cublas:lt,cudnn:graph,cuda:vector,cuda:mma,cuda:implicit
  # What a graph spares: the same requests of ten small calls, one by one and captured.
  bench graphs 30 small --submit calls,graph --iterations 10 --policy gpu-only --compare none \
    --time-budget 0.05
else
  step machine 30 $program machine -o "$out/machine.json"
  for suite in quick square memory graphs; do skip "bench-$suite" "no GPU here: no times"; done
fi

# ---- the rest -----------------------------------------------------------------------------------

# How good the fitted costs choose, on problems that they were not fitted to.
if [ -n "$capability" ]; then
  step regret 60 $program bench --regret --suite quick --compare-limit 0.02 --time-budget 0.02 \
    --threads all
  grep -E '^(regret|predicted)' "$work/said" | tee -a "$summary"
else
  skip regret "no GPU here: no times"
fi

# A wrong address, a race, a read of what was never written, a barrier that not all reach.
for tool in memcheck racecheck initcheck synccheck; do
  if [ -n "$capability" ]; then sanitize $tool; else skip $tool "no GPU here"; fi
done
step tests 120 ctest --test-dir $build --no-tests=error --parallel "$(nproc)" --output-on-failure \
  -L '^(unit|emulation|faults|explain|cli)$'
if [ -n "$capability" ]; then
  bench networks 90 resnet50,transformer --time-budget 0.1 \
    --compare cublas:lt,cudnn:graph,cuda:implicit,cuda:mma,onednn:direct
else
  skip bench-networks "no GPU here: no times"
fi

# The head and the tail of a log that is too long.
most=$((15 * 1024 * 1024))
if [ "$(stat -c %s "$log")" -gt $most ]; then
  { head -c $((most / 2)) "$log"; echo "[...]"; tail -c $((most / 2)) "$log"; } >"$work/log"
  mv "$work/log" "$log"
fi
say "gpu-check: $(grep -c '^PASS' "$summary") passed, $(grep -c '^FAIL' "$summary") failed," \
  "$(grep -c '^SKIP' "$summary") skipped in $SECONDS s; results in $out"
exit $failed
