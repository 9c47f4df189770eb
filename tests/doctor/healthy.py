"""Machines on which nothing stands in the way: every kind with every framework, old and new."""

import elf
from causes_driver import compat, vgpu, with_podman
from causes_build import jax_with_toolkit, with_ort
from causes_machine import with_jax, with_ollama, with_program, with_tensorflow, with_torch
from fixtures import fine
from frameworks import (
    cuda_program,
    distribution,
    jax,
    llama_cpp,
    llama_cpp_python,
    nvidia_wheels,
    ollama,
    onnxruntime,
    python,
    tensorflow,
    toolkit,
    torch,
)
from gpus import uuid_of
from kinds import device, bare, container, context_fails, each, grace, hgx, jetson, vm, wsl2


def changed(make, change):
    def made():
        m = make()
        change(m)
        return m

    return made


# ---- kinds ------------------------------------------------------------------------------------

for name, make in {
    "bare": lambda: bare("2331"),
    "sxm-alone": lambda: bare("2330"),
    "bios": lambda: bare("20f1", efi=False),
    "open": lambda: bare("2684", "570.158.01", True),
    "two": lambda: bare("2204", gpus=2),
    "vm": vm,
    "docker": lambda: container("docker"),
    "podman": lambda: container("podman"),
    "pod": lambda: container("kubernetes"),
    "lxc": lambda: container("lxc"),
    "docker-h100": lambda: container("docker", "2330"),
    "hgx": hgx,
    "hgx-a100": lambda: hgx("20b0"),
}.items():
    fine(f"pytorch-{name}", "pytorch", lambda make=make: torch(python(make())))
    fine(f"cuda-{name}", "cuda", lambda make=make: cuda_program(make()))
    fine(f"tensorflow-{name}", "tensorflow", lambda make=make: tensorflow(python(make())))
    fine(f"jax-{name}", "jax", lambda make=make: jax(python(make()), cuda="12.4"))
    fine(f"ollama-{name}", "ollama", lambda make=make: (lambda m: (ollama(m), m)[1])(make()))
    fine(f"llama-{name}", "llama.cpp", lambda make=make: llama_cpp(make()))


def on(kind, change=lambda m: None, **more):
    def made():
        m = kind(**more)
        toolkit(python(m), "12.4", "9.1.0")
        change(m)
        return onnxruntime(m)

    return made


fine("onnxruntime-bare", "onnxruntime", on(bare))
fine("onnxruntime-docker", "onnxruntime", on(container))
fine("onnxruntime-wsl2", "onnxruntime", on(wsl2))
fine("onnxruntime-hgx", "onnxruntime", on(hgx))
for name, build in {
    "tensorflow": lambda m: tensorflow(python(m)),
    "pytorch": lambda m: torch(python(m)),
    "jax": lambda m: jax(python(m), cuda="12.4"),
    "cuda": cuda_program,
    "llama.cpp": llama_cpp,
    "ollama": lambda m: (ollama(m), m)[1],
}.items():
    fine(f"wsl2-{name}", name, lambda build=build: build(wsl2()))


def on_jetson(**more):
    m = python(jetson(**more), "3.10", "system")
    toolkit(m, "11.4", "8.6.0")
    distribution(m, "torch", "2.0.0+nv23.5", ["numpy"])
    base = f"{m.site}/torch"
    m.text(
        f"{base}/version.py",
        "__version__ = '2.0.0+nv23.05'\ndebug = False\ncuda = '11.4'\n"
        "git_version = 'b3b5f2b1'\nhip = None\n",
    )
    m.library(f"{base}/lib", "libc10_cuda.so", needed=("libcudart.so.11.0",), runpath="$ORIGIN")
    m.library(
        f"{base}/lib",
        "libtorch_cuda.so",
        runpath="$ORIGIN",
        archs=(72, 87),
        needed=("libc10_cuda.so", "libcudart.so.11.0", "libcublas.so.11", "libcudnn.so.8"),
    )
    return m


fine("jetson-pytorch", "pytorch", on_jetson)
fine("jetson-cuda", "cuda", lambda: cuda_program(jetson(), "11.4", (72, 87)))
fine(
    "jetson-6-cuda",
    "cuda",
    lambda: cuda_program(
        jetson("R36 (release), REVISION: 3.0", "5.15.136-tegra", 12020), "12.2", (87,)
    ),
)
fine("grace-pytorch", "pytorch", lambda: torch(python(grace()), "2.7.0", "12.8"))
fine("grace-cuda", "cuda", lambda: cuda_program(grace(), "12.8", (90, 100, ("ptx", 100))))
fine("grace-jax", "jax", lambda: jax(python(grace())))

# ---- versions ----------------------------------------------------------------------------------

for version, cuda, cudnn, driver, gpu in (
    ("2.2.0", "10.1", "7.6.5", "450.80.02", "1db4"),
    ("1.15.0", "10.0", "7.6.5", "418.87.01", "1db4"),
    ("2.4.0", "11.0", "8.0.5", "450.80.02", "20f1"),
    ("2.8.0", "11.2", "8.1.1", "460.32.03", "20f1"),
    ("2.10.0", "11.2", "8.1.1", "470.256.02", "20f1"),
    ("2.13.0", "11.8", "8.6.0", "525.125.06", "20f1"),
    ("2.10.0", "11.2", "8.1.1", "470.256.02", "1023"),
    ("2.16.1", "12.3", "8.9.7", "550.54.14", "2331"),
):
    fine(
        f"tensorflow-{version}-{gpu}",
        "tensorflow",
        lambda v=version, c=cuda, n=cudnn, d=driver, g=gpu: system_tensorflow(v, c, n, d, g),
    )


def system_tensorflow(version, cuda, cudnn, driver, gpu):
    old = tuple(map(int, version.split(".")[:2])) < (2, 5)
    m = python(bare(gpu, driver), "3.7" if old else "3.9")
    toolkit(m, cuda, cudnn)
    m.old_cache = old
    return tensorflow(m, version, False, "tensorflow-gpu" if version[0] == "1" else "tensorflow")


for version, driver, gpu in (
    ("2.14.0", "535.183.01", "20f1"),
    ("2.15.1", "535.183.01", "2684"),
    ("2.17.0", "545.23.08", "2331"),
    ("2.18.0", "555.42.06", "2331"),
    ("2.21.0", "570.124.06", "2684"),
):
    fine(
        f"tensorflow-and-cuda-{version}",
        "tensorflow",
        lambda v=version, d=driver, g=gpu: tensorflow(python(bare(g, d)), v),
    )
for version, cuda, driver, gpu, bundled in (
    ("1.7.1", "10.2", "440.33.01", "1db4", True),
    ("1.8.1", "11.1", "460.32.03", "20f1", True),
    ("1.12.1", "11.3", "470.256.02", "2204", True),
    ("1.13.1", "11.7", "525.125.06", "1b06", False),
    ("2.0.1", "11.8", "450.80.02", "20f1", False),
    ("2.1.2", "12.1", "530.30.02", "2684", False),
    ("2.6.0", "12.6", "560.35.03", "2331", False),
    ("2.7.1", "12.8", "570.124.06", "2b85", False),
    ("2.9.0", "13.0", "580.95.05", "2901", False),
    ("2.9.0", "13.0", "590.48.01", "1eb8", False),
):
    fine(
        f"pytorch-{version}-cu{cuda.replace('.', '')}-{gpu}",
        "pytorch",
        lambda v=version, c=cuda, d=driver, g=gpu, b=bundled: torch(python(bare(g, d)), v, c, b),
    )
fine(
    "pytorch-minor-compat",
    "pytorch",
    lambda: torch(python(bare("20f1", "550.127.08")), "2.7.1", "12.8"),
)
fine(
    "pytorch-conda",
    "pytorch",
    lambda: torch(python(bare("20f1"), "3.10", "conda", "/opt/conda/envs/ml")),
)
fine("pytorch-system", "pytorch", lambda: torch(python(bare("20f1"), "3.10", "system")))
fine(
    "pytorch-by-option",
    "pytorch",
    changed(with_torch(), lambda m: (m.env.pop("VIRTUAL_ENV"), m.env.update(PATH="/usr/bin"))),
    asks_python=True,
)
fine("jax-0.4.7", "jax", jax_with_toolkit)
fine(
    "jax-cuda13",
    "jax",
    lambda: jax(
        python(bare("2901", "580.95.05")),
        "0.8.0",
        "13.0",
        cudnn="9.13.0.50",
        least=("13.0.48", "9.12.0.46"),
    ),
)
fine("onnxruntime-1.18-cuda11", "onnxruntime", with_ort("1.18.0", "11.8", "8.9.7"))
fine("onnxruntime-1.20", "onnxruntime", with_ort("1.20.1"))
fine(
    "onnxruntime-wheels-by-environment",
    "onnxruntime",
    changed(with_ort(), lambda m: wheels_by_environment(m)),
)
fine(
    "tensorflow-2.16-by-environment",
    "tensorflow",
    changed(lambda: tensorflow(python(bare("20f1")), "2.16.1"), lambda m: by_environment(m)),
)
fine("llama-cpp-python", "llama.cpp", lambda: llama_cpp_python(python(bare("2684"))))
fine("cuda-static", "cuda", lambda: cuda_program(bare("20f1"), static=True))
fine("cuda-8-kepler", "cuda", lambda: cuda_program(bare("1023", "375.26"), "8.0", (35,)))
fine("ollama-13", "ollama", lambda: ollama_13())
fine("itself", "", lambda: bare("20f1"))


def ollama_13():
    m = bare("2b85", "580.95.05")
    ollama(m, cuda=("12", "13"))
    return m


def by_environment(m):
    folders = (
        "cublas",
        "cuda_cupti",
        "cuda_runtime",
        "cudnn",
        "cufft",
        "curand",
        "cusolver",
        "cusparse",
        "nccl",
        "nvjitlink",
        "cuda_nvrtc",
    )
    m.env["LD_LIBRARY_PATH"] = ":".join(f"{m.site}/nvidia/{f}/lib" for f in folders)


def wheels_by_environment(m):
    m.remove("/usr/local/cuda", "/usr/local/cuda-12.6")
    m.remove_like("/usr/lib/x86_64-linux-gnu/libcudnn*")
    nvidia_wheels(m, "12.6", "9.5.1.17")
    by_environment(m)


# ---- what looks like a fault and is none ------------------------------------------------------


def toolkit_absent_for_containers(m):
    m.text("/usr/bin/docker", elf.shared("", ("libc.so.6",)))
    m.text("/usr/bin/dockerd", elf.shared("", ("libc.so.6",)))
    m.text("/etc/docker/daemon.json", '{"log-driver": "json-file"}\n')


def mps(m):
    m.env["CUDA_MPS_PIPE_DIRECTORY"] = "/tmp/nvidia-mps"
    for name in ("control", "control_lock", "control_privileged", "nvidia-cuda-mps-control.pid"):
        m.text(f"/tmp/nvidia-mps/{name}", "")


def mig(m):
    each(m, mig_mode="enabled", mig_instances=2)
    m.env["CUDA_VISIBLE_DEVICES"] = "MIG-feee0c61-26ec-5616-bb59-b6d777cc4f34"


def slow_link(m):
    m.text(
        "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/current_link_speed", "2.5 GT/s PCIe\n"
    )


def older_compat(m):
    """The way it is meant: a data-centre GPU, an LTS branch, a newer libcuda."""
    compat(m, "550.54.14")
    m.gpu["cuda"]["driver_version"] = 12040


def two_roots_of_one_name(m):
    m.driver_libraries(m.driver, "/usr/lib/i386-linux-gnu", True, elf.I386)


def one_lost(m):
    """Of eight, one fell off the bus; the others work."""
    m.text(device(m, m.addresses[3]) + "/config", b"\xff" * 256)
    m.gpu["nvml"]["devices"][3] = {"index": 3, "error": 15}
    m.gpu["cuda"].update(device_count=7, devices=m.gpu["cuda"]["devices"][:7])
    m.dmesg("NVRM: Xid (PCI:0000:31:00): 79, pid=1, name=x, GPU has fallen off the bus.")


def one_passed_through(m):
    """The second is a virtual machine's."""
    m.link(device(m, m.addresses[1]) + "/driver", "../../../../bus/pci/drivers/vfio-pci")
    m.remove(f"/proc/driver/nvidia/gpus/{m.addresses[1]}")
    del m.nodes["/dev/nvidia1"], m.nodes["/dev/dri/renderD129"]
    one_answers(m)
    m.dmesg("NVRM: The NVIDIA probe routine was not called for 1 device(s).")


def one_too_old(m):
    """The second is a K80, which the driver ignores."""
    m.text(device(m, m.addresses[1]) + "/device", "0x102d\n")
    m.links.pop(device(m, m.addresses[1]) + "/driver")
    m.remove(f"/proc/driver/nvidia/gpus/{m.addresses[1]}")
    del m.nodes["/dev/nvidia1"], m.nodes["/dev/dri/renderD129"]
    one_answers(m)
    m.dmesg(
        "NVRM: The NVIDIA Tesla K80 GPU installed in this system is",
        "NVRM:  supported through the NVIDIA 470.xx Legacy drivers. Please",
    )


def one_answers(m):
    del m.gpu["nvml"]["devices"][1]
    m.gpu["cuda"].update(device_count=1, devices=m.gpu["cuda"]["devices"][:1])


def second_full(m):
    m.gpu["nvml"]["devices"][1].update(memory_free=50 << 20, processes=4)
    m.gpu["cuda"]["devices"][1]["context"] = 2


def second_in_mig_mode(m):
    m.gpu["nvml"]["devices"][1].update(mig_mode="enabled", mig_instances=0)
    m.gpu["cuda"].update(device_count=1, devices=m.gpu["cuda"]["devices"][:1])


def another_in_trouble(m):
    """One GPU of two is prohibited; frameworks take the other."""
    m.gpu["nvml"]["devices"][1]["compute_mode"] = "prohibited"
    context_fails(m, 46, 1)


for name, framework, make, change in (
    ("host-without-container-toolkit", "pytorch", with_torch(), toolkit_absent_for_containers),
    ("container-toolkit", "ollama", with_podman, lambda m: None),
    ("mps", "pytorch", with_torch(), mps),
    ("mig", "pytorch", with_torch(), mig),
    ("idle-link", "pytorch", with_torch(), slow_link),
    ("visible-0", "pytorch", with_torch(), lambda m: m.env.update(CUDA_VISIBLE_DEVICES="0")),
    (
        "visible-uuid",
        "pytorch",
        with_torch(),
        lambda m: m.env.update(CUDA_VISIBLE_DEVICES=uuid_of(0)),
    ),
    (
        "visible-uuid-prefix",
        "pytorch",
        with_torch(gpus=2),
        lambda m: (
            m.env.update(CUDA_VISIBLE_DEVICES=uuid_of(1)[:12]),
            m.gpu["cuda"].update(device_count=1, devices=m.gpu["cuda"]["devices"][:1]),
        ),
    ),
    (
        "visible-cut-by-99",
        "pytorch",
        with_torch(gpus=2),
        lambda m: (
            m.env.update(CUDA_VISIBLE_DEVICES="0,99,1"),
            m.gpu["cuda"].update(device_count=1, devices=m.gpu["cuda"]["devices"][:1]),
        ),
    ),
    ("jax-words-for-torch", "pytorch", with_torch(), lambda m: m.env.update(JAX_PLATFORMS="cpu")),
    ("jax-platforms-cuda", "jax", with_jax(), lambda m: m.env.update(JAX_PLATFORMS="cuda,cpu")),
    (
        "ollama-words-for-torch",
        "pytorch",
        with_torch(),
        lambda m: m.env.update(OLLAMA_LLM_LIBRARY="cpu"),
    ),
    (
        "exclusive-and-free",
        "pytorch",
        with_torch(),
        lambda m: each(m, compute_mode="exclusive-process"),
    ),
    (
        "compat-on-data-centre",
        "pytorch",
        lambda: torch(python(container(gpu="2331", driver="535.183.01"))),
        older_compat,
    ),
    ("i386-libraries-too", "tensorflow", with_tensorflow(), two_roots_of_one_name),
    ("one-of-two-prohibited", "pytorch", with_torch(gpus=2), another_in_trouble),
    (
        "stubs-not-looked-in",
        "cuda",
        with_program(),
        lambda m: m.text("/opt/cuda/lib64/stubs/libcuda.so.1", elf.shared("libcuda.so.1")),
    ),
    (
        "uvm-loaded-without-params",
        "pytorch",
        with_torch(),
        lambda m: m.remove("/proc/driver/nvidia/params"),
    ),
    (
        "no-kernel-log",
        "pytorch",
        with_torch(),
        lambda m: m.hide(".whycpu/kmsg", "/dev/kmsg", "/var/log"),
    ),
    (
        "suspended-and-well",
        "ollama",
        lambda: with_ollama("2204"),
        lambda m: m.dmesg("PM: suspend entry (deep)", "PM: suspend exit"),
    ),
    (
        "secure-boot-with-a-signed-module",
        "pytorch",
        with_torch(),
        lambda m: m.text(
            "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            b"\6\0\0\0\1",
        ),
    ),
    (
        "nouveau-blacklisted",
        "pytorch",
        with_torch(),
        lambda m: m.text(
            "/etc/modprobe.d/nouveau.conf", "blacklist nouveau\noptions nouveau modeset=0\n"
        ),
    ),
    (
        "busy-and-roomy",
        "pytorch",
        with_torch(),
        lambda m: each(m, processes=2, memory_free=20 << 30),
    ),
    ("vgpu", "pytorch", vgpu("A40-48C"), lambda m: None),
    ("one-of-eight-lost", "pytorch", lambda: torch(python(hgx("20b0"))), one_lost),
    ("one-of-two-passed-through", "pytorch", with_torch(gpus=2), one_passed_through),
    ("one-of-two-too-old", "pytorch", with_torch(gpus=2), one_too_old),
    ("second-of-two-full", "pytorch", with_torch(gpus=2), second_full),
    ("second-of-two-in-mig-mode", "pytorch", with_torch(gpus=2), second_in_mig_mode),
    ("old-cache", "pytorch", with_torch(), lambda m: setattr(m, "old_cache", True)),
):
    fine("in-order/" + name, framework, changed(make, change))
