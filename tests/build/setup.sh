#!/usr/bin/env bash
# tools/setup.sh on machines that lack things: a folder of links is all the PATH it gets, and a fake
# apt-get writes down what it was asked for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "setup.sh: $*" >&2; cat "$work/said" >&2; exit 1; }
mkdir "$work/bin"
for tool in bash env id sed awk cut grep cat dirname; do ln -s "$(command -v $tool)" "$work/bin/"; done

# setup STATUS PURPOSE: runs it, keeps what it said, expects the status.
setup() {
  local status=0
  env -i HOME=/ PATH="$work/bin" ${no_install:+WHYCPU_NO_INSTALL=1} \
    bash "$WHY_TEST_SOURCE/tools/setup.sh" "$2" >"$work/said" 2>&1 || status=$?
  [ "$status" = "$1" ] || say "status $status, not $1"
}
says() { grep -qF -- "$1" "$work/said" || say "does not say: $1"; }
quiet() { ! grep -qF -- "$1" "$work/said" || say "says: $1"; }

setup 2 everything
says "build or test is right"

# Nothing at all, and nothing to install it with.
setup 3 build
says "no apt-get here"
says "nothing can be built without gcc"
[ "$(grep -c 'nothing can be built' "$work/said")" = 1 ] || say "more than one last line"

# With an apt-get that is not to be used.
cat >"$work/bin/apt-get" <<'APT'
#!/usr/bin/env bash
echo "$*" >>"$(dirname "$0")/asked"
case $1 in
  install) [ -e "$(dirname "$0")/updated" ] || [ ! -e "$(dirname "$0")/stale" ] ;;
  update) touch() { :>"$1"; }; touch "$(dirname "$0")/updated" ;;
esac
APT
# shellcheck disable=SC2016 # for that script to expand
printf '#!/usr/bin/env bash\n[ ! -e "$(dirname "$0")/empty" ]\n' >"$work/bin/apt-cache"
chmod +x "$work/bin/apt-get" "$work/bin/apt-cache"
no_install=1 setup 3 build
says "WHYCPU_NO_INSTALL is set; as root: apt-get install -y --no-install-recommends gcc g++ cmake"
[ ! -e "$work/bin/asked" ] || say "apt-get was called all the same"

# What can serve does: a compiler and a CMake are there, libraries are not (-nostdinc hides them).
for tool in gcc cc c++ g++ ld as; do
  printf '#!%s\nexec %s -nostdinc "$@"\n' "$BASH" "$(command -v cc)" >"$work/bin/$tool"
  chmod +x "$work/bin/$tool"
done
ln -s "$(command -v cmake)" "$work/bin/"
no_install=1 setup 0 build
says "going on without libhwloc-dev: threads are not bound"
quiet "libcmocka-dev"
no_install=1 setup 0 test
says "going on without libcmocka-dev: the unit tests are skipped"

# A CMake that is too old is none.
rm "$work/bin/cmake"
printf '#!/usr/bin/env bash\necho cmake version 3.18.4\n' >"$work/bin/cmake"
chmod +x "$work/bin/cmake"
no_install=1 setup 3 build
says "nothing can be built without cmake"

# Only root installs. Whoever runs this test, id says who.
identity() {
  rm -f "$work/bin/id"
  printf '#!/usr/bin/env bash\necho %s\n' "$1" >"$work/bin/id"
  chmod +x "$work/bin/id"
}
identity 1000
setup 3 build
says "only root can install it"
[ ! -e "$work/bin/asked" ] || say "apt-get was called by a user"
identity 0
setup 3 build # this apt-get installs nothing, so cmake is still missing after it
says "missing; running: apt-get install"
grep -q '^install' "$work/bin/asked" || say "root did not install"
! grep -q '^update' "$work/bin/asked" || say "updated without need"
# Old lists: the first try fails, lists are fetched, the second works.
rm "$work/bin/asked" && : >"$work/bin/stale"
setup 3 build
[ "$(cut -d' ' -f1 "$work/bin/asked" | tr '\n' ' ')" = "install update install " ] ||
  say "with old lists it asked: $(cat "$work/bin/asked")"
# No lists: they are fetched first.
rm "$work/bin/asked" && : >"$work/bin/empty"
setup 3 build
[ "$(cut -d' ' -f1 "$work/bin/asked" | tr '\n' ' ')" = "update install " ] ||
  say "without lists it asked: $(cat "$work/bin/asked")"
