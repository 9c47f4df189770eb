#!/usr/bin/env bash
# Formats the sources (-i) or fails where they are not formatted (--check). Version 14, Debian 12's:
# others break lines elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: format.sh -i | --check: formats the sources, or fails where they are not formatted"
case $* in
  -i) how=(-i) ;;
  --check) how=(--dry-run -Werror) ;;
  --help) echo "$usage"; exit ;;
  *) echo "format.sh: '$*': -i or --check is right" >&2; exit 2 ;;
esac
for tool in clang-format-14 clang-format; do
  if command -v "$tool" >/dev/null && "$tool" --version | grep -q 'version 14\.'; then
    find host kernels bench tests \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.cu' \
      -o -name '*.cuh' \) -print0 | xargs -0 -r "$tool" "${how[@]}"
    exit
  fi
done
echo "SKIP: no clang-format 14 here" >&2
exit 77
