#!/usr/bin/env bash
# The commit in the program is this checkout's, follows a new commit, and costs no rebuild when it
# is the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "version.sh: $*" >&2; exit 1; }
script=$WHY_TEST_SOURCE/cmake/version.cmake
write() { cmake -D "SOURCE=$work/tree" -D "OUT=$work/version.h" -D VERSION=1.2.3 -P "$script"; }
unset WHYCPU_COMMIT
mkdir "$work/tree"

write
grep -qx '#define WHY_VERSION "1.2.3"' "$work/version.h" || say "no version"
grep -qx '#define WHY_COMMIT "unknown"' "$work/version.h" || say "a tree without git has a commit"
WHYCPU_COMMIT=abc123 write
grep -qx '#define WHY_COMMIT "abc123"' "$work/version.h" || say "WHYCPU_COMMIT was not taken"

command -v git >/dev/null || { echo "SKIP: no git for the second half"; exit 77; }
git() { command git -C "$work/tree" -c user.name=test -c user.email=test@localhost "$@"; }
git init -q
git commit -q --allow-empty -m one
write
first=$(git rev-parse --short=12 HEAD)
grep -qx "#define WHY_COMMIT \"$first\"" "$work/version.h" || say "not the commit $first"
touch -d '2020-01-01' "$work/version.h"
write
[ "$(stat -c %Y "$work/version.h")" = "$(date -d 2020-01-01 +%s)" ] || say "written without need"
git commit -q --allow-empty -m two
write
! grep -q "$first" "$work/version.h" || say "a new commit was not noticed"
