#!/usr/bin/env bash
# Fetches the Debian packages of what a GPU machine without a network may lack (OpenBLAS, oneDNN,
# hwloc, MINPACK, libelf, cmocka) into one archive in .packages/, which travels with the checkout; CMake unpacks it
# into the build folder and looks there. Installs nothing, needs no root, keeps it under 64 MiB.
# cuDNN and cuBLAS are left out: each is far larger than that. So is libarchive: it brings a dozen more.
set -euo pipefail
usage="usage: carry.sh: fetches packages of 25 MB into .packages/; it takes no arguments"
if [ "$*" = --help ]; then echo "$usage"; exit; fi
[ $# = 0 ] || { echo "$usage" >&2; exit 2; }
cd "$(dirname "$0")/.."
packages=(libopenblas0-pthread libopenblas-pthread-dev libgfortran5 libquadmath0
  libcminpack1 libcminpack-dev libdnnl2 libdnnl-dev libgomp1 ocl-icd-libopencl1 libhwloc15 libhwloc-dev libudev1
  libcmocka0 libcmocka-dev libelf1 libelf-dev)
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "carry.sh: needs apt-get and dpkg: run it on Debian or Ubuntu, then carry .packages/" >&2
  exit 3
fi
folder=$PWD/.packages
rm -rf "$folder"
mkdir -p "$folder/fetched"
(cd "$folder/fetched" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${packages[@]}") || {
  echo "carry.sh: apt-get could not fetch ${packages[*]}; perhaps 'apt-get update' first" >&2
  rm -rf "$folder"
  exit 3
}
for package in "$folder"/fetched/*.deb; do dpkg -x "$package" "$folder"; done
rm -rf .packages/fetched .packages/usr/share .packages/usr/bin
# Static libraries and LAPACK are most of the size. The alternatives' links name absolute paths.
find "$folder" \( -name '*.a' -o -name 'liblapack*' -o -name 'libblas*' \) -delete
find "$folder" -type l -lname '/*' -delete
tar -czf "$folder/packages.tar.gz" -C "$folder" usr # oneDNN and OpenBLAS alone are 73 MiB unpacked
rm -rf .packages/usr
megabytes=$(du -sm "$folder" | cut -f1)
echo "carry.sh: .packages holds ${packages[*]}: $megabytes MiB" >&2
[ "$megabytes" -le 64 ] || { echo "carry.sh: that is more than the 64 MiB it may be" >&2; exit 3; }
