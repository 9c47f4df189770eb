#!/usr/bin/env bash
# A build with nothing but the two compilers builds, runs, and has a row with its reason for each
# kernel of each backend that it has not; then each part left out alone.
set -euo pipefail
build=$WHY_TEST_BUILD/absent
say() { echo "absent.sh: $*" >&2; exit 1; }
compile() { # WITHOUT
  cmake -S "$WHY_TEST_SOURCE" -B "$build" -DBUILD_TESTING=OFF "-DWHYCPU_WITHOUT=$1" &&
    cmake --build "$build" --parallel 2
}

for without in "cuda;cublas;cudnn;openblas;onednn;hwloc;minpack" cublas openblas onednn hwloc minpack; do
  rm -rf "$build"
  compile "$without" >"$build.log" 2>&1 || { tail -n 50 "$build.log"; say "no build without $without"; }
  "$build/bin/whycpu" list >/dev/null || say "without $without: whycpu list: status $?"
  for problem in "gemm m=64 n=64 k=64" "conv2d n=1 c=8 h=8 w=8 k=8 r=3 s=3"; do
    "$build/bin/whycpu" explain "$problem" || say "without $without: whycpu explain: status $?"
  done >"$build.out"
  "$build/bin/whycpu" machine >"$build.machine" || say "without $without: whycpu machine: status $?"
  for part in ${without//;/ }; do
    case $part in hwloc | minpack) continue ;; esac # no kernels of their own
    [ ! -e "$build/lib/whycpu/libwhycpu-$part.so" ] || say "$part was built all the same"
    grep -q "$part" "$build.out" || say "without $without: no row of $part in explain"
  done
  if [[ $without == *openblas* ]]; then
    grep -q "left out by WHYCPU_WITHOUT" "$build.machine" || say "the reason for openblas is lost"
  fi
done
rm -rf "$build" "$build".*
