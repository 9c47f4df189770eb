"""What is printed on machines that work, and is no cause. Two roots. What nobody can know."""

from causes_build import SITE, fresh, with_ort
from causes_machine import BUS, with_jax, with_ollama, with_tensorflow, with_torch
from causes_driver import CACHE, LIB, given_nothing, in_container
from fixtures import ALL, Fixture, fine
from frameworks import jax, llama_cpp, torch
from kinds import bare, uninstall, unload

OWN = {
    "tensorflow": [
        "successful NUMA node read from SysFS had negative value (-1), but there must be at least one NUMA node, so "
        "returning NUMA node zero.",
        "TF-TRT Warning: Could not find TensorRT",
        "Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been registered",
        "Unable to register cuFFT factory",
        "Unable to register cuBLAS factory",
        "oneDNN custom operations are on. You may see slightly different numerical results",
        "This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations: AVX2 FMA",
        "Not creating XLA devices, tf_xla_enable_xla_devices not set",
        "XLA_GPU not created",
    ],
    "jax": [
        "Unable to initialize backend 'tpu': INTERNAL: Failed to open libtpu.so",
        "Unable to initialize backend 'rocm'",
    ],
    "onnxruntime": [
        "[W:onnxruntime:, session_state.cc:1166 VerifyEachNodeIsAssignedToAnEp] Some nodes were not assigned to "
        "the preferred execution providers which may or may not have an negative impact on performance."
    ],
    "pytorch": ["groups: cannot find name for group ID 993"],
    "ollama": [
        'msg="offload" library=cuda layers.requested=-1 layers.model=33 layers.offload=33',
        "load_tensors: offloaded 33/33 layers to GPU",
    ],
}
KERNEL = [
    "nvidia: loading out-of-tree module taints kernel.",
    "nvidia: module verification failed: signature and/or required key missing - tainting kernel",
    "PKCS#7 signature not signed with a trusted key",
    "nvidia: module license 'NVIDIA' taints kernel.",
    "ACPI Warning: \\_SB.PCI0.GFX0._DSM: Argument #4 type mismatch",
    "NVRM: Xid (PCI:0000:01:00): 31, pid=1234, name=python3, Ch 00000010, intr 00000000. MMU Fault",
    "NVRM: Xid (PCI:0000:01:00): 13, pid=1234, name=python3, Graphics SM Warp Exception",
]


def saying(make, lines, kernel):
    def made():
        m = make()
        m.says(*lines)
        m.dmesg(*kernel)
        return m

    return made


MAKES = {
    "tensorflow": with_tensorflow(),
    "jax": with_jax(),
    "onnxruntime": with_ort(),
    "pytorch": with_torch(),
    "ollama": lambda: with_ollama("2684"),
}
for framework, lines in OWN.items():
    for place, line in enumerate(lines):
        fine(f"herring/{framework}-{place}", framework, saying(MAKES[framework], [line], []))
for place, line in enumerate(KERNEL):
    fine(f"herring/kernel-{place}", "pytorch", saying(MAKES["pytorch"], [], [line]))


def earlier_attempt():
    """The first attempt to load failed; the second, after a change, went well."""
    m = with_torch("2684")()
    lines = list(m.kmsg)
    m.kmsg = m.kmsg[:4]
    m.dmesg(
        "nvidia-nvlink: Nvlink Core is being initialized, major device number 239",
        "NVRM: The NVIDIA probe routine was not called for 1 device(s).",
        "NVRM: This can occur when another driver was loaded and ",
        "NVRM: obtained ownership of the NVIDIA device(s).",
        "NVRM: No NVIDIA devices probed.",
        "nvidia-nvlink: Unregistered Nvlink Core, major device number 239",
    )
    m.dmesg(*[text for _, text in lines[4:]])
    return m


fine("herring/earlier-attempt", "pytorch", earlier_attempt)


def fell_and_came_back():
    m = with_torch("2684")()
    lines = list(m.kmsg)
    m.kmsg = m.kmsg[:4]
    m.dmesg(
        "NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    )
    m.dmesg(*[text for _, text in lines[4:]])
    return m


fine("herring/fell-and-came-back", "pytorch", fell_and_came_back)


# ---- two roots --------------------------------------------------------------------------------


def cpu_wheel_and(broken):
    def change(m):
        broken(m)
        torch(fresh(m), "2.5.1", None, local="+cpu")

    return change


for name, root, healthy, broken, deciding in (
    ("no-driver", "driver-not-installed", with_torch(), uninstall, BUS),
    ("not-loaded", "driver-not-loaded", with_torch(), unload, BUS),
    ("no-gpu-given", "container-no-gpu", in_container(), given_nothing, ".whycpu/nodes"),
):
    ALL.append(
        Fixture(
            f"two-roots/{name}-and-cpu-wheel",
            "pytorch",
            root,
            healthy,
            cpu_wheel_and(broken),
            also=["framework-cpu-only-build"],
            deciding=[deciding, SITE],
        )
    )


def plugin_and_driver(m):
    unload(m)
    jax(fresh(m), plugin=False)


ALL.append(
    Fixture(
        "two-roots/not-loaded-and-no-plugin",
        "jax",
        "driver-not-loaded",
        with_jax(),
        plugin_and_driver,
        also=["framework-plugin-missing"],
        deciding=[BUS, SITE],
    )
)
# A wheel for the CPU is a root whether the machine is known or not.
ALL.append(
    Fixture(
        "two-roots/cpu-wheel-on-an-unknown-machine",
        "pytorch",
        "framework-cpu-only-build",
        with_torch(),
        lambda m: (torch(fresh(m), "2.5.1", None, local="+cpu"), m.hide(BUS, ".whycpu/gpu.json")),
        deciding=[SITE],
    )
)


# ---- unknown is not fine ----------------------------------------------------------------------

for part in ("env", "nodes", "process", "gpu.json"):
    # What the driver answered proves that the nodes are in order, and open.
    verdicts = ("unknown", "gpu-used") if part in ("nodes", "process") else "unknown"
    ALL.append(
        Fixture(
            f"unknown/without-{part.split('.')[0]}",
            "pytorch",
            verdicts,
            with_torch(),
            lambda m, part=part: m.hide(".whycpu/" + part),
        )
    )
for name, framework, make, paths in (
    ("site", "pytorch", with_torch(), ["/opt/venv"]),
    ("site-packages", "tensorflow", with_tensorflow(), [SITE]),
    (
        "everything",
        "jax",
        with_jax(),
        [
            SITE,
            BUS,
            "/proc",
            "/sys",
            CACHE,
            LIB,
            ".whycpu/env",
            ".whycpu/nodes",
            ".whycpu/process",
            ".whycpu/gpu.json",
            ".whycpu/kmsg",
        ],
    ),
    ("toolkit", "llama.cpp", lambda: llama_cpp(bare("2684")), ["/usr/local", CACHE]),
):
    ALL.append(
        Fixture(
            "unknown/" + name, framework, "unknown", make, lambda m, paths=paths: m.hide(*paths)
        )
    )
