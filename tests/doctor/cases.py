"""The reports in cases.jsonl that prove their cause (grades A and B), each as a machine that shows what
the report says; the verdict is the report's."""

import json
import os

import elf
from causes_build import SITE, fresh, jax_with_toolkit, old_driver, with_ort, with_system_tensorflow
from causes_driver import (
    CACHE,
    LIB,
    UNEXPLAINED,
    cdi,
    compat,
    enforcing,
    eperm,
    in_container,
    no_libcuda,
    no_uvm_node,
    not_ready,
    stale_major,
    upgraded,
    video_only,
)
from causes_machine import (
    nobody,
    BUS,
    EFI,
    HERE,
    blackwell,
    nouveau,
    refused,
    with_jax,
    with_ollama,
    with_program,
    with_torch,
)
from fixtures import ALL, Fixture
from frameworks import (
    LIBRARIES_12,
    conda_package,
    cuda_program,
    cudnn_files,
    distribution,
    jax,
    jax_old,
    llama_cpp,
    llama_cpp_python,
    onnxruntime,
    python,
    tensorflow,
    toolkit,
    torch,
)
from kinds import (
    bare,
    container,
    context_fails,
    cuda_fails,
    each,
    hgx,
    jetson,
    nvrm,
    unload,
    vm,
    wsl2,
)

with open(os.path.join(os.path.dirname(__file__), "cases.jsonl"), encoding="utf-8") as file:
    CASES = {row["id"]: row for row in map(json.loads, file)}
# What a case is about is right, and the GPU is used all the same: the root is none.
NEGATIVE = {
    "framework-bug-mig-count": "gpu-used",
    "vgpu-feature-blocked": "gpu-used",
    "minor-compat-feature-missing": "gpu-used",
    "unknown": ("gpu-used", "unknown"),
}
done = set()


def case(name, framework, healthy, deciding=(), **more):
    row = CASES[name]
    root = row["root_cause"]
    if root in ("vgpu-feature-blocked", "minor-compat-feature-missing"):
        more["listed"] = (root,)
    done.add(name)

    def declare(broken):
        ALL.append(
            Fixture(
                "case/" + name,
                framework,
                NEGATIVE.get(root, root),
                healthy,
                broken,
                deciding,
                **more,
            )
        )
        return broken

    return declare


def symptoms(m, name):
    m.says(*CASES[name]["symptom_lines"])


def conda(gpu, driver, version="3.10"):
    return python(bare(gpu, driver), version, "conda", "/opt/conda/envs/ml")


# ---- run time, selection, state ---------------------------------------------------------------


@case(
    "app-llmgguf-8",
    "llama.cpp",
    lambda: llama_cpp_python(python(bare("2704"))),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    m.says("load_tensors: offloaded 0/33 layers to GPU", "not utilizing my RTX 4080")


def two_k40m():
    return cuda_program(bare("1023", "375.26", gpus=2), "8.0", (35,))


@case("computemode-digits-2005", "cuda", two_k40m, [".whycpu/gpu.json"])
def _(m):
    m.gpu["nvml"]["devices"][0].update(
        compute_mode="exclusive-process", processes=1, memory_free=11367 << 20
    )
    m.env["CUDA_VISIBLE_DEVICES"] = "0"
    m.gpu["cuda"].update(device_count=1, devices=m.gpu["cuda"]["devices"][:1])
    context_fails(m, 46)
    symptoms(m, "computemode-digits-2005")


@case(
    "computemode-tf-526",
    "tensorflow",
    lambda: with_system_tensorflow("2.10.0"),
    [".whycpu/gpu.json"],
)
def _(m):
    each(m, compute_mode="exclusive-thread", processes=1)
    context_fails(m, 46)


@case("cvd-numba-5793", "cuda", with_program(), [".whycpu/env"], without=UNEXPLAINED)
def _(m):
    m.env["CUDA_VISIBLE_DEVICES"] = "-1"
    cuda_fails(m, 100)
    symptoms(m, "cvd-numba-5793")


@case("cvd-gsdt-6", "pytorch", with_torch(), [".whycpu/env"], without=UNEXPLAINED)
def _(m):
    m.env["CUDA_VISIBLE_DEVICES"] = "3"
    cuda_fails(m, 100)


@case("802-aws-33", "cuda", lambda: cuda_program(hgx("2330")), [BUS, ".whycpu/gpu.json"])
def _(m):
    m.remove(
        "/usr/bin/nv-fabricmanager",
        "/usr/lib/systemd/system/nvidia-fabricmanager.service",
        "/run/nvidia-fabricmanager",
        "/var/log/fabricmanager.log",
        "/var/lib/dpkg",
    )
    not_ready(m)


@case(
    "802-torch-35710",
    "pytorch",
    lambda: torch(python(hgx("20b0", "450.80.02")), "1.7.1", "11.1", True),
    [BUS, ".whycpu/gpu.json"],
)
def _(m):
    m.remove(
        "/usr/bin/nv-fabricmanager",
        "/usr/lib/systemd/system/nvidia-fabricmanager.service",
        "/run/nvidia-fabricmanager",
        "/var/log/fabricmanager.log",
        "/var/lib/dpkg",
    )
    not_ready(m, "not-supported")


@case(
    "mig-torch-95784",
    "pytorch",
    lambda: torch(python(bare("20b0", "515.86.01")), "1.13.1", "11.7"),
    [".whycpu/gpu.json"],
)
def _(m):
    each(m, mig_mode="enabled", mig_instances=1)
    m.env["CUDA_VISIBLE_DEVICES"] = "MIG-feee0c61-26ec-5616-bb59-b6d777cc4f34"
    m.says("torch.cuda.device_count() == 0")


@case("mig-gpuburn-36", "cuda", lambda: cuda_program(hgx("20b0")), [".whycpu/gpu.json"])
def _(m):
    """GPU 0 is as it was, 1 to 3 are in MIG mode without instances."""
    m.gpu["nvml"]["devices"] = m.gpu["nvml"]["devices"][:4]
    for row in m.gpu["nvml"]["devices"][1:]:
        row.update(mig_mode="enabled", mig_instances=0)
    cuda_fails(m, 100)
    symptoms(m, "mig-gpuburn-36")


@case(
    "suspend-ollama-10053",
    "ollama",
    lambda: with_ollama("2204", driver="550.54.14", release="6.1.0-32-amd64"),
    [".whycpu/kmsg"],
    without=UNEXPLAINED,
)
def _(m):
    old_driver(m, "535.216.01")
    m.dmesg("PM: suspend entry (deep)", "PM: suspend exit")
    cuda_fails(m, 999)
    symptoms(m, "suspend-ollama-10053")


@case(
    "vgpu-xgboost-12217",
    "pytorch",
    lambda: torch(python(vm("2235", driver="570.158.01"))),
    [".whycpu/gpu.json"],
)
def _(m):
    each(m, virtualization="vgpu", vgpu_type="NVIDIA A40-48C", name="NVIDIA A40-48C")


@case(
    "vram-ollama-10765", "ollama", lambda: with_ollama("1eb8"), [".whycpu/log"], without="gpu-used"
)
def _(m):
    symptoms(m, "vram-ollama-10765")


@case(
    "vram-ollama-9181",
    "ollama",
    lambda: with_ollama("2204", gpus=4),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    symptoms(m, "vram-ollama-9181")


# ---- containers and nodes ---------------------------------------------------------------------


@case(
    "nocgroups-580",
    "pytorch",
    in_container(driver="570.86.16"),
    [".whycpu/nodes"],
    without=UNEXPLAINED,
)
def _(m):
    eperm(m)
    m.gpu["nvml"] = {"init": 999}
    m.text(
        "/etc/nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\n"
    )
    symptoms(m, "nocgroups-580")


@case(
    "cgroup-251",
    "pytorch",
    in_container("kubernetes"),
    [".whycpu/nodes", "/sys/fs/cgroup"],
    without=UNEXPLAINED,
)
def _(m):
    eperm(m)
    m.gpu["nvml"] = {"init": 999}
    m.text("/sys/fs/cgroup/devices/devices.list", "c 195:* m\n")
    symptoms(m, "cgroup-251")


def docker_on_wsl2():
    m = wsl2("616.92", "2c05")
    m.text("/.dockerenv", "")
    m.process.update(uid=0, gid=0, groups="0", cwd="/root")
    m.env.update(NVIDIA_VISIBLE_DEVICES="all", NVIDIA_DRIVER_CAPABILITIES="compute,utility")
    return torch(python(m), "2.7.0", "12.8")


@case("caps-localai-11973", "pytorch", docker_on_wsl2, ["/usr/lib/wsl", CACHE, ".whycpu/env"])
def _(m):
    m.env["NVIDIA_DRIVER_CAPABILITIES"] = "gpu,utility"
    m.remove_like("/usr/lib/wsl/*/libcuda*")
    m.remove_like("/usr/lib/wsl/*ptxjit*")
    del m.gpu["cuda"]
    symptoms(m, "caps-localai-11973")


@case(
    "cdi-unresolvable-376",
    "ollama",
    lambda: with_ollama("2684"),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    m.text("/usr/bin/podman", elf.shared("", ("libc.so.6",)))
    symptoms(m, "cdi-unresolvable-376")


@case(
    "selinux-33",
    "cuda",
    lambda: cuda_program(container("docker")),
    ["/sys/fs/selinux", "/proc/self/attr/current", ".whycpu/nodes"],
    without=UNEXPLAINED,
)
def _(m):
    enforcing(m)
    symptoms(m, "selinux-33")


@case("devperm-210", "pytorch", in_container("podman"), [".whycpu/nodes"], without=UNEXPLAINED)
def _(m):
    video_only(m)
    for path in m.nodes_of("/dev/nvidia*"):
        m.nodes[path][3] = 27
    m.process.update(uid=1000, gid=1000, groups="1000")
    symptoms(m, "devperm-210")


@case("cdi-uvm-major-1934", "pytorch", in_container(), [".whycpu/nodes"], without=UNEXPLAINED)
def _(m):
    m.majors["nvidia-uvm"] = 509
    stale_major(m)
    m.text("/etc/cdi/nvidia.yaml", cdi(510))
    symptoms(m, "cdi-uvm-major-1934")


@case(
    "uvm-lxd-5618",
    "cuda",
    lambda: cuda_program(container("lxc", "1b81", driver="390.87"), "9.0", (61,), static=True),
    [".whycpu/nodes"],
    without=UNEXPLAINED,
)
def _(m):
    no_uvm_node(m)
    symptoms(m, "uvm-lxd-5618")


# ---- the driver -------------------------------------------------------------------------------


@case(
    "804-torchpod-43",
    "pytorch",
    lambda: torch(python(container("docker", "1f82", driver="465.19.01")), "1.8.1", "11.1", True),
    [".whycpu/env", ".whycpu/gpu.json"],
)
def _(m):
    old_container_driver(m, "460.80")
    compat(m, "465.19.01", "11.3")
    cuda_fails(m, 804)
    symptoms(m, "804-torchpod-43")


def old_container_driver(m, version):
    m.remove(*m.owned)
    m.owned.clear()
    m.driver = version
    m.driver_libraries(version)
    m.text("/proc/driver/nvidia/version", nvrm(m, version, False) + "\n")
    m.gpu["nvml"]["driver_version"] = version


@case(
    "mismatch-shine-30",
    "pytorch",
    lambda: torch(python(bare("1db4", "460.56")), "1.8.1", "11.1", True),
    [
        "/proc/driver/nvidia/version",
        "/sys/module/nvidia/version",
        ".whycpu/kmsg",
        ".whycpu/gpu.json",
    ],
)
def _(m):
    upgraded(m, "460.56", "460.73.01")
    m.text(
        "/var/log/apt/history.log",
        "Start-Date: 2021-04-24  06:41:26\nCommandline: /usr/bin/unattended-upgrade\nUpgrade: "
        "libnvidia-common-460:amd64 (460.56-0ubuntu0.20.04.1, 460.73.01-0ubuntu0.20.04.1)\nEnd-Date: 2021-04-24  06:41:40\n",
    )
    symptoms(m, "mismatch-shine-30")


@case(
    "mismatch-tf-4768",
    "tensorflow",
    lambda: old_tensorflow("361.93.02"),
    [
        "/proc/driver/nvidia/version",
        "/sys/module/nvidia/version",
        ".whycpu/kmsg",
        ".whycpu/gpu.json",
    ],
    healed=None,
)
def _(m):
    m.text(
        "/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  352.63  Sat Nov  7 21:25:42 PST "
        "2015\nGCC version:  gcc version 4.8.4 (Ubuntu 4.8.4-2ubuntu1~14.04)\n",
    )
    m.driver = "352.63"
    m.text("/sys/module/nvidia/version", "352.63\n")
    m.kmsg = []
    m.gpu["nvml"] = {"init": 18}
    cuda_fails(m, 1)
    symptoms(m, "mismatch-tf-4768")


def old_tensorflow(driver):
    m = python(bare("1023", driver), "3.5")
    toolkit(m, "8.0", None)
    m.old_cache = True
    m.library(m.lib, "libcudnn.so.6", "6.0.21", cached=True)
    return bare_tensorflow_gpu(m, "1.3.0", "8.0", "6")


@case(
    "libcuda-pkg-539",
    "cuda",
    lambda: cuda_program(bare("1b81", "384.130"), "9.0", (61,), static=True),
    [CACHE],
)
def _(m):
    no_libcuda(m)
    symptoms(m, "libcuda-pkg-539")


@case("wsl-cuml-6218", "cuda", lambda: cuda_program(wsl2()), [CACHE], without=UNEXPLAINED)
def _(m):
    m.driver_libraries("535.183.01")
    m.cached.remove(m.lib)
    m.cached.insert(0, m.lib)
    cuda_fails(m, 100)
    symptoms(m, "wsl-cuml-6218")


@case(
    "wsl1-textgen-458",
    "pytorch",
    lambda: torch(python(wsl2(), "3.10", "conda", "/opt/conda/envs/textgen"), "2.0.1", "11.7"),
    ["/proc/version", "/proc/sys/kernel/osrelease"],
)
def _(m):
    m.text(
        "/proc/version",
        "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc version 5.4.0 (GCC) ) "
        "#2311-Microsoft Tue Nov 08 17:09:00 PST 2022\n",
    )
    m.text("/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n")
    m.nodes.clear()
    m.remove("/sys", "/usr/lib/wsl", "/run/WSL")
    m.cached.remove("/usr/lib/wsl/lib")
    m.gpu = {"nvml": {"init": 12}}
    m.kmsg = []


# ---- the kernel's module ----------------------------------------------------------------------


@case(
    "xid79-nvsentinel-155",
    "pytorch",
    lambda: torch(python(bare("26b5", "570.158.01", True))),
    [BUS, ".whycpu/kmsg"],
)
def _(m):
    unload(m)
    m.text("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config", b"\xff" * 256)
    symptoms_to_kernel(m, "xid79-nvsentinel-155")


def symptoms_to_kernel(m, name):
    m.dmesg("nvidia-nvlink: Nvlink Core is being initialized, major device number 239")
    m.dmesg(
        *[
            line.replace("0000:b3:", "0000:01:")
            .replace("0000:af:", "0000:01:")
            .replace("0000:02:", "0000:01:")
            .replace("0000:04:", "0000:01:")
            for line in CASES[name]["symptom_lines"]
        ]
    )
    m.dmesg("NVRM: None of the NVIDIA devices were initialized.")


@case(
    "xid79-ogkm-507",
    "cuda",
    lambda: cuda_program(bare("24a0", "530.41.03", release="6.3.4-gentoo-x86_64"), "12.1", (86,)),
    [BUS, ".whycpu/kmsg", ".whycpu/gpu.json"],
)
def _(m):
    m.text("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config", b"\xff" * 256)
    m.dmesg(
        "NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "NVRM: GPU 0000:01:00.0: GPU has fallen off of the bus",
    )
    m.gpu["nvml"]["devices"] = [{"index": 0, "error": 15}]
    cuda_fails(m, 999)


@case(
    "dkms-negativo17-56",
    "cuda",
    lambda: cuda_program(
        bare("1b81", "396.45", release="4.17.14-202.fc28.x86_64"), "9.2", (61,), static=True
    ),
    ["/lib/modules/4.17.14-202.fc28.x86_64"],
)
def _(m):
    unload(m)
    m.remove("/usr/lib/modules/4.17.14-202.fc28.x86_64/updates", "/var/lib/dkms/nvidia")
    m.folder("/var/lib/dkms/nvidia/390.48")
    m.text("/usr/lib/modules/4.17.11-200.fc28.x86_64/extra/nvidia.ko.xz", b"\xfd7zXZ")


@case("tf-5473-module-broken", "tensorflow", lambda: old_tensorflow("367.57"), [HERE])
def _(m):
    unload(m)
    m.remove(HERE + "/updates", f"/var/lib/dkms/nvidia/{m.driver}/{m.release}")
    m.text("/usr/lib/modules/6.1.0-28-amd64/updates/dkms/nvidia_367.ko", b"\x7fELF")
    m.text("/usr/lib/modules/6.1.0-28-amd64/updates/dkms/nvidia.ko", b"\x7fELF")
    symptoms(m, "tf-5473-module-broken")


@case(
    "nouveau-gpu-operator-8",
    "cuda",
    lambda: cuda_program(bare("1db4", "418.87.01", release="4.15.0-66-generic"), "10.1", (70,)),
    [BUS],
)
def _(m):
    unload(m)
    nouveau(m)


@case(
    "open-kmod-required-hyde-532",
    "pytorch",
    blackwell,
    ["/proc/driver/nvidia/version", ".whycpu/kmsg"],
)
def _(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, False) + "\n")
    nobody(m)
    m.forget("NVRM: loading")
    m.dmesg(
        "NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85)",
        "NVRM: installed in this system requires use of the NVIDIA open kernel modules.",
    )


@case("open-kmod-322-v100", "pytorch", with_torch("1db5"), [BUS, ".whycpu/kmsg"])
def _(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, True) + "\n")
    nobody(m)
    m.dmesg("PKCS#7 signature not signed with a trusted key")
    refused(m)


@case(
    "open-kmod-old-230",
    "cuda",
    lambda: cuda_program(bare("2204", "515.43.04"), "11.7", (86,)),
    [".whycpu/kmsg"],
    without=UNEXPLAINED,
)
def _(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, True) + "\n")
    params = m.files["/proc/driver/nvidia/params"].decode()
    m.text(
        "/proc/driver/nvidia/params",
        params.replace("OpenRmEnableUnsupportedGpus: 1", "OpenRmEnableUnsupportedGpus: 0"),
    )
    m.dmesg(
        *[
            line.replace("0000:04:", "0000:01:")
            for line in CASES["open-kmod-old-230"]["symptom_lines"]
        ]
    )
    m.gpu = {
        "nvml": {"init": 0, "driver_version": m.driver, "devices": []},
        "cuda": {"init": 100, "driver_version": 11070},
    }


@case(
    "open-kmod-696",
    "pytorch",
    lambda: torch(python(bare("1b82", "560.35.03"))),
    [BUS, ".whycpu/kmsg"],
)
def _(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, True) + "\n")
    nobody(m)
    refused(m)


@case(
    "sb-canonical-61",
    "pytorch",
    lambda: torch(python(bare("2684", "535.113.01", release="6.2.0-34-generic"))),
    [EFI, "/sys/kernel/security/lockdown", ".whycpu/kmsg"],
)
def _(m):
    unload(m)
    m.text(EFI, b"\6\0\0\0\1")
    m.text("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    for release in ("5.15.0-86-generic", "6.2.0-33-generic"):
        m.text(f"/usr/lib/modules/{release}/updates/dkms/nvidia.ko", b"\x7fELF")
    m.dmesg("Loading of module with unavailable key is rejected")
    symptoms(m, "sb-canonical-61")


@case(
    "sb-fedora-64",
    "cuda",
    lambda: cuda_program(bare("1f95", "465.31", release="5.12.15-300.fc34.x86_64"), "11.2", (75,)),
    [EFI, "/sys/kernel/security/lockdown", ".whycpu/kmsg"],
)
def _(m):
    unload(m)
    m.text(EFI, b"\6\0\0\0\1")
    m.text("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")


@case(
    "802-gpuburn-133-kaslr",
    "cuda",
    lambda: cuda_program(bare("26b5", "575.57.08", True), "12.8", (89,)),
    [".whycpu/kmsg"],
    without=UNEXPLAINED,
)
def _(m):
    m.dmesg(CASES["802-gpuburn-133-kaslr"]["symptom_lines"][1])
    m.says(CASES["802-gpuburn-133-kaslr"]["symptom_lines"][0])
    cuda_fails(m, 802)


# ---- builds -----------------------------------------------------------------------------------


@case(
    "old-yuan-65",
    "pytorch",
    lambda: torch(python(container("docker", "20b0", driver="535.183.01")), "2.1.2", "12.1"),
    [SITE],
)
def _(m):
    old_container_driver(m, "450.80.02")
    m.gpu["cuda"]["driver_version"] = 11000
    symptoms(m, "old-yuan-65")


@case(
    "old-colab-1685",
    "pytorch",
    lambda: torch(python(bare("1eb8", "440.33.01"), "3.6"), "1.7.0", "10.2", True),
    ["/opt/venv"],
    healed=None,
)
def _(m):
    old_driver(m, "418.67")
    symptoms(m, "old-colab-1685")


def conda_tensorflow():
    m = conda("20f1", "535.183.01", "3.11")
    conda_package(m, "tensorflow", "2.15.0", "cuda120py311h5cbd639_1")
    conda_package(m, "tensorflow-base", "2.15.0", "cuda120py311h43b5e44_1")
    return tensorflow(m, "2.15.0", on_path=True)


@case("cpu-condaforge-tf-365", "tensorflow", conda_tensorflow, ["/opt/conda/envs/ml/lib"])
def _(m):
    fresh(m)
    tensorflow(m, "2.15.0", False, cuda_build=False)


@case(
    "cpu-hoistformer-3",
    "pytorch",
    lambda: torch(conda("20f1", "470.256.02", "3.8"), "1.9.0", "11.1", True),
    ["/opt/conda"],
)
def _(m):
    fresh(m)
    torch(m, "1.9.0", None)
    conda_package(m, "pytorch", "1.9.0", "py3.8_cpu_0")
    conda_package(m, "pytorch-mutex", "1.0", "cpu")
    conda_package(m, "cudatoolkit", "11.1.74", "h6bb024c_0")


@case(
    "cpu-llamacpp-15946",
    "llama.cpp",
    lambda: llama_cpp(bare("2684")),
    ["/opt/llama.cpp", ".whycpu/log"],
)
def _(m):
    m.remove("/opt/llama.cpp")
    llama_cpp(m, None)
    symptoms(m, "cpu-llamacpp-15946")


def nano():
    """JetPack 4.4 with NVIDIA's wheel."""
    m = python(
        jetson(
            "R32 (release), REVISION: 4.3",
            "4.9.140-tegra",
            10020,
            "NVIDIA Tegra X1",
            "5.3",
            "NVIDIA Jetson Nano Developer Kit",
            "tegra210",
        ),
        "3.6",
        "system",
    )
    toolkit(m, "10.2", "8.0.0")
    distribution(m, "torch", "1.6.0", ["numpy"])
    m.text(
        f"{m.site}/torch/version.py",
        "__version__ = '1.6.0'\ndebug = False\ncuda = '10.2'\ngit_version = 'b31f58d6'\n"
        "hip = None\n",
    )
    m.library(
        f"{m.site}/torch/lib",
        "libtorch_cuda.so",
        runpath="$ORIGIN",
        archs=(53, 62, 72),
        needed=("libcudart.so.10.2", "libcublas.so.10", "libcudnn.so.8"),
    )
    return m


@case(
    "cpu-jetson-lmy-3",
    "pytorch",
    nano,
    ["/usr/local/lib/python3.6", "/usr/lib/python3", "/usr/lib/python3.6", "/home"],
)
def _(m):
    fresh(m)
    torch(m, "1.6.0", None)


@case("cpu-jax-whisper-211", "jax", with_jax(), [SITE])
def _(m):
    fresh(m)
    jax(m, "0.6.1", plugin=False)
    distribution(m, "flax", "0.10.6")
    symptoms(m, "cpu-jax-whisper-211")


@case("arch-leggedlab-26", "pytorch", blackwell, [SITE])
def _(m):
    fresh(m)
    torch(m, "2.5.1", "12.4")
    symptoms(m, "arch-leggedlab-26")


@case("arch-deepprep-233", "pytorch", blackwell, [SITE])
def _(m):
    fresh(m)
    torch(m, "2.0.1", "11.8")
    symptoms(m, "arch-deepprep-233")


@case(
    "tfcc-23385",
    "tensorflow",
    lambda: tensorflow_1_5(),
    [".whycpu/log"],
    without=("unknown", "gpu-used"),
)
def _(m):
    symptoms(m, "tfcc-23385")


def tensorflow_1_5():
    m = python(bare("1b81", "390.87"), "3.6")
    toolkit(m, "9.0", "7.0.5")
    return bare_tensorflow_gpu(m, "1.5.0")


def bare_tensorflow_gpu(m, version, cuda="9.0", cudnn="7"):
    distribution(m, "tensorflow-gpu", version)
    m.library(
        f"{m.site}/tensorflow",
        "libtensorflow_framework.so",
        runpath="$ORIGIN/",
        needed=(
            f"libcublas.so.{cuda}",
            "libcuda.so.1",
            f"libcudnn.so.{cudnn}",
            f"libcufft.so.{cuda}",
            f"libcurand.so.{cuda}",
            f"libcudart.so.{cuda}",
        ),
    )
    m.text(
        f"{m.site}/tensorflow/python/_pywrap_tensorflow_internal.so",
        elf.shared(
            "",
            (
                f"libcublas.so.{cuda}",
                f"libcusolver.so.{cuda}",
                "libtensorflow_framework.so",
                f"libcudart.so.{cuda}",
                f"libcudnn.so.{cudnn}",
                f"libcufft.so.{cuda}",
                "libc.so.6",
            ),
            rpath="$ORIGIN/:$ORIGIN/..",
        ),
    )
    return m


@case("tfsm-3430", "tensorflow", lambda: k4200(), [".whycpu/log", ".whycpu/gpu.json"], healed=None)
def _(m):
    for row in m.gpu["cuda"]["devices"]:
        row["multiprocessors"] = 7
    symptoms(m, "tfsm-3430")


def k4200():
    m = python(bare("11b4", "367.57", gpus=2), "3.5")
    toolkit(m, "7.5", None)
    m.library(m.lib, "libcudnn.so.4", "4.0.7", cached=True)
    return bare_tensorflow_gpu(m, "0.9.0", "7.5", "4")


@case(
    "ptx-tgi-1026",
    "pytorch",
    lambda: torch(python(bare("20f1", "520.61.05")), "2.0.1", "11.8"),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    old_driver(m, "450.80.02")
    symptoms(m, "ptx-tgi-1026")


@case(
    "ptx-diffvg-84",
    "pytorch",
    lambda: torch(python(bare("2204", "455.45.01")), "1.8.1", "11.1", True),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    old_driver(m, "450.119.03")
    m.gpu["cuda"]["driver_version"] = 11000
    symptoms(m, "ptx-diffvg-84")


@case(
    "minor-compat-135126",
    "pytorch",
    lambda: torch(python(bare("20f1", "550.54.14")), "2.4.1", "12.1"),
    ["/opt/venv"],
)
def _(m):
    old_driver(m, "525.105.12")


@case("cpu-ort-23833", "onnxruntime", lambda: ort_4090(), ["/opt/venv"])
def _(m):
    distribution(m, "onnxruntime", "1.20.1", ["coloredlogs"])
    m.says("['AzureExecutionProvider', 'CPUExecutionProvider']")


def ort_4090():
    m = python(bare("2684", "535.183.01"), "3.12")
    toolkit(m, "12.2", "9.1.0")
    return onnxruntime(m, "1.20.1")


# ---- libraries --------------------------------------------------------------------------------


@case("libs-behavior-385", "tensorflow", lambda: ros(), [CACHE])
def _(m):
    m.remove("/usr/local/cuda", "/usr/local/cuda-11.2")
    m.remove_like(LIB + "/libcudnn*")
    m.env["LD_LIBRARY_PATH"] = (
        "/usr/local/lib/python3.7/dist-packages/cv2/../../lib64:/opt/ros/noetic/lib:/usr/local/nvidia/lib:"
        "/usr/local/nvidia/lib64:/usr/lib/x86_64-linux-gnu/gazebo-11/plugins"
    )
    symptoms(m, "libs-behavior-385")


def ros():
    m = python(container("docker", "20f1", driver="470.256.02"), "3.7", "system")
    toolkit(m, "11.2", "8.1.1")
    return tensorflow(m, "2.8.0", False)


@case("libs-ort-25609", "onnxruntime", with_ort("1.22.0"), ["/opt/venv"])
def _(m):
    m.remove_like(LIB + "/libcudnn*")
    distribution(m, "nvidia-cudnn-cu12", "9.5.1.17")
    cudnn_files(m, f"{m.site}/nvidia/cudnn/lib", "9.5.1.17", versioned=False)
    symptoms(m, "libs-ort-25609")


@case(
    "libs-63362",
    "tensorflow",
    lambda: tensorflow(python(bare("20f1", "550.54.14"), "3.10"), "2.15.1"),
    ["/opt/venv"],
)
def _(m):
    fresh(m)
    tensorflow(m, "2.16.1")
    symptoms(m, "libs-63362")


@case("libs-nvtf-110", "tensorflow", lambda: with_system_tensorflow("2.10.0"), [CACHE])
def _(m):
    """The libcusolver.so.11 that is found belongs to CUDA 12."""
    folder = "/usr/local/cuda-11.2/targets/x86_64-linux/lib"
    m.remove_like(folder + "/libcusolver*")
    m.libraries = [row for row in m.libraries if row[2] in m.files]
    m.library(
        folder,
        "libcusolver.so.11",
        "11.6.1.9",
        ("libcublas.so.12", "libcublasLt.so.12", "libcusparse.so.12", "libnvJitLink.so.12"),
        cached=True,
    )
    symptoms(m, "libs-nvtf-110")


@case("libs-ort-21684", "onnxruntime", with_ort("1.18.0", "11.8", "8.9.7"), [CACHE])
def _(m):
    m.remove("/usr/local/cuda", "/usr/local/cuda-11.8")
    toolkit(m, "12.4", None)
    symptoms(m, "libs-ort-21684")


@case("jaxlib-cuda-94", "jax", with_jax(), [SITE])
def _(m):
    fresh(m)
    jax(
        m,
        "0.4.23",
        "12.3",
        cudnn="8.9.7.29",
        versions={"cuda-runtime": "12.1.105"},
        least=("12.2.140", "8.9"),
    )
    symptoms(m, "jaxlib-cuda-94")


@case(
    "cudnn-46310",
    "tensorflow",
    lambda: with_system_tensorflow("2.4.0", driver="450.80.02", cuda="11.0", cudnn="8.0.5"),
    [CACHE],
)
def _(m):
    """Its title names libcudnn.so.8 and libcusolver.so.10; the commenter's remedy is cuDNN's."""
    m.remove_like(LIB + "/libcudnn*")
    symptoms(m, "cudnn-46310")


@case("cudnn-45200", "tensorflow", lambda: pascal_tensorflow(), [CACHE])
def _(m):
    m.remove_like(LIB + "/libcudnn*")
    symptoms(m, "cudnn-45200")


def pascal_tensorflow():
    m = python(bare("1b06", "455.45.01", gpus=10, release="3.10.0-1160.el7.x86_64"), "3.8")
    toolkit(m, "11.1", "8.0.5")
    m.env["CUDA_VISIBLE_DEVICES"] = "7, 8, 9"
    m.gpu["cuda"].update(device_count=3, devices=m.gpu["cuda"]["devices"][:3])
    return nightly(m)


def nightly(m):
    distribution(m, "tf-nightly-gpu", "2.5.0.dev20201125")
    tensorflow(m, "2.8.0", False)
    m.remove(f"{m.site}/tensorflow-2.8.0.dist-info")
    return m


@case("cudnn-jax-15268", "jax", jax_with_toolkit, [CACHE])
def _(m):
    m.remove_like(LIB + "/libcudnn*")
    cudnn_files(m, LIB, "8.5.0", cached=True)
    symptoms(m, "cudnn-jax-15268")


@case("cudnn-jax-149", "jax", lambda: conda_jax("9.1.1"), ["/opt/conda"])
def _(m):
    m.remove_like("/opt/conda/envs/ml/lib/libcudnn*")
    m.remove("/opt/conda/envs/ml/conda-meta/cudnn-9.1.1-h0.json")
    conda_package(m, "cudnn", "8.9.7", "h0")
    cudnn_files(m, "/opt/conda/envs/ml/lib", "8.9.7")
    symptoms(m, "cudnn-jax-149")


ALL_WHEELS = (*LIBRARIES_12, "nccl")


def conda_jax(cudnn):
    """conda-forge's plug-in finds its libraries in the environment's lib."""
    m = conda("20f1", "550.54.14", "3.11")
    conda_package(m, "jax", "0.4.31", "pyhd8ed1ab_1")
    conda_package(m, "jaxlib", "0.4.31", "cuda120py311h0_200")
    conda_package(m, "cudnn", cudnn, "h0")
    lib = "/opt/conda/envs/ml/lib"
    jax(m, "0.4.31", "12.0", cudnn=None, without=ALL_WHEELS, least=("12.1.105", "9.1"))
    plugin = f"{m.site}/jax_plugins/xla_cuda12/xla_cuda_plugin.so"
    m.text(plugin, elf.shared("", ("libc.so.6",), rpath="$ORIGIN/../../../.."))
    toolkit(m, "12.4", None, cached=False)
    for folder, soname, real, _ in list(m.libraries):
        if folder.startswith("/usr/local/cuda-12.4/"):
            data = m.files.pop(real)
            m.links.pop(f"{folder}/{soname}", None)
            m.text(f"{lib}/{real.rsplit('/', 1)[1]}", data)
            m.link(f"{lib}/{soname}", real.rsplit("/", 1)[1])
    cudnn_files(m, lib, cudnn)
    return m


@case("cudnn-jax-18032", "jax", lambda: both(), [SITE], without=("unknown", "gpu-used"))
def _(m):
    m.says(
        "CUDA backend failed to initialize: Found cuDNN version 8700, but JAX was built against version 8800, which is newer. The "
        "copy of cuDNN that is installed must be at least as new as the version against which JAX was built. (Set "
        "TF_CPP_MIN_LOG_LEVEL=0 and rerun for more info.)",
        "[CpuDevice(id=0)]",
    )


def both():
    """Two frameworks with a cuDNN each."""
    m = python(bare("20f1", "535.183.01", gpus=2))
    toolkit(m, "11.8", "8.8.0")
    torch(m, "2.1.2", "11.8", cudnn="8.7.0.84")
    return jax_old(m, "0.4.23", "11.8", "8.6")


@case(
    "shadow-ragflow-4466",
    "pytorch",
    lambda: torch(python(bare("20f1", "550.54.14"))),
    [".whycpu/env"],
)
def _(m):
    toolkit(m, "12.1", None, cached=False)
    m.env["LD_LIBRARY_PATH"] = "/usr/local/cuda-12.1/lib64:"
    m.says("undefined symbol: __nvJitLinkAddData_12_1, version libnvJitLink.so.12")


@case(
    "shadow-torch-144244",
    "pytorch",
    lambda: torch(python(bare("20f1", "550.54.14"))),
    [".whycpu/env"],
)
def _(m):
    toolkit(m, "12.2", None, cached=False)
    m.env["LD_LIBRARY_PATH"] = "/usr/local/cuda-12.2/lib64"
    symptoms(m, "shadow-torch-144244")


@case(
    "jax-plugin-29068",
    "jax",
    lambda: jax(python(vm("1eb8", driver="550.54.14")), "0.6.1", "12.8", cudnn="9.10.1.4"),
)
def _(m):
    """The last line lies: the plug-in is there."""
    symptoms(m, "jax-plugin-29068")


left = [name for name, row in CASES.items() if row["grade"] in "AB" and name not in done]
assert not left, f"cases without a machine: {left}"
