"""Snapshots that were made to hurt: each is diagnosed within seconds and megabytes, and never crashes."""

import atexit
import gzip
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

import elf
from causes_build import SITE, with_ort
from causes_machine import with_jax, with_ollama, with_tensorflow, with_torch
from frameworks import llama_cpp
from kinds import bare

PROGRAM = os.environ["WHY_TEST_PROGRAM"]
QUICK = "--quick" in sys.argv[1:]  # without those that take long to make
SECONDS, MEGABYTES = 5, 64
FRAMEWORKS = {
    "pytorch": with_torch(),
    "tensorflow": with_tensorflow(),
    "jax": with_jax(),
    "onnxruntime": with_ort(),
    "llama.cpp": lambda: llama_cpp(bare("2684")),
    "ollama": lambda: with_ollama("2684"),
}
base = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
atexit.register(subprocess.run, ["rm", "-rf", base], check=False)
failures = 0
sanitized = "asan" in open(PROGRAM, "rb").read(1 << 20).decode("latin-1") or os.environ.get(
    "ASAN_OPTIONS"
)


def child():
    """In the child: what it may use. A crash leaves no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (4 * SECONDS, 4 * SECONDS))


def diagnose(what, folder, framework="pytorch", statuses=(0, 1, 2)):
    global failures
    command = [PROGRAM, "doctor", "--root", folder, "--framework", framework, "--format", "json"]
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=child,
    )
    try:
        out, err = process.communicate(timeout=10 * SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    took = time.monotonic() - begun
    peak = peak_of(command) if process.returncode in (0, 1, 2) else 0
    wrong = []
    if process.returncode not in statuses:
        wrong.append(f"status {process.returncode}: {err.decode(errors='replace')[:300]}")
    if took > SECONDS:
        wrong.append(f"{took:.1f} s")
    if peak > MEGABYTES and not sanitized:
        wrong.append(f"{peak} MiB")
    if process.returncode in (0, 1):
        try:
            assert json.loads(out.decode("utf-8"))["verdict"]
        except (ValueError, KeyError) as error:
            wrong.append(f"no JSON: {error}")
    if process.returncode == 2 and err.count(b"\n") != 1:
        wrong.append(f"not one line: {err[:300]!r}")
    print(
        f"{'WRONG' if wrong else 'ok   '} {what}: status {process.returncode}, {took:.2f} s, {peak} MiB"
        f"{'; ' if wrong else ''}{'; '.join(wrong)}"
    )
    failures += bool(wrong)


def peak_of(command):
    """Megabytes at most of one more run, by a child that has no other children."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
        "stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, timeout=60
    )
    return int(done.stdout or 0) >> 10


def hostile(what, framework="pytorch", make=None, large=False, **more):
    """Declares one: the function writes into the folder of a healthy machine."""

    def declare(spoil):
        if large and QUICK:
            return spoil
        folder = os.path.join(base, what.replace(" ", "-").replace("/", "+"))
        (make or FRAMEWORKS[framework])().write(folder)
        spoil(folder)
        diagnose(what, folder, framework, **more)
        subprocess.run(["rm", "-rf", folder], check=False)  # deeper than shutil.rmtree can go
        return spoil

    return declare


def put(folder, path, data):
    path = folder + path
    if os.path.lexists(path) and not os.path.isdir(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def link(folder, path, target):
    path = folder + path
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def every_file(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                yield path


# ---- links, and what is no file ---------------------------------------------------------------


@hostile("links in a circle")
def _(folder):
    link(folder, "/opt/venv/bin/python3", "python")
    link(folder, "/opt/venv/bin/python", "python3")
    link(folder, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.1")
    link(folder, "/sys/bus/pci/devices/0000:01:00.0", "../devices")
    link(folder, "/proc", "/proc/self")


@hostile("links that climb out")
def _(folder):
    up = "../" * 60
    link(folder, "/proc/version", up + "etc/shadow")
    link(folder, "/etc/ld.so.cache", up + up + "proc/kcore")
    link(folder, SITE, up + "usr")
    link(folder, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/../../dev/zero")


@hostile("a link to itself from below, forty deep")
def _(folder):
    for place in range(40):
        link(folder, f"{SITE}/d{place}", "../" * 3 + f"python3.11/site-packages/d{place + 1}")
    link(
        folder,
        SITE + "/nvidia",
        "../" * 200 + "opt/venv/lib/python3.11/site-packages/nvidia/cublas/../../nvidia",
    )


@hostile("pipes for every file that is read", framework="tensorflow")
def _(folder):
    for path in list(every_file(folder)):
        if "/.whycpu/" not in path:
            os.unlink(path)
            os.mkfifo(path)


@hostile("pipes in .whycpu")
def _(folder):
    for path in list(every_file(folder + "/.whycpu")):
        os.unlink(path)
        os.mkfifo(path)


@hostile("folders for every file")
def _(folder):
    for path in list(every_file(folder)):
        os.unlink(path)
        os.mkdir(path)


@hostile("gigabytes of nothing for every file")
def _(folder):
    for path in list(every_file(folder)):
        with open(path, "ab") as file:
            file.truncate(1 << 30)


@hostile("gigabytes of nothing for every file", framework="onnxruntime")
def _(folder):
    for path in list(every_file(folder)):
        with open(path, "ab") as file:
            file.truncate(5 << 30)


@hostile("nothing can be read")
def _(folder):
    for path in list(every_file(folder)):
        os.chmod(path, 0)


# ---- bytes ------------------------------------------------------------------------------------


@hostile("bytes that are no text, everywhere", framework="jax")
def _(folder):
    for path in list(every_file(folder)):
        with open(path, "wb") as file:
            file.write(bytes(range(255, -1, -1)) * 40)


@hostile("names that are no text")
def _(folder):
    site = os.fsencode(folder + SITE)
    for place in range(300):
        os.mkdir(
            site
            + b"/torch\xff\xfe"
            + bytes([place % 250 + 1 if place % 250 + 1 != 47 else 48]) * 3
            + str(place).encode()
            + b"-1.dist-info"
        )
    os.mkdir(os.fsencode(folder) + b"/sys/bus/pci/devices/\x80\n\x1b[31m")
    put(
        folder,
        "/.whycpu/env",
        b"PATH=/opt/venv/bin\nX=\xff\xfe\nLD_LIBRARY_PATH=\x1b[2J:\xc0\x80:::\n=\n==\nA\0B=1\n",
    )


@hostile("lines without end, 64 MB", large=True, framework="tensorflow")
def _(folder):
    block = b"Requires-Dist: " + b"nvidia-cublas-cu12 " * 50000
    for path in (
        SITE + "/tensorflow-2.17.0.dist-info/METADATA",
        SITE + "/tensorflow/python/platform/build_info.py",
        "/.whycpu/kmsg",
        "/.whycpu/log",
        "/.whycpu/env",
        "/.whycpu/nodes",
        "/.whycpu/process",
        "/.whycpu/unread",
        "/proc/modules",
        "/proc/devices",
        "/proc/driver/nvidia/version",
        "/proc/version",
        "/proc/cmdline",
    ):
        with open(folder + path, "wb") as file:
            for _ in range(68):
                file.write(block)


@hostile("millions of short lines", large=True)
def _(folder):
    for path, line in (
        ("/.whycpu/kmsg", b"[    1.000000] NVRM: Xid (PCI:0000:01:00): 79, x\n"),
        ("/.whycpu/log", b"offloaded 0/33 layers to GPU\n"),
        ("/.whycpu/env", b"A=B\n"),
        ("/.whycpu/nodes", b"/dev/nvidia0 c 0666 0 0 195 0\n"),
        ("/.whycpu/unread", b"/a/b\n"),
        ("/proc/modules", b"nvidia 1 0 - Live 0x0\n"),
        ("/proc/devices", b"195 nvidia\n"),
        (SITE + "/torch-2.5.1.dist-info/METADATA", b"Requires-Dist: a==1\n"),
        (SITE + "/torch/version.py", b"cuda = '12.4'\n"),
    ):
        put(folder, path, line * 1000000)


@hostile("deep JSON")
def _(folder):
    put(folder, "/.whycpu/gpu.json", b'{"nvml": ' + b"[" * 1000000)


@hostile("wide JSON")
def _(folder):
    row = b'{"index": 0, "uuid": "GPU-1", "name": "x", "memory_free": 1e999, "memory_total": -1, "processes": 99999999999999},'
    put(folder, "/.whycpu/gpu.json", b'{"nvml": {"init": 0, "devices": [' + row * 200000 + b"{}]}}")


@hostile("JSON of other kinds")
def _(folder):
    put(
        folder,
        "/.whycpu/gpu.json",
        json.dumps(
            {
                "nvml": [1, 2],
                "cuda": {
                    "init": "no",
                    "device_count": {},
                    "devices": [
                        None,
                        7,
                        "x",
                        [],
                        {"context": [], "compute_capability": 9.0, "name": None},
                    ],
                    "driver_version": "a" * 100000,
                },
            }
        ).encode(),
    )


@hostile("numbers at their ends")
def _(folder):
    put(
        folder,
        "/.whycpu/process",
        b"uid=99999999999999999999\ngid=-1\ngroups="
        + b"4294967295," * 5000
        + b"\nas_limit=18446744073709551616\npython="
        + b"/a" * 5000
        + b"\ncwd=\n",
    )
    put(
        folder,
        "/.whycpu/nodes",
        b"/dev/nvidia0 c 99999999999999 -1 -1 99999999999 -5\n/dev/nvidia c\n/dev/x\n \n"
        b"/dev/nvidiactl q 8888 x y z w open=\n/dev/nvidia-uvm c 0666 0 0 511 0 open="
        + b"E" * 9000
        + b"\n",
    )
    put(
        folder,
        "/.whycpu/gpu.json",
        b'{"nvml": {"init": -99999999999999999999, "devices": [{"index": 1e300}]}, "cuda": {"init": 4294967296, '
        b'"driver_version": 99999999999, "device_count": -5}}',
    )
    put(folder, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/resource", b"0x" + b"f" * 100000)
    put(
        folder,
        "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/class",
        b"0x0300000000000000000000000000",
    )
    put(
        folder,
        "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/current_link_width",
        b"99999999999999999999\n",
    )


# ---- binary formats ---------------------------------------------------------------------------

whole = FRAMEWORKS["pytorch"]().render()[0]["/etc/ld.so.cache"]
for place, size in enumerate((0, 1, 11, 20, 47, 48, 60, 200, len(whole) // 2, len(whole) - 1)):
    hostile(f"ld.so.cache cut at {size}")(
        lambda folder, size=size: put(folder, "/etc/ld.so.cache", whole[:size])
    )


@hostile("ld.so.cache with counts that lie")
def _(folder):
    put(folder, "/etc/ld.so.cache", whole[:20] + b"\xff" * 28 + whole[48:])


@hostile("ld.so.cache with places that lie")
def _(folder):
    data = bytearray(whole)
    for at in range(48, min(len(data) - 8, 48 + 24 * 10), 24):
        data[at + 4 : at + 12] = b"\xf0\xff\xff\xff\xff\xff\xff\x7f"
    put(folder, "/etc/ld.so.cache", bytes(data))


for size in (0, 3, 4, 16, 63, 64, 120, 200, 300, 500):

    def cut(folder, size=size):
        for path in every_file(folder):
            if ".so" in os.path.basename(path) and "/.whycpu" not in path and "ld.so" not in path:
                os.truncate(path, min(size, os.path.getsize(path)))

    hostile(f"every ELF file cut at {size}", "jax" if size % 3 else "pytorch")(cut)


def random_bits(seed):
    def spoil(folder):
        dice = random.Random(seed)
        for path in list(every_file(folder)):
            data = bytearray(open(path, "rb").read())
            for _ in range(max(1, len(data) // 50)):
                if data:
                    data[dice.randrange(len(data))] = dice.randrange(256)
            with open(path, "wb") as file:
                file.write(data)

    return spoil


for seed in range(12):
    hostile(f"random bytes, {seed}", list(FRAMEWORKS)[seed % len(FRAMEWORKS)])(random_bits(seed))


# ---- numbers of things ------------------------------------------------------------------------


@hostile("a hundred thousand PCI devices", large=True)
def _(folder):
    source = folder + "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"
    for place in range(100000):
        os.symlink(
            source if place % 2 else "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0",
            f"{folder}/sys/bus/pci/devices/{place >> 16:04x}:{place >> 8 & 255:02x}:{place & 255:02x}.1",
        )


@hostile("a hundred thousand distributions", large=True)
def _(folder):
    for place in range(100000):
        os.mkdir(f"{folder}{SITE}/package_{place}-1.0.dist-info")


@hostile("a hundred thousand environments", large=True)
def _(folder):
    os.makedirs(folder + "/home/user/.virtualenvs")
    for place in range(20000):
        os.mkdir(f"{folder}/opt/env{place}")
        os.mkdir(f"{folder}/home/user{place}")
    os.unlink(folder + SITE + "/torch/version.py")


@hostile("a hundred thousand kernels", large=True)
def _(folder):
    shutil.rmtree(folder + "/sys/module")
    put(folder, "/proc/modules", b"")
    for place in range(50000):
        os.mkdir(f"{folder}/usr/lib/modules/6.1.{place}")


@hostile("folders a thousand deep")
def _(folder):
    here = os.getcwd()
    os.chdir(folder + "/usr/lib/modules/6.1.0-32-amd64")
    for _ in range(1000):
        os.mkdir("deeper")
        os.chdir("deeper")
    os.chdir(here)
    put(folder, "/proc/modules", b"")


@hostile("a hundred thousand libraries", large=True, framework="llama.cpp")
def _(folder):
    for place in range(50000):
        os.symlink("libcuda.so.1", f"{folder}/usr/lib/x86_64-linux-gnu/libcudart.so.{place}")
    put(
        folder,
        "/.whycpu/env",
        b"LD_LIBRARY_PATH="
        + b":".join(b"/a%d" % place for place in range(20000))
        + b"\nPATH="
        + b"/b:" * 20000
        + b"\n",
    )


@hostile("libraries that need each other in a circle", framework="llama.cpp")
def _(folder):
    where = folder + "/opt/llama.cpp/build/bin/"
    for name, needs in (("libggml-cuda.so", tuple(f"liba{i}.so" for i in range(200))),):
        with open(where + name, "wb") as file:
            file.write(elf.shared(name, needs + ("libcudart.so.12",), "$ORIGIN"))
    for place in range(200):
        with open(where + f"liba{place}.so", "wb") as file:
            file.write(
                elf.shared(
                    f"liba{place}.so",
                    tuple(f"liba{(place + i) % 200}.so" for i in range(1, 100)),
                    "$ORIGIN",
                )
            )


@hostile("a run path of a megabyte")
def _(folder):
    with open(folder + SITE + "/torch/lib/libtorch_cuda.so", "wb") as file:
        file.write(
            elf.shared(
                "libtorch_cuda.so",
                ("libcudart.so.12",),
                ":".join(f"$ORIGIN/{'../' * 9}x{i}" for i in range(40000)),
            )
        )


@hostile("a fat binary of many entries", framework="onnxruntime")
def _(folder):
    with open(folder + SITE + "/onnxruntime/capi/libonnxruntime_providers_cuda.so", "wb") as file:
        file.write(elf.shared("x", ("libcudart.so.12",), archs=tuple(range(1, 30000))))


# ---- archives ---------------------------------------------------------------------------------


def archive(what, fill):
    path = os.path.join(base, "archive.tar.gz")
    with tarfile.open(path, "w:gz", compresslevel=1) as out:
        fill(out)
    diagnose("archive: " + what, path)
    os.unlink(path)


def member(name, kind=tarfile.REGTYPE, target="", size=0):
    row = tarfile.TarInfo(name)
    row.type, row.linkname, row.size = kind, target, size
    return row


def climbs(out):
    out.addfile(member("../../../../tmp/whycpu-hostile", size=4), io.BytesIO(b"evil"))
    out.addfile(member("/tmp/whycpu-hostile", size=4), io.BytesIO(b"evil"))


def through_a_link(out):
    out.addfile(member("etc", tarfile.SYMTYPE, "/tmp"))
    out.addfile(member("etc/whycpu-hostile", size=4), io.BytesIO(b"evil"))
    out.addfile(member(".whycpu/process", tarfile.LNKTYPE, "../../../etc/passwd"))


class Zeros(io.RawIOBase):
    def readinto(self, buffer):
        buffer[:] = bytes(len(buffer))
        return len(buffer)

    def readable(self):
        return True


def bomb(out):
    out.addfile(member(".whycpu/kmsg", size=3 << 30), io.BufferedReader(Zeros(), 1 << 20))


def devices(out):
    for name, kind in (
        ("dev/nvidia0", tarfile.CHRTYPE),
        ("dev/sda", tarfile.BLKTYPE),
        ("etc/ld.so.cache", tarfile.FIFOTYPE),
    ):
        out.addfile(member(name, kind))


def many(out):
    for place in range(300000):
        out.addfile(member(f"sys/a{place}"))


for what, fill in (
    ("climbs out", climbs),
    ("through a link", through_a_link),
    ("devices", devices),
    ("many files", many),
):
    if not (QUICK and fill is many):
        archive(what, fill)
if os.path.exists("/tmp/whycpu-hostile"):
    print("WRONG an archive wrote outside")
    failures += 1
path = os.path.join(base, "bomb.tar.gz")
with gzip.open(path, "wb", compresslevel=1) as out:
    out.write(member(".whycpu/kmsg", size=1 << 30).tobuf())
    for _ in range(256):
        out.write(bytes(1 << 22))
diagnose("archive: a bomb", path)
with open(path, "r+b") as out:
    out.truncate(1000)
diagnose("archive: cut short", path)

print(f"{failures} wrong")
sys.exit(1 if failures else 0)
