#!/usr/bin/env bash
# sanitize.sh SANITIZERS LABELS [NOT]: builds beside this build with them what the tests of these
# labels (a,b) run, and runs those whose names do not match NOT. Memory needs clang: gcc has no
# MemorySanitizer.
set -euo pipefail
sanitizers=$1 labels=$2 without=${3:-^$}
compiler=()
if [ "$sanitizers" = memory ]; then
  for version in -14 ""; do
    command -v "clang$version" >/dev/null && command -v "clang++$version" >/dev/null && break
    version=none
  done
  if [ "$version" = none ]; then
    echo "SKIP: MemorySanitizer is clang's, and there is no clang here"
    exit 77
  fi
  compiler=("-DCMAKE_C_COMPILER=clang$version" "-DCMAKE_CXX_COMPILER=clang++$version")
fi
build=$WHY_TEST_BUILD/sanitize-${sanitizers//,/-}
cmake -S "$WHY_TEST_SOURCE" -B "$build" "${compiler[@]}" "-DWHYCPU_SANITIZE=$sanitizers" \
  -DBUILD_TESTING=ON -DWHYCPU_WERROR=OFF >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
IFS=, read -ra names <<<"$labels"
cmake --build "$build" --parallel 2 --target "${names[@]/%/_tests}" >"$build.log" 2>&1 || { tail -n 50 "$build.log"; exit 1; }
# Fibers switch stacks under ASan's feet; a leak, a wild read or an overflow is a failure.
export ASAN_OPTIONS=detect_stack_use_after_return=0:strict_string_checks=1
# oneDNN's thread-locals in OpenMP's workers crash the leak check; without thread-locals OpenMP's own,
# and the loader's last error, look leaked.
printf 'leak:%s\n' libgomp _dlerror_run _dl_exception_create >"$build.suppressions"
export LSAN_OPTIONS=use_tls=0:suppressions=$build.suppressions:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$build" --parallel 2 --output-on-failure --no-tests=error -L "^(${labels//,/|})\$" -E "$without"
