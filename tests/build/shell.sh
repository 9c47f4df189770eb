#!/usr/bin/env bash
# The shell scripts are what shellcheck takes for sound, where it is there; else at least parsed.
set -euo pipefail
cd "$WHY_TEST_SOURCE"
mapfile -t scripts < <(find tools tests .ci -type f \( -name '*.sh' -o -path '.ci/run' \))
for script in "${scripts[@]}"; do bash -n "$script"; done
if ! command -v shellcheck >/dev/null; then
  echo "parsed only, no shellcheck here: ${#scripts[@]} scripts"
  exit 0
fi
shellcheck "${scripts[@]}"
