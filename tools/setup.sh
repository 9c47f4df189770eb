#!/usr/bin/env bash
# Finds what is missing to build (`setup.sh build`) or to test (`setup.sh test`), prints the exact
# line that installs it, and as root on a Debian or Ubuntu runs that line. WHYCPU_NO_INSTALL=1 or
# another user: prints it, and goes on where what is there can serve. Status 3 where it cannot:
# without a C compiler, a C++ compiler or CMake nothing can be built.
set -euo pipefail
usage="usage: setup.sh [build|test]: finds and, as root, installs what is missing to build or to test"
purpose=${*:-build}
case $purpose in
  build | test) ;;
  --help) echo "$usage"; exit ;;
  *) echo "setup.sh: '$purpose': build or test is right" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

has_program() { command -v "$1" >/dev/null 2>&1; }
has_cmake() {
  has_program cmake && cmake --version |
    awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 25)) }'
}
has_header() { # as the compiler finds it; without one, where Debian puts it; or carried along
  local places=(/usr/include/*-linux-gnu/openblas-pthread /usr/include/openblas
    /usr/include/cminpack-1)
  local carried=.packages/packages.tar.gz
  if [ -e "$carried" ] && tar -tzf "$carried" | grep "/$1\$" >/dev/null; then return; fi
  if has_program cc; then
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
      cc -E "${places[@]/#/-I}" - >/dev/null 2>&1
  else
    compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/*-linux-gnu/$1" >/dev/null
  fi
}

# package              | for   | how it is known to be there       | without it
wanted() {
  cat <<'TABLE'
gcc                    | build | has_program cc                    | stop
g++                    | build | has_program c++                   | stop
cmake                  | build | has_cmake                         | stop
pkg-config             | build | has_program pkg-config            | libraries in unusual folders are not found
libopenblas-pthread-dev| build | has_header openblas_config.h      | the backend openblas is not built
libdnnl-dev            | build | has_header dnnl.h                 | the backend onednn is not built
libcminpack-dev        | build | has_header cminpack.h            | costs are not fitted: predictions rest on priors
libhwloc-dev           | build | has_header hwloc.h                | threads are not bound, NUMA nodes are not known
libelf-dev             | build | has_header libelf.h               | the doctor reads no shared libraries
libarchive-dev         | build | has_header archive.h              | the doctor reads no snapshots in one file
python3                | test  | has_program python3               | tests that read the output back are skipped
sqlite3                | test  | has_program sqlite3               | tests that read the CSV into a database are skipped
libcmocka-dev          | test  | has_header cmocka.h               | the unit tests are skipped
clang-14               | test  | has_program clang-14              | the MemorySanitizer tests are skipped
clang-format-14        | test  | has_program clang-format-14       | the format test is skipped
clang-tidy-14          | test  | has_program clang-tidy-14         | the lint test is skipped
TABLE
}

missing() { # PACKAGE|CONSEQUENCE lines of what is not there
  local package for check consequence
  while IFS='|' read -r package for check consequence; do
    for=${for// /}
    [ "$for" = build ] || [ "$purpose" = test ] || continue
    # shellcheck disable=SC2086 # a check is a function and its argument
    $check || echo "${package// /}|${consequence# }"
  done < <(wanted)
}

lacking=$(missing)
[ -n "$lacking" ] || exit 0
mapfile -t packages < <(cut -d'|' -f1 <<<"$lacking")
line="apt-get install -y --no-install-recommends ${packages[*]}"

install() {
  # Lists that were never fetched know no package; old ones name files that are gone.
  if ! apt-cache show "${packages[0]}" >/dev/null 2>&1; then
    echo "setup: apt has no list of packages yet; running: apt-get update" >&2
    apt-get update >&2 || return
  fi
  DEBIAN_FRONTEND=noninteractive $line >&2 </dev/null && return
  echo "setup: that failed, perhaps on an old list of packages; running: apt-get update" >&2
  apt-get update >&2 || return
  DEBIAN_FRONTEND=noninteractive $line >&2 </dev/null
}

if [ -n "${WHYCPU_NO_INSTALL:-}" ]; then
  echo "setup: missing, and not installed since WHYCPU_NO_INSTALL is set; as root: $line" >&2
elif ! has_program apt-get; then
  echo "setup: missing, and there is no apt-get here; under Debian's names: ${packages[*]}" >&2
elif [ "$(id -u)" != 0 ]; then
  echo "setup: missing, and only root can install it; as root: $line" >&2
else
  echo "setup: missing; running: $line" >&2
  install || echo "setup: could not install everything; the lines above are apt-get's own" >&2
  lacking=$(missing)
fi

while IFS='|' read -r package consequence; do
  [ -n "$package" ] || continue
  if [ "$consequence" = stop ]; then
    echo "setup: nothing can be built without $package" >&2
    exit 3
  fi
  echo "setup: going on without $package: $consequence" >&2
done <<<"$lacking"
