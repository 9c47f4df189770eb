#!/usr/bin/env bash
# clang-tidy over what a build folder compiles of host/, bench/ and kernels/ (the .cu files through
# the emulation headers). Checks: .clang-tidy.
set -euo pipefail
usage="usage: tidy.sh [--quick] BUILD [REGEX]: lints what the folder BUILD compiles, or those paths of it"
deep=() extra=()
if [ "${1:-}" = --quick ]; then # paths through a function are followed a twentieth as far: an eighth of the time
  deep=(-analyzer-config max-nodes=10000)
  shift
fi
case ${1:-} in
  --help) echo "$usage"; exit ;;
  '' | -*) echo "$usage" >&2; exit 2 ;;
esac
if [ $# -gt 2 ] || [ ! -e "$1/compile_commands.json" ]; then
  echo "$usage" >&2
  exit 2
fi
build=$1
root=$(cd "$(dirname "$0")/.." && pwd)
chosen=${2:-.}
for tool in clang-tidy-14 clang-tidy; do
  command -v "$tool" >/dev/null && break
  tool=
done
if [ -z "$tool" ] || ! command -v python3 >/dev/null; then
  echo "SKIP: clang-tidy or python3 is not here" >&2
  exit 77
fi
# Each file once, and what nvcc compiles not at all: clang cannot read CUDA 13's headers.
files=$(python3 - "$build/compile_commands.json" "$root" "$chosen" <<'PYTHON'
import json, re, sys
commands, root, chosen = sys.argv[1:]
files = {c["file"] for c in json.load(open(commands)) if "nvcc" not in c["command"].split()[0]}
ours = re.compile(re.escape(root) + "/(host|bench|kernels)/|.*/generated/emulated/")
print("\n".join(sorted(f for f in files if ours.match(f) and re.search(chosen, f))))
PYTHON
)
[ -n "$files" ] || { echo "tidy.sh: $build compiles nothing that matches '$chosen'" >&2; exit 2; }
for word in "${deep[@]}"; do extra+=("--extra-arg=-Xclang" "--extra-arg=$word"); done
xargs -P "$(nproc)" -n 1 "$tool" -p "$build" --quiet --warnings-as-errors='*' "${extra[@]}" \
  --header-filter="^$root/(host|bench|kernels)/" 2> >(grep -v 'warnings generated\.$' >&2) <<<"$files"
