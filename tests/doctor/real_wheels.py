"""Wheels as they are on PyPI, in a machine that is well otherwise: what the doctor says of each build.

Of a wheel only the files that the doctor reads are kept, below the build folder. CUDA's own
libraries are small stand-ins with the names that the wheels nvidia-* have.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

import elf
from frameworks import distribution, nvidia_wheels, python
from kinds import bare

CACHE = os.path.join(os.environ["WHY_TEST_BUILD"], "tests", "wheels")
PLATFORMS = [
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux1_x86_64",
]
KEPT = (
    "build_info.py",
    "version.py",
    "build_and_package_info.py",
    "METADATA",
    "libtensorflow_framework.so.2",
    "libtorch_cuda.so",
    "libtorch_cuda_linalg.so",
    "libtorch_nvshmem.so",
    "libc10_cuda.so",
    "libonnxruntime_providers_cuda.so",
    "xla_cuda_plugin.so",
)


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def fetch(wheel):
    """The kept files of "NAME==VERSION", as a folder."""
    folder = os.path.join(CACHE, wheel.replace("==", "-"))
    if os.path.isdir(folder):
        return folder
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            temporary,
        ]
        command += [
            "--only-binary=:all:",
            "--python-version",
            "3.11",
            "--disable-pip-version-check",
        ]
        command += [word for platform in PLATFORMS for word in ("--platform", platform)]
        done = subprocess.run([*command, wheel], capture_output=True, text=True, timeout=900)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            skip(f"{wheel} cannot be fetched: {last}")
        out = os.path.join(temporary, "kept")
        with zipfile.ZipFile(glob.glob(os.path.join(temporary, "*.whl"))[0]) as archive:
            for name in archive.namelist():
                if os.path.basename(name) in KEPT or name.endswith("/METADATA"):
                    archive.extract(name, out)
        os.rename(out, folder)
    return folder


def place(m, root, wheel):
    """Links the wheel's files into the packages of a written machine."""
    source = fetch(wheel)
    for folder, _, names in os.walk(source):
        to = root + m.site + folder[len(source) :]
        os.makedirs(to, exist_ok=True)
        for name in names:
            os.link(os.path.join(folder, name), os.path.join(to, name))


def machine(gpu, driver, cuda=None, cudnn=None, without=(), more=()):
    m = python(bare(gpu, driver))
    if cuda:
        nvidia_wheels(m, cuda, cudnn, without)
    for folder, soname in more:
        m.text(f"{m.site}/nvidia/{folder}/lib/{soname}", elf.shared(soname, ("libc.so.6",)))
    return m


A100, H100, B200 = "20f1", "2330", "2901"
CUDA_13 = [
    ("cu13", "libcufile.so.0"),
    ("cusparselt", "libcusparseLt.so.0"),
    ("nvshmem", "libnvshmem_host.so.3"),
]
# Wheels; the framework; the machine; the cause ("" none); words that its need has; words that none has.
CASES = [
    (
        ["tensorflow-cpu==2.16.1"],
        "tensorflow",
        machine(A100, "550.54.14"),
        "framework-cpu-only-build",
        "",
        "",
    ),
    (  # all but the runtime's folder is missing from the search path of the file that loads them
        ["tensorflow==2.16.1"],
        "tensorflow",
        machine(A100, "550.54.14", "12.3", "8.9.7.29"),
        "cuda-libs-not-on-path",
        "libcublas.so.12 libcudnn.so.8 libcusolver.so.11",
        "libcudart",
    ),
    (
        ["tensorflow==2.16.1"],
        "tensorflow",
        machine(A100, "550.54.14"),
        "cuda-libs-missing",
        "libcudart.so.12",
        "curand",
    ),
    (
        ["tensorflow==2.18.0"],
        "tensorflow",
        machine(A100, "560.35.03", "12.5", "9.3.0.75"),
        "",
        "",
        "",
    ),
    (
        ["tensorflow==2.18.0"],
        "tensorflow",
        machine(A100, "560.35.03", "12.5", "9.1.0.70"),
        "cudnn-version-mismatch",
        "9.3",
        "",
    ),
    (  # its search path is 20 thousand bytes long, and has no cusolver
        ["tensorflow==2.21.0"],
        "tensorflow",
        machine(A100, "560.35.03", "12.5", "9.3.0.75"),
        "cuda-libs-not-on-path",
        "libcusolver.so.11",
        "libcublas",
    ),
    (["torch==2.5.1"], "pytorch", machine(A100, "550.54.14", "12.4", "9.1.0.70"), "", "", ""),
    (
        ["torch==2.5.1"],
        "pytorch",
        machine(B200, "570.124.06", "12.4", "9.1.0.70"),
        "gpu-arch-not-in-build",
        "10.0",
        "",
    ),
    (
        ["torch==2.5.1"],
        "pytorch",
        machine(A100, "550.54.14", "12.4", "9.1.0.70", without=("nvjitlink",)),
        "cuda-libs-missing",
        "libnvJitLink.so.12",
        "",
    ),
    (
        ["torch==2.15.0"],
        "pytorch",
        machine(H100, "580.95.05", "13.2", "9.26.0.51", more=CUDA_13),
        "",
        "",
        "",
    ),
    (
        ["torch==2.15.0"],
        "pytorch",
        machine(H100, "550.54.14", "13.2", "9.26.0.51", more=CUDA_13),
        "driver-too-old",
        "580",
        "",
    ),
    (
        ["onnxruntime==1.20.1"],
        "onnxruntime",
        machine(A100, "550.54.14"),
        "framework-cpu-only-build",
        "",
        "",
    ),
    (
        ["onnxruntime-gpu==1.20.2"],
        "onnxruntime",
        machine(A100, "550.54.14", "12.4", "9.1.0.70"),
        "cuda-libs-not-on-path",
        "libcublasLt.so.12 libcudnn.so.9",
        "",
    ),
    (["jaxlib==0.6.1"], "jax", machine(A100, "550.54.14"), "framework-plugin-missing", "", ""),
    (
        ["jaxlib==0.6.1", "jax-cuda12-plugin==0.6.1", "jax-cuda12-pjrt==0.6.1"],
        "jax",
        machine(A100, "550.54.14", "12.4", "9.8.0.87"),
        "",
        "",
        "",
    ),
]


def both_onnxruntimes(m):
    distribution(m, "onnxruntime", "1.20.1")


def diagnose(root, framework):
    command = [os.environ["WHY_TEST_PROGRAM"], "doctor", "--root", root, "--framework", framework]
    done = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, timeout=60
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def wrong(said, cause, has, lacks):
    roots = [found for found in said["causes"] if found["root"]]
    if not cause:
        return (
            "" if said["verdict"] == "gpu-used" else f"{said['verdict']}: {roots or said['checks']}"
        )
    if said["verdict"] != "gpu-unused" or not roots or roots[0]["id"] != cause:
        return f"not {cause} but {said['verdict']}: {roots}"
    need = roots[0]["need"]
    missing = [word for word in has.split() if word not in need]
    return (
        f"{need}: lacks {missing}, or has {lacks}" if missing or (lacks and lacks in need) else ""
    )


def main():
    failures = 0
    last = CASES[12]
    shadowed = last[2].copy()
    both_onnxruntimes(shadowed)
    cases = [*CASES, (last[0], last[1], shadowed, "onnxruntime-cpu-shadows-gpu", "", "")]
    os.makedirs(CACHE, exist_ok=True)
    for wheels, framework, m, cause, has, lacks in cases:
        root = tempfile.mkdtemp(dir=CACHE)  # beside the wheels: they are linked, not copied
        try:
            m.write(root)
            for wheel in wheels:
                place(m, root, wheel)
            what = wrong(diagnose(root, framework), cause, has, lacks)
        finally:
            shutil.rmtree(root, ignore_errors=True)
        failures += bool(what)
        print(
            f"{'WRONG' if what else 'ok   '} {' '.join(wheels)}: {what or cause or 'gpu-used'}",
            flush=True,
        )
    print(f"{len(cases)} cases, {failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
