"""Fixtures of what a system is, of the PCI bus, and of the kernel's module."""

from fixtures import cause
from frameworks import cuda_program, distribution, jax, llama_cpp, ollama, python, tensorflow, torch
from gpus import uuid_of
from kinds import (
    bare,
    cuda_fails,
    device,
    information,
    install,
    nvrm,
    pci,
    uninstall,
    unload,
    vm,
    wsl2,
)

BUS = "/sys/bus/pci/devices"
DEVICE = BUS + "/0000:01:00.0"
EFI = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
HERE = "/lib/modules/6.1.0-32-amd64"


def with_torch(gpu="20f1", **more):
    def make():
        m = bare(gpu, **more)
        return torch(python(m))

    return make


def with_program(gpu="20f1", **more):
    return lambda: cuda_program(bare(gpu, **more))


def with_tensorflow(gpu="20f1", version="2.17.0", **more):
    return lambda: tensorflow(python(bare(gpu, **more)), version)


def with_jax(gpu="20f1", **more):
    return lambda: jax(python(bare(gpu, **more)), cuda="12.4")


def nobody(m):
    """No device of the module's: it found none."""
    for path in m.nodes_of("/dev/nvidia[0-9]*") + m.nodes_of("/dev/dri/renderD*"):
        del m.nodes[path]
    m.remove("/proc/driver/nvidia/gpus")
    m.gpu = {
        "nvml": {"init": 0, "driver_version": m.driver, "devices": []},
        "cuda": {"init": 100, "driver_version": m.gpu["cuda"].get("driver_version", 12040)},
    }


# ---- scope ------------------------------------------------------------------------------------


def on_wsl2():
    return tensorflow(python(wsl2()))


@cause("windows-native-tf", "tensorflow", on_wsl2, ["/mnt"])
def _(m):
    home = "/mnt/c/Users/ada/AppData/Local/Programs/Python/Python311"
    m.text(f"{home}/python.exe", "MZ")
    m.site = f"{home}/Lib/site-packages"
    distribution(
        m, "tensorflow", "2.15.0", ['tensorflow-intel (==2.15.0) ; platform_system == "Windows"']
    )
    distribution(m, "tensorflow-intel", "2.15.0", ["numpy (<2.0.0,>=1.23.5)"])
    rows = [
        ("is_cuda_build", False),
        ("is_rocm_build", False),
        ("is_tensorrt_build", False),
        ("msvcp_dll_names", "msvcp140.dll,msvcp140_1.dll"),
    ]
    m.text(
        f"{m.site}/tensorflow/python/platform/build_info.py",
        f"import collections\nbuild_info = collections.OrderedDict({rows!r})\n",
    )
    m.text(f"{m.site}/tensorflow/python/_pywrap_tensorflow_internal.pyd", "MZ")
    m.process["python"] = f"{home}/python.exe"
    m.env.pop("VIRTUAL_ENV")


@cause(
    "wsl1-no-gpu",
    "pytorch",
    lambda: torch(python(wsl2())),
    ["/proc/version", "/proc/sys/kernel/osrelease"],
)
def _(m):
    m.text(
        "/proc/version",
        "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc version 5.4.0 "
        "(GCC) ) #1237-Microsoft Sat Sep 11 14:32:00 PST 2021\n",
    )
    m.text("/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n")
    m.nodes.clear()
    m.remove("/sys", "/usr/lib/wsl", "/run/WSL")
    m.cached.remove("/usr/lib/wsl/lib")
    m.env.pop("WSL_INTEROP")
    m.gpu = {"nvml": {"init": 12}}
    m.kmsg = []


# ---- hardware ---------------------------------------------------------------------------------


@cause("no-nvidia-gpu", "pytorch", with_torch(), [BUS])
def _no_driver(m):
    uninstall(m)
    m.remove(device(m, m.addresses[0]), DEVICE)


@cause("no-nvidia-gpu", "tensorflow", lambda: tensorflow(python(vm())), [BUS, ".whycpu/kmsg"])
def _vm(m):
    unload(m)
    m.remove(device(m, m.addresses[0]), DEVICE)
    m.dmesg(
        "nvidia: loading out-of-tree module taints kernel.",
        "nvidia-nvlink: Nvlink Core is being initialized, major device number 239",
        "NVRM: No NVIDIA GPU found.",
        "nvidia-nvlink: Unregistered Nvlink Core, major device number 239",
    )


@cause("no-nvidia-gpu", "ollama", lambda: with_ollama("2684"), [BUS])
def _other_vendors(m):
    uninstall(m)
    m.remove(
        device(m, m.addresses[0]), DEVICE, DEVICE[:-1] + "1", device(m, m.addresses[0])[:-1] + "1"
    )
    pci(m, "0000:03:00.0", "1002", "744c", "030000", "amdgpu")
    pci(m, "0000:03:00.1", "1002", "ab30", "040300", "snd_hda_intel")


def with_ollama(gpu, **more):
    m = bare(gpu, **more)
    ollama(m)
    return m


def bar(m, line):
    path = device(m, m.addresses[0]) + "/resource"
    lines = m.files[path].decode().splitlines()
    lines[line] = "0x0000000000000000 0x0000000000000000 0x0000000000000000"
    m.text(path, "\n".join(lines) + "\n")
    unload(m)
    m.dmesg(
        f"pci 0000:01:00.0: BAR {line}: no space for [mem size 0x2000000000 64bit pref]",
        f"pci 0000:01:00.0: BAR {line}: failed to assign [mem size 0x2000000000 64bit pref]",
        "NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:",
        f"NVRM: BAR{line} is 0M @ 0x0 (PCI:0000:01:00.0)",
        "nvidia: probe of 0000:01:00.0 failed with error -1",
        "NVRM: The NVIDIA probe routine failed for 1 device(s).",
        "NVRM: None of the NVIDIA devices were initialized.",
    )


@cause("pci-bar-unassigned", "pytorch", with_torch("20f1"), [DEVICE + "/resource", ".whycpu/kmsg"])
def _region_1(m):
    bar(m, 1)


@cause("pci-bar-unassigned", "pytorch", with_torch("2331"), [DEVICE + "/resource", ".whycpu/kmsg"])
def _region_2_of_hopper(m):
    bar(m, 2)


@cause("pci-bar-unassigned", "cuda", with_program("2684"), [DEVICE + "/resource", ".whycpu/kmsg"])
def _region_3(m):
    bar(m, 3)
    m.kmsg = m.kmsg[:-5]  # it is the file that tells


def fell(m):
    path = device(m, m.addresses[0])
    m.text(path + "/config", b"\xff" * 256)
    m.text(path + "/current_link_speed", "Unknown\n")
    m.text(path + "/current_link_width", "63\n")
    m.dmesg(
        "NVRM: GPU at PCI:0000:01:00: " + uuid_of(0),
        "NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.",
        "NVRM: A GPU crash dump has been created. If possible, please run",
    )
    m.gpu["nvml"]["devices"] = [{"index": 0, "error": 15}]
    cuda_fails(m, 999)


@cause(
    "gpu-fell-off-bus",
    "pytorch",
    with_torch("24a0"),
    [
        DEVICE + "/config",
        DEVICE + "/current_link_speed",
        DEVICE + "/current_link_width",
        ".whycpu/kmsg",
        ".whycpu/gpu.json",
    ],
)
def _while_running(m):
    fell(m)


@cause("gpu-fell-off-bus", "cuda", with_program("26b5"), [BUS, ".whycpu/kmsg"])
def _before_probing(m):
    unload(m)
    m.text(device(m, m.addresses[0]) + "/config", b"\xff" * 256)
    m.dmesg(
        "NVRM: The NVIDIA GPU 0000:01:00.0",
        "NVRM: (PCI ID: 10de:26b5) installed in this system has",
        "NVRM: fallen off the bus and is not responding to commands.",
        "nvidia: probe of 0000:01:00.0 failed with error -1",
        "NVRM: The NVIDIA probe routine failed for 1 device(s).",
        "NVRM: None of the NVIDIA devices were initialized.",
    )


@cause(
    "gpu-bound-to-other-driver",
    "tensorflow",
    with_tensorflow("2684"),
    [DEVICE + "/driver", ".whycpu/kmsg"],
)
def _vfio(m):
    unload(m)
    m.link(device(m, m.addresses[0]) + "/driver", "../../../../bus/pci/drivers/vfio-pci")
    m.modules["vfio_pci"] = (16384, [])
    m.text(
        "/proc/cmdline",
        f"BOOT_IMAGE=/boot/vmlinuz-{m.release} root=/dev/sda1 ro intel_iommu=on "
        "vfio-pci.ids=10de:2684,10de:22ba\n",
    )
    m.dmesg(
        "vfio-pci 0000:01:00.0: vgaarb: deactivate vga console",
        "NVRM: The NVIDIA probe routine was not called for 1 device(s).",
        "NVRM: This can occur when another driver was loaded and ",
        "NVRM: obtained ownership of the NVIDIA device(s).",
        "NVRM: Try unloading the conflicting kernel module (and/or",
        "NVRM: reconfigure your kernel without the conflicting",
        "NVRM: driver(s)), then try loading the NVIDIA kernel module",
        "NVRM: again.",
        "NVRM: No NVIDIA devices probed.",
    )


@cause("gpu-bound-to-other-driver", "pytorch", with_torch(), [DEVICE + "/driver"])
def _pci_stub(m):
    unload(m)
    m.link(device(m, m.addresses[0]) + "/driver", "../../../../bus/pci/drivers/pci-stub")


@cause("pcie-link-degraded", "pytorch", with_torch(), [DEVICE + "/current_link_width"], warns=True)
def _(m):
    m.text(device(m, m.addresses[0]) + "/current_link_width", "4\n")


# ---- the kernel's module ----------------------------------------------------------------------


@cause("driver-not-installed", "pytorch", with_torch(), ["/lib/modules", "/usr/lib/modules"])
def _(m):
    uninstall(m)


@cause(
    "driver-not-installed",
    "tensorflow",
    with_tensorflow("2684"),
    ["/proc/modules", "/sys/module", "/lib/modules"],
)
def _nouveau_has_it(m):
    uninstall(m)
    nouveau(m)


@cause("driver-not-installed", "llama.cpp", lambda: llama_cpp(bare("2204")), [BUS])
def _no_modules_folder_of_its_own(m):
    uninstall(m)
    m.remove("/usr/src/linux-headers-6.1.0-32-amd64")


def nouveau(m, name="nouveau"):
    m.modules[name] = (3096576, [])
    m.link(
        device(m, m.addresses[0]) + "/driver",
        f"../../../../bus/pci/drivers/{'nouveau' if name == 'nouveau' else 'NovaCore'}",
    )
    m.node("/dev/dri/renderD128", 226, 128, "0660", 0, 105, opens="EACCES")
    m.dmesg(f"{name} 0000:01:00.0: NVIDIA GA100 (170000a1)")


@cause(
    "nouveau-bound",
    "pytorch",
    with_torch("2204"),
    [DEVICE + "/driver", "/proc/modules", "/sys/module"],
)
def _(m):
    unload(m)
    nouveau(m)
    m.dmesg(
        "NVRM: The NVIDIA probe routine was not called for 1 device(s).",
        "NVRM: This can occur when another driver was loaded and ",
        "NVRM: obtained ownership of the NVIDIA device(s).",
        "NVRM: No NVIDIA devices probed.",
    )


@cause(
    "nouveau-bound", "jax", with_jax("2204"), [DEVICE + "/driver", "/proc/modules", "/sys/module"]
)
def _nova(m):
    unload(m)
    nouveau(m, "nova_core")


@cause(
    "secure-boot-blocks-module",
    "pytorch",
    with_torch("1f95"),
    [EFI, "/sys/kernel/security/lockdown", ".whycpu/kmsg"],
)
def _(m):
    unload(m)
    m.text(EFI, b"\6\0\0\0\1")
    m.text("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    m.dmesg(
        "Kernel is locked down from EFI Secure Boot; see man kernel_lockdown.7",
        "Loading of unsigned module is rejected",
    )


@cause("secure-boot-blocks-module", "cuda", with_program(), [EFI, "/sys/kernel/security/lockdown"])
def _without_a_log(m):
    unload(m)
    m.text(EFI, b"\6\0\0\0\1")
    m.text("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    m.parts.discard("kmsg")


@cause("kernel-module-missing-for-kernel", "pytorch", with_torch(), [HERE])
def _another_kernel_has_it(m):
    unload(m)
    m.remove(
        HERE + "/updates",
        "/usr/src/linux-headers-6.1.0-32-amd64",
        HERE + "/build",
        f"/var/lib/dkms/nvidia/{m.driver}/{m.release}",
    )
    m.text("/usr/lib/modules/6.1.0-28-amd64/updates/dkms/nvidia.ko.xz", b"\xfd7zXZ")


@cause("kernel-module-missing-for-kernel", "tensorflow", with_tensorflow(), [HERE])
def _only_sources(m):
    unload(m)
    m.remove(HERE + "/updates", f"/var/lib/dkms/nvidia/{m.driver}/{m.release}")


@cause(
    "driver-not-loaded",
    "pytorch",
    with_torch(),
    [
        "/proc/modules",
        "/sys/module",
        "/proc/driver/nvidia",
        "/proc/devices",
        ".whycpu/gpu.json",
        ".whycpu/nodes",
    ],
)
def _(m):
    unload(m)


@cause("driver-not-loaded", "tensorflow", with_tensorflow("1f95"), [HERE])
def _blacklisted(m):
    unload(m)
    m.text(
        "/etc/modprobe.d/blacklist-nvidia.conf",
        "# Do not modify\nblacklist nvidia\nblacklist nvidia-drm\n" "alias nvidia off\n",
    )


@cause("driver-not-loaded", "cuda", lambda: cuda_program(bare(efi=False, gpu="20f1")), [BUS])
def _no_efi(m):
    unload(m)


@cause("driver-not-loaded", "pytorch", with_torch(), [EFI])
def _stale_log(m):
    """What an earlier boot printed is no cause."""
    unload(m)
    m.text(
        "/var/log/kern.log",
        "Jun  1 10:00:00 host kernel: [    3.000000] Loading of unsigned module is rejected\n"
        "Jun  2 10:00:00 host kernel: [    0.000000] Linux version 6.1.0-32-amd64 (builder@debian)\n",
    )


def legacy(m, gpu, branch):
    unload(m)
    m.dmesg(
        "nvidia: loading out-of-tree module taints kernel.",
        f"NVRM: The NVIDIA {gpu} GPU installed in this system is",
        f"NVRM:  supported through the NVIDIA {branch}.xx Legacy drivers. Please",
        "NVRM:  visit http://www.nvidia.com/object/unix.html for more",
        f"NVRM:  information.  The {m.driver} NVIDIA driver will ignore",
        "NVRM:  this GPU.  Continuing probe...",
        "NVRM: No NVIDIA GPU found.",
    )


def kepler():
    """A K80 on the last branch that serves it."""
    return cuda_program(bare("102d", "470.256.02"), "11.4", (37, 50, 80))


@cause("driver-does-not-support-gpu", "cuda", kepler, [BUS, ".whycpu/kmsg"])
def _too_new(m):
    uninstall(m)
    install(m, "550.54.14")
    unload(m)
    legacy(m, "Tesla K80", "470")


def blackwell():
    return torch(python(bare("2b85", "570.124.06")), "2.7.0", "12.8")


@cause("driver-does-not-support-gpu", "pytorch", blackwell, [BUS, ".whycpu/kmsg"])
def _too_old(m):
    uninstall(m)
    install(m, "550.54.14")
    unload(m)
    m.dmesg(
        "NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85)",
        "NVRM: installed in this system is not supported by the",
        "NVRM: NVIDIA 550.54.14 driver release.",
        "NVRM: Please see 'Appendix A - Supported NVIDIA GPU Products'",
        "NVRM: in this release's README, available on the operating system",
        "NVRM: specific graphics driver download page at www.nvidia.com.",
        "nvidia: probe of 0000:01:00.0 failed with error -1",
        "NVRM: The NVIDIA probe routine failed for 1 device(s).",
        "NVRM: None of the NVIDIA devices were initialized.",
    )


def refused(m):
    """The open module turns a GPU without GSP down."""
    ident = m.files[device(m, m.addresses[0]) + "/device"].decode().strip()[2:]
    m.forget("NVRM: loading")
    m.dmesg(
        f"NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:{ident})",
        "NVRM: installed in this system is not supported by open",
        "NVRM: nvidia.ko because it does not include the required GPU",
        "NVRM: System Processor (GSP).",
        "NVRM: Please see the 'Open Linux Kernel Modules' and 'GSP",
        "NVRM: Firmware' sections in the driver README, available on",
        "NVRM: the Linux graphics driver download page at",
        "NVRM: www.nvidia.com.",
        "nvidia: probe of 0000:01:00.0 failed with error -1",
        "NVRM: The NVIDIA probe routine failed for 1 device(s).",
        "NVRM: None of the NVIDIA devices were initialized.",
    )


@cause("open-kmod-unsupported-gpu", "pytorch", with_torch("1db4"), [BUS, ".whycpu/kmsg"])
def _loaded(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, True) + "\n")
    nobody(m)
    refused(m)


@cause("open-kmod-unsupported-gpu", "tensorflow", with_tensorflow("1b82"), [BUS, ".whycpu/kmsg"])
def _not_loaded(m):
    unload(m)
    refused(m)


@cause("open-kmod-required", "pytorch", blackwell, ["/proc/driver/nvidia/version", ".whycpu/kmsg"])
def _(m):
    m.text("/proc/driver/nvidia/version", nvrm(m, m.driver, False) + "\n")
    nobody(m)
    m.forget("NVRM: loading")
    m.dmesg(
        "NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85)",
        "NVRM: installed in this system requires use of the NVIDIA open kernel modules.",
        "nvidia: probe of 0000:01:00.0 failed with error -1",
        "NVRM: The NVIDIA probe routine failed for 1 device(s).",
    )


def rm_fails(m, *lines):
    information(m, 0, m.addresses[0], uuid="GPU-????????-????-????-????-????????????")
    m.dmesg(
        *lines,
        "NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)",
        "NVRM: GPU 0000:01:00.0: rm_init_adapter failed, device minor number 0",
    )
    m.gpu = {
        "nvml": {"init": 0, "driver_version": m.driver, "devices": []},
        "cuda": {"init": 100, "driver_version": 12040},
    }


@cause(
    "gpu-init-failed",
    "pytorch",
    with_torch("2684"),
    ["/proc/driver/nvidia/gpus", ".whycpu/kmsg"],
    without=("unknown", "driver-call-failed"),
)
def _(m):
    rm_fails(m)


@cause(
    "gpu-init-failed",
    "cuda",
    with_program("2684", opened=True),
    ["/proc/driver/nvidia/gpus", ".whycpu/kmsg"],
    without=("unknown", "driver-call-failed"),
)
def _firmware(m):
    rm_fails(
        m,
        "nvidia 0000:01:00.0: Direct firmware load for nvidia/550.54.14/gsp_ga10x.bin failed with error -2",
        "NVRM: RmFetchGspRmImages: No firmware image found",
        "NVRM: kgspInitRm_IMPL: cannot bootstrap riscv/gsp: 0x56",
    )


@cause(
    "gpu-excluded",
    "pytorch",
    with_torch(),
    ["/proc/driver/nvidia/gpus", "/proc/driver/nvidia/params", "/etc/modprobe.d"],
    without=("unknown", "driver-call-failed"),
)
def _(m):
    information(m, 0, m.addresses[0], "Yes")
    params = m.files["/proc/driver/nvidia/params"].decode()
    m.text(
        "/proc/driver/nvidia/params",
        params.replace('ExcludedGpus: ""', f'ExcludedGpus: "{uuid_of(0)}"'),
    )
    m.text("/etc/modprobe.d/nvidia.conf", f"options nvidia NVreg_ExcludedGpus={uuid_of(0)}\n")
    gpus = {
        path: data for path, data in m.files.items() if path.startswith("/proc/driver/nvidia/gpus")
    }
    nobody(m)
    m.files.update(gpus)


def without_uvm(m):
    del m.modules["nvidia_uvm"]
    m.modules["nvidia"] = (54308864, ["nvidia_modeset"])
    del m.majors["nvidia-uvm"]
    del m.nodes["/dev/nvidia-uvm"], m.nodes["/dev/nvidia-uvm-tools"]
    m.forget("nvidia-uvm")
    cuda_fails(m, 999)


@cause("uvm-not-loaded", "pytorch", with_torch(), ["/proc/modules", "/sys/module", "/proc/devices"])
def _(m):
    without_uvm(m)


@cause(
    "uvm-not-loaded",
    "ollama",
    lambda: with_ollama("2684"),
    ["/proc/modules", "/sys/module", "/proc/devices"],
)
def _ollama(m):
    without_uvm(m)


@cause(
    "uvm-hmm-kaslr",
    "cuda",
    with_program("26b5", driver="575.57.08"),
    [".whycpu/kmsg"],
    without=("unknown", "driver-call-failed"),
)
def _(m):
    m.dmesg(
        "nvidia-uvm: uvm_pmm_gpu.c:3176 devmem_alloc_pagemap[pid:92821] request_free_mem_region() err -34"
    )
    cuda_fails(m, 802)
