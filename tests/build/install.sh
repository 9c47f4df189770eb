#!/usr/bin/env bash
# An installed tree runs from anywhere: installed, moved, run from another folder without the build,
# and a program compiled against it through pkg-config.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$WHY_TEST_BUILD" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
cd /
say() { echo "install.sh: $*" >&2; exit 1; }

for file in bin/whycpu include/whycpu.h include/reasons.def lib/libwhycpu.so \
  lib/pkgconfig/whycpu.pc share/whycpu/suites/quick.suite; do
  [ -e "$work/moved/$file" ] || say "no $file was installed"
done
grep -rIl "$work/first\|$WHY_TEST_BUILD\|$WHY_TEST_SOURCE" "$work/moved" &&
  say "these name the folder that they were built or installed in"
unset LD_LIBRARY_PATH
whycpu=$work/moved/bin/whycpu
for row in "ops gemm" "ops softmax" "suites quick" "machines h200"; do
  "$whycpu" list "${row% *}" | grep -q "^${row#* }\b" || say "'whycpu list ${row% *}' has no ${row#* }"
done
# The plug-ins, too, are found from the moved tree: what may be absent is not absent as a file.
"$whycpu" machine >"$work/machine" || say "whycpu machine: status $?"
for plugin in "$work/moved"/lib/whycpu/libwhycpu-*.so; do
  backend=$(basename "$plugin" .so)
  grep "^backend ${backend#libwhycpu-} .*BACKEND_ABSENT" "$work/machine" &&
    say "$backend is installed and was not loaded"
done

command -v pkg-config >/dev/null || { echo "SKIP: no pkg-config for the second half"; exit 77; }
cat >"$work/user.c" <<'C'
#include <stdio.h>
#include <whycpu.h>
int main(void) {
  struct why_machine *machine;
  if (why_open(NULL, &machine) != WHY_OK) return 1;
  printf("%d ops, %s\n", why_op_count(), why_name(WHY_OK));
  why_close(machine);
  return 0;
}
C
export PKG_CONFIG_PATH=$work/moved/lib/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs whycpu)"
${CC:-cc} -Wall -Wextra -Werror -o "$work/user" "$work/user.c" "${flags[@]}" \
  "-Wl,-rpath,$work/moved/lib"
"$work/user" | grep -q '^[2-9] ops, OK$' || say "a program built by pkg-config printed something else"
