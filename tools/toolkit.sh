#!/usr/bin/env bash
# Fetches a CUDA compiler, runtime, cuBLAS and cuDNN as Python wheels into .toolkit/ of this
# checkout, without root; the next build finds it there. Versions and hashes: toolkit.txt.
set -euo pipefail
usage="usage: toolkit.sh: fetches a CUDA toolkit of 0.9 GB into .toolkit/; it takes no arguments"
if [ "$*" = --help ]; then echo "$usage"; exit; fi
[ $# = 0 ] || { echo "$usage" >&2; exit 2; }
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null || ! "$python" -m pip --version >/dev/null 2>&1; then
  echo "toolkit: needs python3 with pip; as root on Debian:" \
    "apt-get install -y --no-install-recommends python3-pip" >&2
  exit 3
fi
if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
  echo "toolkit: the wheels are for Linux on x86-64, this is $(uname -s) on $(uname -m)" >&2
  exit 3
fi

# Whole or not at all: an interrupted download must not look like a toolkit.
mkdir -p .toolkit
partial=.toolkit/partial
rm -rf "$partial"
trap 'rm -rf "$partial"' EXIT
echo "toolkit: fetching 0.9 GB" >&2
PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check \
  --no-deps --only-binary=:all: --no-compile --require-hashes --target "$partial" -r tools/toolkit.txt
[ -x "$partial/nvidia/cu13/bin/nvcc" ] || { echo "toolkit: the wheels hold no nvcc" >&2; exit 3; }
find .toolkit -mindepth 1 -maxdepth 1 ! -name partial -exec rm -rf {} +
mv "$partial"/* .toolkit/
nvcc=.toolkit/nvidia/cu13/bin/nvcc
echo "toolkit: $nvcc, $("$nvcc" --version | sed -n 's/.*, \(V[0-9.]*\)$/\1/p')," \
  "$(du -sh .toolkit | cut -f1) in all. The next build takes it unless CUDACXX or CUDA_HOME names" \
  "another; a build folder that has a compiler already keeps it until 'make clean'." >&2
