#!/usr/bin/env bash
# The configure step: what it says to a wrong option and to a compiler that does not work, and that
# it builds without what it may build without.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "options.sh: $*" >&2; cat "$work/said" >&2; exit 1; }
# configure STATUS arguments...: in a fresh build folder; what it said, in one line, is kept.
configure() {
  local expected=$1 status=0
  shift
  rm -rf "$work/build"
  cmake -S "$WHY_TEST_SOURCE" -B "$work/build" -DBUILD_TESTING=OFF "$@" >"$work/raw" 2>&1 || status=1
  tr -s ' \n' '  ' <"$work/raw" >"$work/said"
  [ "$status" = "$expected" ] || say "$*: status $status, not $expected"
}
says() { grep -qF -- "$1" "$work/said" || say "does not say: $1"; }
absent() { grep -qF -- "$1" "$work/build/generated/absent.def" || say "absent.def has no $1"; }

configure 1 '-DWHYCPU_WITHOUT=openblas;mkl'
says "WHYCPU_WITHOUT=mkl: no such part; there are cuda, cublas, cudnn, openblas, onednn, hwloc, minpack"

configure 0 '-DWHYCPU_WITHOUT=cuda;cublas;cudnn;openblas;onednn;hwloc;minpack'
for backend in cuda cublas cudnn openblas onednn; do
  says "backend $backend not built: left out by WHYCPU_WITHOUT"
  absent "ABSENT($backend, \"left out by WHYCPU_WITHOUT\")"
done
says "library hwloc not used: left out by WHYCPU_WITHOUT"

# A compiler that refuses the host's: its own words, and a build without it.
cat >"$work/nvcc" <<'NVCC'
#!/usr/bin/env bash
if [ "$1" = --version ]; then echo V12.0.1; exit; fi
echo '#error -- unsupported "GNU" version!' >&2
exit 1
NVCC
chmod +x "$work/nvcc"
CUDACXX=$work/nvcc configure 0 '-DWHYCPU_WITHOUT=cublas'
says "nvcc cannot compile: #error -- unsupported \"GNU\" version!"
absent "ABSENT(cuda, \"$work/nvcc cannot compile: #error -- unsupported \\\"GNU\\\" version!\")"

# Not a program at all: said, and what there is is taken.
CUDACXX=$work/none configure 0 '-DWHYCPU_WITHOUT=cublas'
says "CUDACXX=$work/none is no program"

configure 0 -DWHYCPU_CUDA_ARCHITECTURES=all
if grep -q 'backend cuda nvcc' "$work/said"; then
  says "sm_75 sm_80 sm_86 sm_89 sm_90a"
  configure 1 -DWHYCPU_CUDA_ARCHITECTURES=74
  says "WHYCPU_CUDA_ARCHITECTURES: nvcc"
  says "has no 74"
fi
