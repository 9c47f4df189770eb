#!/usr/bin/env bash
# Fuzzes one reader of foreign bytes: run.sh NAME SECONDS takes fuzz_NAME.c. run.sh --build compiles
# what all of them link, when a source is newer. Needs clang with libFuzzer; 77 without it.
#
# A fuzz_NAME.c may write first inputs into the folder $FUZZ_SEEDS from LLVMFuzzerInitialize, and
# tests/fuzz/seeds/NAME may hold more. What made it fall over is left in the folder that it says.
set -euo pipefail
source=$WHY_TEST_SOURCE
work=$WHY_TEST_BUILD/tests/fuzz
clang=${FUZZ_CLANG:-clang-14}
flags=(-std=gnu17 -g -O1 "-fsanitize=fuzzer-no-link,address,undefined" -fno-sanitize-recover=all
       -I"$source/host" -I"$source/tests" -iquote "$source/tests/doctor"
       -iquote "$WHY_TEST_BUILD/generated")
read -ra found <<< "${FUZZ_DEFINITIONS:-}"
flags+=("${found[@]}")
for folder in "$source/host/doctor" "$source"/host/doctor/*/; do flags+=(-iquote "$folder"); done
mkdir -p "$work"
cd "$work"

trial='int LLVMFuzzerTestOneInput(const char *a, long b) { return a && b > 0 ? 0 : 0; }'
if ! "$clang" -x c -fsanitize=fuzzer,address - -o trial <<< "$trial" 2> trial.log; then
  echo "SKIP: $clang with libFuzzer is not here"
  exit 77
fi

build() {
  local newer
  newer=$([ -e parts.a ] && find "$source/host" "$source/tests/doctor" "$WHY_TEST_BUILD/generated" \
          -name '*.[ch]' -newer parts.a -print -quit || echo none)
  [ -n "$newer" ] || return 0
  rm -rf objects parts.a
  mkdir objects
  # shellcheck disable=SC2016 # expanded by the inner shell
  printf '%s\0' "$source"/host/doctor/*.c "$source"/host/doctor/*/*.c \
    "$source"/host/{json*,human,names,plugins}.c \
    "$source"/tests/doctor/{elf_writer,tree}.c "$WHY_TEST_BUILD/generated/tables.c" |
    xargs -0 -P "$(nproc)" -I {} bash -c \
      'out=objects/$(basename "$1" .c).o; shift; exec "$@" -o "$out"' - {} \
      "$clang" "${flags[@]}" -c {}
  ar rcs parts.a objects/*.o
}

exec 9> lock
flock 9
build
exec 9>&-
[ "$1" != --build ] || exit 0

name=$1 seconds=$2
read -ra libraries <<< "${FUZZ_LIBRARIES:-}"
"$clang" "${flags[@]}" -fsanitize=fuzzer "$source/tests/fuzz/fuzz_$name.c" parts.a \
  "${libraries[@]}" -ldl -lm -lpthread -o "fuzz_$name"
rm -rf "run_$name"
mkdir -p "run_$name/seeds" "run_$name/corpus"
cd "run_$name"
more=()
[ ! -d "$source/tests/fuzz/seeds/$name" ] || more=("$source/tests/fuzz/seeds/$name")
export FUZZ_SEEDS=$PWD/seeds
if ! "../fuzz_$name" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=5 -print_final_stats=1 \
     corpus seeds "${more[@]}" > log 2>&1; then
  tail -60 log
  echo "what did it: $PWD"
  exit 1
fi
tail -8 log
