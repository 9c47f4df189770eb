"""Healthy machines of each kind: bare metal, virtual, container, WSL2, Jetson, HGX, Grace."""

import elf
from gpus import GPUS, cuda_of, resource, uuid_of
from machine import Machine

LOADED = {
    "nvidia_uvm": (4956160, []),
    "nvidia_drm": (122880, []),
    "nvidia_modeset": (1355776, ["nvidia_drm"]),
    "nvidia": (54308864, ["nvidia_uvm", "nvidia_modeset"]),
}
PARAMS = """ResmanDebugLevel: 4294967295
RmLogonRC: 1
ModifyDeviceFiles: 1
DeviceFileUID: 0
DeviceFileGID: 0
DeviceFileMode: 438
InitializeSystemMemoryAllocations: 1
UsePageAttributeTable: 4294967295
EnableMSI: 1
EnablePCIeGen3: 0
MemoryPoolSize: 0
KMallocHeapMaxSize: 0
VMallocHeapMaxSize: 0
IgnoreMMIOCheck: 0
EnableStreamMemOPs: 0
EnableUserNUMAManagement: 1
NvLinkDisable: 0
RmProfilingAdminOnly: 1
PreserveVideoMemoryAllocations: 0
EnableS0ixPowerManagement: 0
DynamicPowerManagement: 3
RegisterPCIDriver: 1
EnablePCIERelaxedOrderingMode: 0
EnableResizableBar: 0
EnableGpuFirmware: 18
EnableGpuFirmwareLogs: 2
RmNvlinkBandwidthLinkCount: 0
EnableDbgBreakpoint: 0
OpenRmEnableUnsupportedGpus: 1
DmaRemapPeerMmio: 1
RegistryDwords: ""
RegistryDwordsPerDevice: ""
RmMsg: ""
GpuBlacklist: ""
TemporaryFilePath: ""
ExcludedGpus: ""
"""


# ---- the machine under the driver -------------------------------------------------------------


def linux(m, release="6.1.0-32-amd64", distro="debian", efi=True):
    m.release = release
    m.process.update(uid=1000, gid=1000, groups="1000", cwd="/home/user", as_limit="unlimited")
    m.env.update(
        HOME="/home/user", PATH="/usr/local/bin:/usr/bin:/bin", LANG="C.UTF-8", SHELL="/bin/bash"
    )
    m.text(
        "/proc/version",
        f"Linux version {release} (builder@{distro}) (gcc 12.2.0, GNU ld 2.40) "
        "#1 SMP PREEMPT_DYNAMIC\n",
    )
    m.text("/proc/sys/kernel/osrelease", release + "\n")
    m.text("/proc/cmdline", f"BOOT_IMAGE=/boot/vmlinuz-{release} root=/dev/sda1 ro quiet\n")
    m.text("/proc/self/attr/current", "unconfined\n")
    m.text("/proc/self/uid_map", "         0          0 4294967295\n")
    m.text("/proc/1/cgroup", "0::/init.scope\n")
    m.text("/etc/os-release", f"ID={distro}\nNAME={distro}\n")
    m.text("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    if efi:
        m.text(
            "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            b"\6\0\0\0\0",
        )
    m.link("/lib", "usr/lib")
    m.link("/bin", "usr/bin")
    m.modules.update({"ext4": (1007616, []), "i2c_core": (102400, [])})
    m.node("/dev/dri/card0", 226, 0, "0660", 0, 44, opens="EACCES")
    m.cached += [m.lib]
    for name in (
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libpthread.so.0",
        "libstdc++.so.6",
        "libgcc_s.so.1",
        "librt.so.1",
    ):
        m.library(m.lib, name)
    m.text("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
    m.text(
        f"/etc/ld.so.conf.d/{m.triplet}.conf",
        f"/usr/local/lib/{m.triplet}\n/lib/{m.triplet}\n{m.lib}\n",
    )
    m.text(f"/usr/lib/modules/{release}/modules.dep", "")
    m.text(f"/usr/lib/modules/{release}/kernel/drivers/gpu/drm/nouveau/nouveau.ko", b"\x7fELF")
    m.text(f"/usr/src/linux-headers-{release}/Makefile", "")
    m.link(f"/usr/lib/modules/{release}/build", f"/usr/src/linux-headers-{release}")
    m.kmsg.append((0.0, f"Linux version {release} (builder@{distro}) #1 SMP"))
    m.dmesg(
        f"Command line: BOOT_IMAGE=/boot/vmlinuz-{release} root=/dev/sda1 ro quiet",
        "ACPI: Interpreter enabled",
        "systemd[1]: Detected architecture x86-64.",
    )
    pci(m, "0000:00:00.0", "8086", "4c43", "060000")
    pci(m, "0000:00:1f.6", "8086", "15fb", "020000", driver="e1000e")


def pci(m, address, vendor, device, kind, driver=None, regions=None, width=None, folder=None):
    folder = folder or f"/sys/devices/pci0000:00/{address}"
    m.link(f"/sys/bus/pci/devices/{address}", "../../.." + folder[4:])
    write = {
        "vendor": f"0x{vendor}",
        "device": f"0x{device}",
        "class": f"0x{kind}",
        "subsystem_vendor": f"0x{vendor}",
        "subsystem_device": "0x16c1",
        "enable": "1",
        "numa_node": "0",
        "irq": "42",
    }
    if width:
        write.update(
            current_link_width=str(width),
            max_link_width="16",
            current_link_speed="2.5 GT/s PCIe",
            max_link_speed="16.0 GT/s PCIe",
        )
    for name, text in write.items():
        m.text(f"{folder}/{name}", text + "\n")
    m.text(
        f"{folder}/resource",
        regions or "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 13,
    )
    code = bytes.fromhex(vendor)[::-1] + bytes.fromhex(device)[::-1] + b"\x07\x04\x10\x00\xa1\x00"
    m.text(f"{folder}/config", (code + bytes.fromhex(kind)[1::-1]).ljust(256, b"\0"))
    if driver:
        m.link(f"{folder}/driver", f"../../../../bus/pci/drivers/{driver}")
        m.folder(f"/sys/bus/pci/drivers/{driver}")
    return folder


def device(m, address):
    """The folder of one PCI device."""
    return f"/sys/devices/pci0000:00/0000:00:01.0/{address}"


def plug(m, gpu, gpus=1, first=1, driver="nvidia"):
    """GPUs on the bus."""
    kind = GPUS[gpu]
    for place in range(gpus):
        address = f"0000:{first + place * 0x10:02x}:00.0"
        m.addresses.append(address)
        pci(
            m,
            address,
            "10de",
            gpu,
            "030000" if kind.consumer else "030200",
            driver,
            resource(kind, place),
            16,
            device(m, address),
        )
        if kind.consumer:  # its sound
            pci(
                m,
                address[:-1] + "1",
                "10de",
                "22ba",
                "040300",
                "snd_hda_intel",
                None,
                16,
                device(m, address[:-1] + "1"),
            )


# ---- the driver -------------------------------------------------------------------------------


def nvrm(m, version, opened):
    arch = m.arch
    if opened:
        return (
            f"NVRM version: NVIDIA UNIX Open Kernel Module for {arch}  {version}  Release Build  "
            "(dvs-builder@U22-I3-B10-02-5)  Mon Jun  2 13:13:04 UTC 2025"
        )
    return (
        f"NVRM version: NVIDIA UNIX {arch} Kernel Module  {version}  Thu Feb 22 01:44:30 UTC 2024"
    )


def install(m, version, libraries=True):
    """The driver's packages: the module's file for this kernel, its sources, the libraries."""
    m.driver = version
    m.text(f"/usr/lib/modules/{m.release}/updates/dkms/nvidia.ko", b"\x7fELF")
    m.text(f"/usr/lib/modules/{m.release}/updates/dkms/nvidia-uvm.ko", b"\x7fELF")
    m.text(
        f"/usr/src/nvidia-{version}/dkms.conf",
        f'PACKAGE_NAME="nvidia"\nPACKAGE_VERSION="{version}"\n',
    )
    m.text(f"/var/lib/dkms/nvidia/{version}/{m.release}/{m.arch}/module/nvidia.ko", b"\x7fELF")
    m.text("/usr/bin/nvidia-smi", elf.shared("", ("libc.so.6",), machine=m.elf_machine))
    if libraries:
        m.driver_libraries(version)


def load(m, opened=False, uvm=511):
    """The module, loaded, having found every GPU."""
    version = m.driver
    m.opened = opened
    m.modules.update(LOADED)
    m.majors.update({"nvidia": 195, "nvidia-nvlink": 239, "nvidia-caps": 238, "nvidia-uvm": uvm})
    m.text(
        "/proc/driver/nvidia/version",
        nvrm(m, version, opened) + "\nGCC version:  gcc version " "12.2.0 (Debian 12.2.0-14)\n",
    )
    m.text("/proc/driver/nvidia/params", PARAMS)
    for place, address in enumerate(m.addresses):
        information(m, place, address)
        m.node(f"/dev/nvidia{place}", 195, place)
        m.node(f"/dev/dri/renderD{128 + place}", 226, 128 + place, "0660", 0, 105, opens="EACCES")
    m.node("/dev/nvidiactl", 195, 255)
    m.node("/dev/nvidia-modeset", 195, 254)
    m.node("/dev/nvidia-uvm", uvm, 0)
    m.node("/dev/nvidia-uvm-tools", uvm, 1)
    m.node("/dev/nvidia-caps/nvidia-cap1", 238, 1, "0400", opens="EACCES")
    m.node("/dev/nvidia-caps/nvidia-cap2", 238, 2, "0444", opens="EACCES")
    m.dmesg(
        "nvidia: loading out-of-tree module taints kernel.",
        "nvidia: module verification failed: signature and/or required key missing - tainting kernel",
        "nvidia-nvlink: Nvlink Core is being initialized, major device number 239",
        *[f"nvidia {address}: enabling device (0000 -> 0003)" for address in m.addresses],
        "NVRM: loading " + nvrm(m, version, opened)[len("NVRM version: ") :],
        "[drm] [nvidia-drm] [GPU ID 0x00000100] Loading driver",
        f"nvidia-uvm: Loaded the UVM driver, major device number {uvm}.",
    )


def information(m, place, address, excluded="No", uuid=None):
    kind = GPUS[m.files[device(m, address) + "/device"].decode().strip()[2:]]
    m.text(
        f"/proc/driver/nvidia/gpus/{address}/information",
        f"Model: \t\t {kind.name}\nIRQ:   \t\t 42\nGPU UUID: \t {uuid or uuid_of(place)}\n"
        "Video BIOS: \t 96.00.74.00.01\nBus Type: \t PCIe\nDMA Size: \t 52 bits\n"
        f"DMA Mask: \t 0xfffffffffffff\nBus Location: \t {address}\nDevice Minor: \t {place}\n"
        f"GPU Firmware: \t {m.driver if float(kind.capability) >= 7.5 else 'N/A'}\n"
        f"GPU Excluded:\t {excluded}\n",
    )


def answers(m, gpu, gpus=1):
    """What the driver says when all is well."""
    kind = GPUS[gpu]
    m.gpu = {
        "nvml": {
            "init": 0,
            "driver_version": m.driver,
            "devices": [
                {
                    "index": place,
                    "uuid": uuid_of(place),
                    "name": kind.name,
                    "compute_capability": kind.capability,
                    "memory_total": kind.mib << 20,
                    "memory_free": (kind.mib - 500) << 20,
                    "compute_mode": "default",
                    "processes": 0,
                    "mig_mode": "disabled",
                    "mig_instances": 0,
                    "ecc_uncorrected_volatile": 0,
                    "remap_pending": False,
                    "remap_failure": False,
                    "retired_pending": False,
                    "fabric_state": "completed" if kind.fabric else "not-supported",
                    "virtualization": "none",
                    "vgpu_type": "",
                    "licensed": True,
                    "confidential_compute": False,
                    "cc_ready": True,
                }
                for place in range(gpus)
            ],
        },
        "cuda": {
            "init": 0,
            "driver_version": cuda_of(m.driver),
            "device_count": gpus,
            "devices": [
                {"name": kind.name, "compute_capability": kind.capability, "context": 0}
                for place in range(gpus)
            ],
        },
    }


# ---- kinds ------------------------------------------------------------------------------------


def bare(
    gpu="2330",
    driver="550.54.14",
    opened=None,
    gpus=1,
    arch="x86_64",
    release="6.1.0-32-amd64",
    distro="debian",
    efi=True,
):
    """A complete machine with its GPUs in order. `opened`: by the open kernel module; None: where
    only that serves them."""
    m = Machine(arch)
    linux(m, release, distro, efi)
    plug(m, gpu, gpus)
    install(m, driver)
    load(m, float(GPUS[gpu].capability) >= 10 if opened is None else opened)
    answers(m, gpu, gpus)
    return m


def vm(gpu="1eb8", **more):
    """A virtual machine that a GPU is passed through to."""
    m = bare(gpu, **more)
    m.text("/sys/class/dmi/id/sys_vendor", "QEMU\n")
    m.text("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n")
    for row in m.gpu["nvml"]["devices"]:
        row["virtualization"] = "passthrough"
    pci(
        m,
        "0000:00:01.0",
        "1af4",
        "1050",
        "030000",
        "virtio-pci",
        folder="/sys/devices/pci0000:00/0000:00:01.1",
    )
    return m


def contain(m, kind="docker", gpus="all"):
    """Puts a machine's user space into a container that was given its GPUs."""
    m.remove("/usr/lib/modules", "/usr/src", "/var/lib/dkms", "/sys/firmware", "/lib")
    m.link("/lib", "usr/lib")
    m.nodes = {path: node for path, node in m.nodes.items() if "dri" not in path}
    m.kmsg = []
    m.process.update(uid=0, gid=0, groups="0", cwd="/root")
    m.env.update(HOME="/root")
    if gpus:
        m.env.update(NVIDIA_VISIBLE_DEVICES=gpus, NVIDIA_DRIVER_CAPABILITIES="compute,utility")
    m.text("/proc/1/cgroup", "0::/\n")
    if kind == "docker":
        m.text("/.dockerenv", "")
    elif kind == "podman":
        m.text("/run/.containerenv", 'engine="podman-4.9.3"\n')
        m.text("/proc/1/environ", "PATH=/usr/bin\0container=podman\0")
        m.env["container"] = "podman"
    elif kind == "kubernetes":
        m.env.update(
            KUBERNETES_SERVICE_HOST="10.96.0.1", KUBERNETES_SERVICE_PORT="443", HOSTNAME="train-0"
        )
        m.text("/run/secrets/kubernetes.io/serviceaccount/namespace", "default")
        m.text("/proc/1/cgroup", "0::/../../kubepods-burstable-pod1.slice\n")
    elif kind == "lxc":
        m.text("/proc/1/environ", "container=lxc\0")
        m.text("/proc/1/cgroup", "0::/init.scope\n")
        m.env.pop("NVIDIA_VISIBLE_DEVICES", None)
        m.env.pop("NVIDIA_DRIVER_CAPABILITIES", None)
    return m


def container(kind="docker", gpu="20f1", **more):
    return contain(bare(gpu, **more), kind)


def wsl2(driver="551.61", gpu="2684"):
    m = Machine()
    linux(m, "5.15.167.4-microsoft-standard-WSL2", "Ubuntu", efi=False)
    m.text(
        "/proc/version",
        "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f) "
        "(gcc (GCC) 11.2.0, GNU ld (GNU Binutils) 2.37) #1 SMP Tue Nov 5 00:21:55 UTC 2024\n",
    )
    m.remove("/usr/lib/modules", "/usr/src", "/sys/devices", "/sys/bus/pci/devices")
    pci(
        m,
        "5582:00:00.0",
        "1414",
        "008e",
        "030200",
        "dxgkrnl",
        folder="/sys/devices/LNXSYSTM:00/VMBUS:00/pci5582:00/5582:00:00.0",
    )
    m.modules.clear()
    m.nodes.clear()
    m.node("/dev/dxg", 10, 125)
    m.folder("/run/WSL")
    m.env.update(WSL_DISTRO_NAME="Ubuntu", WSL_INTEROP="/run/WSL/11_interop")
    m.text("/etc/ld.so.conf.d/ld.wsl.conf", "/usr/lib/wsl/lib\n")
    store = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_0f2f0ed95e1f8d10"
    for folder in ("/usr/lib/wsl/lib", store):  # copies, not links
        m.library(folder, "libcuda.so.1")
        for name in ("libcuda.so", "libcuda.so.1.1"):
            m.text(f"{folder}/{name}", m.files[f"{folder}/libcuda.so.1"])
    for name in ("libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libdxcore.so"):
        m.library("/usr/lib/wsl/lib", name)
    m.text("/usr/lib/wsl/lib/nvidia-smi", elf.shared("", ("libc.so.6",)))
    m.cached.insert(0, "/usr/lib/wsl/lib")
    m.driver = driver
    answers(m, gpu)
    m.gpu["nvml"]["driver_version"] = driver
    return m


def jetson(
    release="R35 (release), REVISION: 4.1",
    kernel="5.10.120-tegra",
    cuda=11040,
    name="Orin",
    capability="8.7",
    model="NVIDIA Jetson AGX Orin Developer Kit",
    chip="tegra234",
):
    m = Machine("aarch64")
    linux(m, kernel, "ubuntu", efi=False)
    m.remove("/sys/devices", "/sys/bus/pci/devices")
    m.links = {path: to for path, to in m.links.items() if not path.startswith("/sys/bus/pci/")}
    m.text(
        "/etc/nv_tegra_release",
        f"# {release}, GCID: 33958178, BOARD: t186ref, EABI: aarch64, "
        "DATE: Tue Aug  1 19:57:35 UTC 2023\n",
    )
    m.text("/proc/device-tree/model", model.encode() + b"\0")
    m.text("/proc/device-tree/compatible", f"nvidia,{chip}\0".encode())
    m.modules["nvgpu"] = (2494464, [])
    m.nodes.clear()
    for place, path in enumerate(
        ("nvhost-gpu", "nvhost-ctrl-gpu", "nvhost-ctrl", "nvhost-as-gpu", "nvhost-prof-gpu")
    ):
        m.node(f"/dev/{path}", 505, place, "0660", 0, 44)
    m.node("/dev/nvmap", 10, 58, "0660", 0, 44)
    m.process.update(groups="1000,44")
    folder = f"{m.lib}/tegra"
    m.library(folder, "libcuda.so.1", "1.1", cached=True)
    m.library(folder, "libnvidia-ptxjitcompiler.so.1", "35.4.1", cached=True)
    m.link(f"{m.lib}/libcuda.so", "tegra/libcuda.so")
    m.link(f"{folder}/libcuda.so", "libcuda.so.1.1")
    m.text("/etc/ld.so.conf.d/nvidia-tegra.conf", folder + "\n")
    m.gpu = {
        "nvml": {"init": 12},
        "cuda": {
            "init": 0,
            "driver_version": cuda,
            "device_count": 1,
            "devices": [{"name": name, "compute_capability": capability, "context": 0}],
        },
    }
    return m


def fabric_manager(m, version=None, running=True):
    version = version or m.driver
    m.text("/usr/bin/nv-fabricmanager", elf.shared("", ("libc.so.6",), machine=m.elf_machine))
    m.text(
        "/usr/lib/systemd/system/nvidia-fabricmanager.service",
        "[Unit]\nDescription=NVIDIA fabric "
        "manager service\n[Service]\nExecStart=/usr/bin/nv-fabricmanager\n"
        "PIDFile=/run/nvidia-fabricmanager/nv-fabricmanager.pid\n",
    )
    branch = version.split(".")[0]
    m.text(
        "/var/lib/dpkg/status",
        f"Package: nvidia-fabricmanager-{branch}\nStatus: install ok "
        f"installed\nPriority: optional\nSection: libs\nArchitecture: amd64\nVersion: {version}-1\n\n",
    )
    m.text(f"/var/lib/dpkg/info/nvidia-fabricmanager-{branch}.list", "/usr/bin/nv-fabricmanager\n")
    if running:
        m.text("/run/nvidia-fabricmanager/nv-fabricmanager.pid", "1820\n")
        m.text(
            "/var/log/fabricmanager.log",
            "[Jul 01 2025 10:00:00] [INFO] [tid 1820] Fabric Manager "
            f"version {version} is running with the following configuration options\n"
            "[Jul 01 2025 10:00:09] [INFO] [tid 1820] Successfully configured all the available "
            "NVSwitches to route GPU NVLink traffic.\n",
        )


def hgx(gpu="2330", driver="550.54.14", switches=4, **more):
    m = bare(gpu, driver, gpus=8, **more)
    for place in range(switches):
        address = f"0000:{0x85 + place:02x}:00.0"
        pci(
            m,
            address,
            "10de",
            "22a3" if gpu == "2330" else "1af1",
            "068000",
            "nvidia-nvswitch",
            folder=device(m, address),
        )
        m.node(f"/dev/nvidia-nvswitch{place}", 234, place, "0666")
    m.node("/dev/nvidia-nvswitchctl", 234, 255, "0666")
    m.majors["nvidia-nvswitch"] = 234
    fabric_manager(m)
    return m


def grace(driver="570.124.06", gpu="2941", gpus=4):
    return bare(gpu, driver, True, gpus, "aarch64", "6.8.0-1021-nvidia-64k", "ubuntu")


# ---- common breaks ----------------------------------------------------------------------------


def unload(m):
    """The kernel's module is not loaded; its files are where they were."""
    for name in LOADED:
        m.modules.pop(name, None)
    for name in ("nvidia", "nvidia-nvlink", "nvidia-caps", "nvidia-uvm", "nvidia-nvswitch"):
        m.majors.pop(name, None)
    m.remove("/proc/driver/nvidia")
    m.nodes = {
        path: node
        for path, node in m.nodes.items()
        if "/dev/nvidia" not in path and "renderD" not in path
    }
    for address in m.addresses:
        m.links.pop(device(m, address) + "/driver", None)
    m.kmsg = [line for line in m.kmsg if "nvidia" not in line[1] and "NVRM" not in line[1]]
    m.gpu = {"nvml": {"init": 9}, "cuda": {"init": 100}}


def uninstall(m):
    """Nor is anything of the driver on this machine."""
    unload(m)
    m.remove(*m.owned, "/usr/bin/nvidia-smi", "/var/lib/dkms/nvidia", f"/usr/src/nvidia-{m.driver}")
    m.remove_like("/usr/lib/modules/*/updates/dkms/nvidia*")
    m.gpu = {"nvml": {"init": 12}}


def cuda_fails(m, code):
    """cuInit returns this; the driver says its version nevertheless."""
    m.gpu["cuda"] = {"init": code, "driver_version": m.gpu["cuda"]["driver_version"]}


def context_fails(m, code, place=0):
    m.gpu["cuda"]["devices"][place]["context"] = code


def each(m, **what):
    for row in m.gpu["nvml"]["devices"]:
        row.update(what)
