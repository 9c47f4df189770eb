"""Fixtures of containers, device nodes, the driver's libraries, the GPUs' state, and what the
environment selects."""

import elf
from causes_machine import BUS, with_jax, with_ollama, with_program, with_tensorflow, with_torch
from fixtures import cause
from frameworks import cuda_program, llama_cpp, ollama, python, tensorflow, torch
from kinds import bare, container, context_fails, cuda_fails, each, fabric_manager, hgx, vm, wsl2

CACHE = "/etc/ld.so.cache"
LIB = "/usr/lib/x86_64-linux-gnu"
UNEXPLAINED = ("unknown", "driver-call-failed")


def in_container(kind="docker", gpu="20f1", **more):
    return lambda: torch(python(container(kind, gpu, **more)))


# ---- containers -------------------------------------------------------------------------------


def with_podman():
    m = with_ollama("2684")
    m.text("/usr/bin/podman", elf.shared("", ("libc.so.6",)))
    m.text("/usr/bin/nvidia-ctk", elf.shared("", ("libc.so.6",)))
    m.text("/usr/bin/nvidia-container-runtime", elf.shared("", ("libc.so.6",)))
    m.text("/etc/cdi/nvidia.yaml", cdi(511))
    return m


def cdi(uvm):
    return (
        "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    deviceNodes:\n"
        "    - path: /dev/nvidia0\n      major: 195\n    - path: /dev/nvidia-uvm\n"
        f"      type: c\n      major: {uvm}\n      minor: 0\n"
    )


@cause(
    "container-runtime-not-configured", "ollama", with_podman, [".whycpu/log"], without="gpu-used"
)
def _(m):
    m.remove("/usr/bin/nvidia-ctk", "/usr/bin/nvidia-container-runtime", "/etc/cdi")
    m.says("Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all")


def given_nothing(m):
    m.nodes = {path: node for path, node in m.nodes.items() if "nvidia" not in path}
    m.remove(*m.owned)
    m.remove("/usr/bin/nvidia-smi")
    m.gpu = {"nvml": {"init": 12}}


@cause("container-no-gpu", "pytorch", in_container(), [".whycpu/nodes"])
def _docker(m):
    given_nothing(m)
    m.env.pop("NVIDIA_VISIBLE_DEVICES")
    m.env.pop("NVIDIA_DRIVER_CAPABILITIES")


@cause(
    "container-no-gpu",
    "tensorflow",
    lambda: tensorflow(python(container("kubernetes"))),
    [".whycpu/nodes"],
)
def _pod_of_a_cuda_image(m):
    given_nothing(m)


@cause("container-no-gpu", "cuda", lambda: cuda_program(container("podman")), [".whycpu/nodes"])
def _void(m):
    given_nothing(m)
    m.env["NVIDIA_VISIBLE_DEVICES"] = "void"


@cause("container-driver-caps", "pytorch", in_container(), [".whycpu/env", CACHE, LIB])
def _(m):
    m.env["NVIDIA_DRIVER_CAPABILITIES"] = "utility"
    m.remove_like(LIB + "/libcuda.*")
    m.remove_like(LIB + "/libnvidia-ptx*")
    del m.gpu["cuda"]


def eperm(m, error="EPERM"):
    for path in m.nodes_of("/dev/nvidia*"):
        m.nodes[path][6] = error
    cuda_fails(m, 304)


@cause("container-cgroup-lost", "pytorch", in_container(), [".whycpu/nodes"], without=UNEXPLAINED)
def _v2(m):
    eperm(m)
    m.gpu["nvml"] = {"init": 999}


@cause(
    "container-cgroup-lost",
    "tensorflow",
    lambda: tensorflow(python(container("kubernetes"))),
    [".whycpu/nodes", "/sys/fs/cgroup/devices/devices.list"],
    without=UNEXPLAINED,
)
def _v1(m):
    eperm(m)
    m.text("/sys/fs/cgroup/devices/devices.list", "c 136:* rwm\nc 5:2 rwm\nc 1:3 rwm\nc 195:* m\n")
    m.gpu["nvml"] = {"init": 999}


def enforcing(m):
    m.text("/sys/fs/selinux/enforce", "1")
    m.text("/proc/self/attr/current", "system_u:system_r:container_t:s0:c123,c456\0")
    eperm(m, "EACCES")
    m.gpu["nvml"] = {"init": 4}


@cause(
    "container-selinux-denied",
    "pytorch",
    in_container("podman"),
    [".whycpu/nodes"],
    without=UNEXPLAINED,
)
def _(m):
    enforcing(m)


@cause(
    "container-selinux-denied",
    "cuda",
    lambda: cuda_program(container("docker")),
    ["/sys/fs/selinux", "/proc/self/attr/current"],
    without=UNEXPLAINED,
)
def _docker_on_fedora(m):
    enforcing(m)


# ---- device nodes -----------------------------------------------------------------------------


@cause("device-nodes-missing", "pytorch", with_torch(), [".whycpu/nodes"], without=UNEXPLAINED)
def _(m):
    for path in m.nodes_of("/dev/nvidia*"):
        del m.nodes[path]
    params = m.files["/proc/driver/nvidia/params"].decode()
    m.text(
        "/proc/driver/nvidia/params", params.replace("ModifyDeviceFiles: 1", "ModifyDeviceFiles: 0")
    )
    m.gpu["nvml"] = {"init": 9}
    cuda_fails(m, 304)


def no_uvm_node(m):
    del m.nodes["/dev/nvidia-uvm"], m.nodes["/dev/nvidia-uvm-tools"]
    cuda_fails(m, 999)


@cause("uvm-device-missing", "pytorch", in_container("lxc"), [".whycpu/nodes"], without=UNEXPLAINED)
def _lxc(m):
    no_uvm_node(m)


@cause("uvm-device-missing", "cuda", with_program(), [".whycpu/nodes"], without=UNEXPLAINED)
def _on_the_host(m):
    no_uvm_node(m)


def stale_major(m):
    m.nodes["/dev/nvidia-uvm"][4] = m.nodes["/dev/nvidia-uvm-tools"][4] = 510
    m.nodes["/dev/nvidia-uvm"][6] = "ENXIO"
    cuda_fails(m, 999)


@cause(
    "uvm-device-major-mismatch", "pytorch", in_container(), [".whycpu/nodes"], without=UNEXPLAINED
)
def _(m):
    stale_major(m)


@cause(
    "uvm-device-major-mismatch",
    "tensorflow",
    lambda: tensorflow(python(container())),
    ["/proc/devices"],
    without=UNEXPLAINED,
)
def _as_root(m):
    """It opens, and is another driver's."""
    stale_major(m)
    m.nodes["/dev/nvidia-uvm"][6] = None


def video_only(m):
    for path in m.nodes_of("/dev/nvidia*"):
        m.nodes[path][1:4] = ["0660", 0, 44]
        m.nodes[path][6] = "EACCES"
    m.gpu["nvml"] = {"init": 4}
    cuda_fails(m, 100)


@cause("device-permission-denied", "pytorch", with_torch(), [".whycpu/nodes"], without=UNEXPLAINED)
def _(m):
    video_only(m)
    params = m.files["/proc/driver/nvidia/params"].decode()
    m.text(
        "/proc/driver/nvidia/params",
        params.replace("DeviceFileGID: 0", "DeviceFileGID: 44").replace(
            "DeviceFileMode: 438", "DeviceFileMode: 432"
        ),
    )


@cause(
    "device-permission-denied",
    "tensorflow",
    lambda: tensorflow(python(container("podman"))),
    [".whycpu/nodes"],
    without=UNEXPLAINED,
)
def _rootless_podman(m):
    video_only(m)
    for path in m.nodes_of("/dev/nvidia*"):
        m.nodes[path][2:4] = [65534, 65534]
    m.text(
        "/proc/self/uid_map", "         0       1000          1\n         1     100000      65536\n"
    )


# ---- the driver's libraries -------------------------------------------------------------------


def no_libcuda(m):
    m.remove_like(LIB + "/libcuda.*")
    del m.gpu["cuda"]


@cause("libcuda-missing", "pytorch", with_torch(), [CACHE])
def _(m):
    no_libcuda(m)


@cause("libcuda-missing", "jax", with_jax(), [CACHE, LIB, ".whycpu/gpu.json"])
def _headless(m):
    m.remove(*m.owned)
    m.gpu = {"nvml": {"init": 12}}


@cause("libcuda-wrong-arch", "tensorflow", with_tensorflow(), [CACHE])
def _(m):
    no_libcuda(m)
    m.remove_like(LIB + "/libnvidia-*")
    m.gpu = {"nvml": {"init": 12}}
    m.driver_libraries(m.driver, "/usr/lib/i386-linux-gnu", True, elf.I386)


def stubs(m):
    folder = "/usr/local/cuda-12.4/targets/x86_64-linux/lib/stubs"
    m.text(f"{folder}/libcuda.so", elf.shared("libcuda.so.1", ("libc.so.6",)))
    m.link(f"{folder}/libcuda.so.1", "libcuda.so")
    m.link("/usr/local/cuda-12.4/lib64", "targets/x86_64-linux/lib")
    m.link("/usr/local/cuda", "cuda-12.4")
    cuda_fails(m, 34)
    return folder


@cause("libcuda-stub", "pytorch", with_torch(), [".whycpu/env", ".whycpu/gpu.json"])
def _by_environment(m):
    stubs(m)
    m.env["LD_LIBRARY_PATH"] = "/usr/local/cuda/lib64:/usr/local/cuda/lib64/stubs"


@cause("libcuda-stub", "cuda", with_program(), [CACHE, ".whycpu/gpu.json"])
def _by_the_cache(m):
    folder = stubs(m)
    m.libraries.append((folder, "libcuda.so.1", f"{folder}/libcuda.so", "x86_64"))
    m.cached.insert(0, folder)
    m.text("/etc/ld.so.conf.d/000-stubs.conf", folder + "\n")


def upgraded(m, old, new, cuda=803):
    """The packages were upgraded; the old module is still loaded."""
    m.remove(*m.owned)
    m.driver_libraries(new)
    m.files["/usr/src/" + f"nvidia-{new}/dkms.conf"] = b""
    m.dmesg(
        f"NVRM: API mismatch: the client 'python3' (pid 4711)",
        f"NVRM: has the version {new}, but this kernel module has",
        f"NVRM: the version {old}.  Please make sure that this",
        "NVRM: kernel module and all NVIDIA driver",
        "NVRM: components have the same version.",
    )
    m.gpu["nvml"] = {"init": 18}
    cuda_fails(m, cuda)


@cause(
    "driver-library-mismatch",
    "pytorch",
    with_torch(),
    [
        "/proc/driver/nvidia/version",
        "/sys/module/nvidia/version",
        ".whycpu/kmsg",
        ".whycpu/gpu.json",
    ],
)
def _(m):
    upgraded(m, "550.54.14", "550.90.07")
    m.text(
        "/var/log/apt/history.log",
        "Start-Date: 2024-07-02  06:34:11\nCommandline: /usr/bin/unattended-upgrade\n"
        "Upgrade: libnvidia-compute-550:amd64 (550.54.14-0ubuntu0.22.04.1, 550.90.07-0ubuntu0.22.04.1)\n"
        "End-Date: 2024-07-02  06:36:10\n",
    )


@cause(
    "driver-library-mismatch",
    "tensorflow",
    with_tensorflow(),
    ["/proc/driver/nvidia/version", "/sys/module/nvidia/version", ".whycpu/gpu.json"],
)
def _without_a_log(m):
    upgraded(m, "550.54.14", "550.90.07")
    m.kmsg = []


def compat(m, version, release="12.4"):
    """cuda-compat, ahead of the driver's own."""
    folder = f"/usr/local/cuda-{release}/compat"
    m.driver_libraries(version, folder, cached=False)
    m.link("/usr/local/cuda", f"cuda-{release}")
    m.env["LD_LIBRARY_PATH"] = (
        "/usr/local/cuda/compat:/usr/local/nvidia/lib:/usr/local/nvidia/lib64"
    )


@cause(
    "cuda-compat-unsupported",
    "pytorch",
    in_container(gpu="2204", driver="535.183.01"),
    [".whycpu/env", ".whycpu/gpu.json"],
)
def _(m):
    compat(m, "550.54.14")
    cuda_fails(m, 804)


@cause(
    "cuda-compat-mismatch",
    "pytorch",
    in_container(gpu="2331", driver="545.23.08"),
    [".whycpu/env", ".whycpu/gpu.json"],
)
def _(m):
    compat(m, "570.86.10", "12.8")
    cuda_fails(m, 803)


def wsl():
    return torch(python(wsl2()))


@cause("wsl-libcuda-shadowed", "pytorch", wsl, [CACHE], without=UNEXPLAINED)
def _(m):
    m.driver_libraries("535.183.01")
    m.cached.remove(m.lib)
    m.cached.insert(0, m.lib)
    cuda_fails(m, 100)


@cause("wsl-driver-broken", "pytorch", wsl, ["/usr/lib/wsl", CACHE])
def _no_library(m):
    m.remove_like("/usr/lib/wsl/lib/libcuda*")
    del m.gpu["cuda"]


@cause(
    "wsl-driver-broken",
    "ollama",
    lambda: (lambda m: (ollama(m), m)[1])(wsl2()),
    [".whycpu/gpu.json"],
)
def _500(m):
    cuda_fails(m, 500)


# ---- the GPUs' state --------------------------------------------------------------------------


@cause(
    "suspend-resume-uvm",
    "ollama",
    lambda: with_ollama("2204"),
    [".whycpu/kmsg"],
    without=UNEXPLAINED,
)
def _(m):
    m.dmesg(
        "PM: suspend entry (deep)",
        "Filesystems sync: 0.011 seconds",
        "ACPI: PM: Waking up from system sleep state S3",
        "PM: suspend exit",
    )
    cuda_fails(m, 999)


def on_hgx():
    return torch(python(hgx()))


def not_ready(m, state="in-progress"):
    each(m, fabric_state=state)
    cuda_fails(m, 802)


@cause("fabric-manager-not-running", "pytorch", on_hgx, [BUS, ".whycpu/gpu.json"])
def _not_installed(m):
    m.remove(
        "/usr/bin/nv-fabricmanager",
        "/usr/lib/systemd/system/nvidia-fabricmanager.service",
        "/run/nvidia-fabricmanager",
        "/var/log/fabricmanager.log",
        "/var/lib/dpkg",
    )
    not_ready(m)


@cause(
    "fabric-manager-not-running",
    "cuda",
    lambda: cuda_program(hgx("20b0")),
    [BUS, ".whycpu/gpu.json"],
)
def _not_started(m):
    m.remove("/run/nvidia-fabricmanager", "/var/log/fabricmanager.log")
    not_ready(m, "not-supported")


@cause("fabric-manager-not-running", "pytorch", on_hgx, [BUS, ".whycpu/gpu.json"])
def _another_version(m):
    m.remove("/run/nvidia-fabricmanager", "/var/lib/dpkg")
    fabric_manager(m, "535.183.01", running=False)
    m.text(
        "/var/log/fabricmanager.log",
        "[Jul 01 2025 10:00:00] [INFO] [tid 1820] Fabric Manager version 535.183.01 "
        "is running with the following configuration options\n[Jul 01 2025 10:00:00] [ERROR] [tid 1820] fabric "
        "manager NVIDIA GPU driver interface version 535.183.01 don't match with driver version 550.54.14. "
        "Please update with matching NVIDIA driver package.\n",
    )
    not_ready(m)


@cause("cc-not-ready", "pytorch", with_torch("2331"), [".whycpu/gpu.json"])
def _(m):
    each(m, confidential_compute=True, cc_ready=False)
    cuda_fails(m, 802)


@cause("mig-enabled-no-instance", "pytorch", with_torch(), [".whycpu/gpu.json"])
def _(m):
    each(m, mig_mode="enabled", mig_instances=0)
    cuda_fails(m, 100)


@cause("mig-enabled-no-instance", "jax", with_jax(gpus=4), [".whycpu/gpu.json"])
def _four(m):
    each(m, mig_mode="enabled", mig_instances=0)
    cuda_fails(m, 100)


@cause("compute-mode-restricted", "pytorch", with_torch(), [".whycpu/gpu.json"])
def _prohibited(m):
    each(m, compute_mode="prohibited")
    context_fails(m, 46)


@cause("compute-mode-restricted", "tensorflow", with_tensorflow("20f1"), [".whycpu/gpu.json"])
def _exclusive_thread(m):
    each(m, compute_mode="exclusive-thread", processes=1)
    context_fails(m, 46)


@cause("compute-mode-exclusive-busy", "pytorch", with_torch(), [".whycpu/gpu.json"])
def _(m):
    each(m, compute_mode="exclusive-process", processes=1)
    context_fails(m, 46)


@cause("mps-unreachable", "pytorch", with_torch(), [".whycpu/env", ".whycpu/gpu.json"])
def _(m):
    m.env["CUDA_MPS_PIPE_DIRECTORY"] = "/tmp/nvidia-mps-job17"
    m.folder("/tmp")
    cuda_fails(m, 805)


@cause("gpu-reset-required", "pytorch", with_torch(), [".whycpu/gpu.json", ".whycpu/kmsg"])
def _remapping(m):
    each(m, remap_pending=True)
    m.dmesg(
        "NVRM: Xid (PCI:0000:01:00): 63, pid='<unknown>', name=<unknown>, Row Remapper: New row marked for remapping, "
        "reset gpu to activate.",
        "NVRM: Xid (PCI:0000:01:00): 94, pid=3012, name=python3, Ch 00000008",
    )
    context_fails(m, 214)


@cause("gpu-reset-required", "cuda", with_program("1db4"), [".whycpu/gpu.json", ".whycpu/kmsg"])
def _double_bit(m):
    each(m, retired_pending=True, ecc_uncorrected_volatile=2)
    m.dmesg(
        "NVRM: Xid (PCI:0000:01:00): 48, pid='<unknown>', name=<unknown>, An uncorrectable double bit error (DBE) "
        "has been detected on GPU in the framebuffer"
    )
    context_fails(m, 214)


def vgpu(profile="A40-48C"):
    def make():
        m = torch(python(vm("2235", driver="550.54.14")))
        each(m, virtualization="vgpu", vgpu_type="NVIDIA " + profile, name="NVIDIA " + profile)
        m.gpu["cuda"]["devices"][0]["name"] = "NVIDIA " + profile
        return m

    return make


def not_virtual():
    return torch(python(vm("2235", driver="550.54.14")))


@cause("vgpu-no-compute", "pytorch", not_virtual, [".whycpu/gpu.json"])
def _profile(m):
    each(m, virtualization="vgpu", vgpu_type="NVIDIA A40-8B", name="NVIDIA A40-8B")
    cuda_fails(m, 801)


@cause("vgpu-no-compute", "pytorch", not_virtual, [".whycpu/gpu.json"])
def _licence(m):
    each(
        m, virtualization="vgpu", vgpu_type="NVIDIA A40-48C", name="NVIDIA A40-48C", licensed=False
    )
    context_fails(m, 102)


@cause(
    "vgpu-feature-blocked",
    "pytorch",
    not_virtual,
    [".whycpu/gpu.json"],
    warns=True,
    without="unknown",
)
def _(m):
    each(m, virtualization="vgpu", vgpu_type="NVIDIA A40-48C", name="NVIDIA A40-48C")


# ---- what the environment selects -------------------------------------------------------------


def forced(value):
    def broken(m):
        m.env["CUDA_VISIBLE_DEVICES"] = value
        cuda_fails(m, 100)

    return broken


for label, value in (("empty", ""), ("minus-one", "-1"), ("no-dev-files", "NoDevFiles")):
    cause(
        "cpu-forced-by-env",
        "tensorflow" if value else "pytorch",
        with_tensorflow() if value else with_torch(),
        [".whycpu/env"],
        label,
        without=UNEXPLAINED,
    )(forced(value))


@cause("cpu-forced-by-env", "jax", with_jax(), [".whycpu/env"])
def _jax_platforms(m):
    m.env["JAX_PLATFORMS"] = "cpu"


@cause("cpu-forced-by-env", "jax", with_jax(), [".whycpu/env"])
def _jax_platform_name(m):
    m.env["JAX_PLATFORM_NAME"] = "cpu"


@cause("cpu-forced-by-env", "ollama", lambda: with_ollama("2684"), [".whycpu/env"])
def _ollama_library(m):
    m.env["OLLAMA_LLM_LIBRARY"] = "cpu_avx2"


@cause(
    "cpu-forced-by-env",
    "llama.cpp",
    lambda: llama_cpp(bare("2684")),
    [".whycpu/env"],
    without=UNEXPLAINED,
)
def _llama(m):
    forced("-1")(m)


for label, value in (
    ("index", "7"),
    ("first-is-no-device", "x,0"),
    ("uuid", "GPU-deadbeef"),
    ("twice", "0,0"),
    ("unexpanded", "$0"),
):
    cause(
        "visible-devices-invalid",
        "pytorch",
        with_torch(),
        [".whycpu/env"],
        label,
        without=UNEXPLAINED,
    )(forced(value))


@cause("address-space-limit", "cuda", with_program(), [".whycpu/process"], without=UNEXPLAINED)
def _(m):
    m.process["as_limit"] = str(8 << 30)
    cuda_fails(m, 2)


@cause("driver-call-failed", "pytorch", with_torch(), verdict="unknown")
def _(m):
    """An error that nothing explains: the GPU is not used, and nobody can tell why."""
    cuda_fails(m, 999)


@cause("driver-call-failed", "cuda", with_program(), verdict="unknown")
def _context(m):
    context_fails(m, 719)
