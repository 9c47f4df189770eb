"""Fixtures of frameworks' builds, of CUDA's libraries, and of what only shows at run time."""

import elf
from causes_machine import with_jax, with_ollama, with_program, with_tensorflow, with_torch
from fixtures import cause
from frameworks import (
    cuda_program,
    cudnn_files,
    distribution,
    jax,
    jax_old,
    llama_cpp,
    llama_cpp_python,
    nvidia_wheels,
    onnxruntime,
    python,
    tensorflow,
    toolkit,
    torch,
)
from kinds import (
    answers,
    device,
    information,
    install,
    load,
    uninstall,
    bare,
    context_fails,
    each,
    grace,
)

SITE = "/opt/venv/lib/python3.11/site-packages"
CACHE = "/etc/ld.so.cache"
LOCAL = "/usr/local"


def fresh(m, *names):
    """Another start for the packages."""
    for path in list(m.files):
        if path.startswith(m.site + "/"):
            del m.files[path]
    m.links = {path: to for path, to in m.links.items() if not path.startswith(m.site + "/")}
    m.libraries = [row for row in m.libraries if row[2] in m.files]
    return m


def with_ort(version="1.22.0", cuda="12.6", cudnn="9.5.1", driver="560.35.03"):
    def make():
        m = python(bare("20f1", driver))
        toolkit(m, cuda, cudnn)
        return onnxruntime(m, version, cuda=cuda.split(".")[0], cudnn=cudnn.split(".")[0])

    return make


# ---- the build --------------------------------------------------------------------------------


@cause(
    "framework-not-in-this-env",
    "pytorch",
    with_torch(),
    ["/usr/local/lib/python3.11", "/usr/lib/python3", "/usr/lib/python3.11", "/home"],
)
def _(m):
    """Asked about the system's interpreter, though a venv has it."""
    m.process["python"] = "/usr/bin/python3"
    m.env["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    m.env.pop("VIRTUAL_ENV")
    m.folder("/usr/local/lib/python3.11/dist-packages")
    m.folder("/usr/lib/python3/dist-packages")
    m.folder("/usr/lib/python3.11")


@cause("framework-cpu-only-build", "pytorch", with_torch(), [SITE])
def _torch(m):
    torch(fresh(m), "2.5.1", None, local="+cpu")


@cause(
    "framework-cpu-only-build", "pytorch", lambda: torch(python(grace()), "2.7.0", "12.8"), [SITE]
)
def _torch_of_pypi_for_arm(m):
    torch(fresh(m), "2.5.1", None)


@cause("framework-cpu-only-build", "tensorflow", with_tensorflow(), [SITE])
def _tensorflow_cpu(m):
    tensorflow(fresh(m), "2.17.0", False, "tensorflow-cpu", False)


@cause("framework-cpu-only-build", "tensorflow", with_tensorflow(), [SITE + "/tensorflow"])
def _tensorflow_by_build_info(m):
    tensorflow(fresh(m), "2.17.0", False, "tensorflow", False)


@cause(
    "framework-cpu-only-build",
    "tensorflow",
    lambda: tensorflow(python(bare("20f1", arch="aarch64"))),
    [SITE],
)
def _tensorflow_cpu_aws(m):
    fresh(m)
    distribution(
        m, "tensorflow", "2.17.0", ['tensorflow-cpu-aws (==2.17.0) ; platform_machine == "aarch64"']
    )
    tensorflow(m, "2.17.0", False, "tensorflow-cpu-aws", False)


@cause("framework-cpu-only-build", "onnxruntime", with_ort(), [SITE])
def _onnxruntime(m):
    onnxruntime(fresh(m), "1.22.0", gpu=False)


@cause("framework-cpu-only-build", "llama.cpp", lambda: llama_cpp(bare("2684")), ["/opt/llama.cpp"])
def _llama(m):
    m.remove("/opt/llama.cpp")
    llama_cpp(m, None)


@cause(
    "framework-cpu-only-build", "llama.cpp", lambda: llama_cpp_python(python(bare("2684"))), [SITE]
)
def _llama_cpp_python(m):
    llama_cpp_python(fresh(m), cuda=None)


@cause(
    "framework-cpu-only-build",
    "ollama",
    lambda: with_ollama("2684"),
    ["/usr/local/lib/ollama", "/usr/lib/ollama"],
)
def _ollama(m):
    m.remove("/usr/local/lib/ollama/cuda_v12")


@cause("framework-cpu-only-build", "cuda", with_program(), ["/opt/app"])
def _program(m):
    m.text(m.program, elf.shared("", ("libstdc++.so.6", "libm.so.6", "libc.so.6")))


@cause("framework-plugin-missing", "jax", with_jax(), [SITE])
def _(m):
    jax(fresh(m), plugin=False)


@cause("framework-plugin-missing", "jax", with_jax(), [SITE])
def _of_another_version(m):
    jax(fresh(m), "0.6.1", "12.4", plugin_version="0.5.3")


@cause("framework-plugin-missing", "jax", lambda: jax_with_toolkit(), [SITE])
def _old(m):
    jax_old(fresh(m), gpu=False)


def jax_with_toolkit(cudnn="8.6.0", **more):
    m = python(bare("20f1"))
    toolkit(m, "11.8", cudnn)
    return jax_old(m, **more)


@cause("onnxruntime-cpu-shadows-gpu", "onnxruntime", with_ort("1.20.1"), [SITE])
def _(m):
    distribution(m, "onnxruntime", "1.20.1", ["coloredlogs"])


@cause("driver-too-old", "pytorch", with_torch("1db4", driver="530.30.02"), [SITE])
def _torch(m):
    old_driver(m, "450.80.02")


def old_driver(m, version):
    """The whole machine with another driver."""
    ident = m.files["/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/device"].decode().strip()[2:]
    uninstall(m)
    install(m, version)
    m.link(
        "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver",
        "../../../../bus/pci/drivers/nvidia",
    )
    load(m)
    answers(m, ident, len(m.addresses))


@cause("driver-too-old", "tensorflow", with_tensorflow("1db4"), [SITE])
def _tensorflow(m):
    old_driver(m, "470.256.02")


@cause("driver-too-old", "jax", with_jax("1db4"), [SITE])
def _jax(m):
    old_driver(m, "515.105.01")


@cause(
    "driver-too-old",
    "ollama",
    lambda: with_ollama("2204"),
    ["/usr/local/lib/ollama", "/usr/local/bin/ollama"],
)
def _ollama(m):
    old_driver(m, "470.256.02")


@cause(
    "driver-too-old",
    "pytorch",
    lambda: torch(python(bare("20f1", "580.95.05")), "2.9.0", "13.0"),
    [SITE],
)
def _cuda_13(m):
    old_driver(m, "570.124.06")


@cause("driver-too-old", "cuda", with_program("1db4"), ["/opt/app", LOCAL])
def _program(m):
    old_driver(m, "470.256.02")


@cause("ptx-too-new", "tensorflow", with_tensorflow("2331", "2.15.1", driver="535.183.01"), [SITE])
def _tensorflow_on_hopper(m):
    """Its newest machine code is sm_80; for compute 9.0 it has PTX of CUDA 12.2 only."""
    old_driver(m, "525.125.06")


@cause(
    "ptx-too-new",
    "cuda",
    lambda: cuda_program(bare("20f1", "570.124.06"), "12.8", (("ptx", 80),)),
    ["/opt/app"],
)
def _program(m):
    old_driver(m, "535.183.01")


@cause(
    "minor-compat-feature-missing",
    "pytorch",
    with_torch("20f1", driver="550.54.14"),
    ["/opt/venv"],
    warns=True,
    without="unknown",
)
def _(m):
    old_driver(m, "525.105.17")


@cause(
    "gpu-arch-not-in-build",
    "pytorch",
    lambda: torch(python(bare("2b85", "570.124.06")), "2.7.0", "12.8"),
    [SITE],
)
def _too_new(m):
    torch(fresh(m), "2.5.1", "12.4")


@cause("gpu-arch-not-in-build", "pytorch", lambda: torch(python(bare("1b06"))), [SITE])
def _too_old(m):
    torch(fresh(m), "2.7.0", "12.8")


@cause(
    "gpu-arch-not-in-build",
    "cuda",
    with_program("1eb8", driver="550.54.14"),
    ["/opt/app"],
    healed=None,
)
def _program(m):
    cuda_program(m, "12.4", (80, 90, ("ptx", 90)))


@cause(
    "gpu-below-framework-minimum",
    "tensorflow",
    lambda: with_system_tensorflow("2.10.0", "1023", "470.256.02"),
    [SITE + "/tensorflow"],
)
def _(m):
    swap_gpu(m, "1180")


def swap_gpu(m, ident):
    for place, address in enumerate(m.addresses):
        m.text(device(m, address) + "/device", f"0x{ident}\n")
        information(m, place, address)
    answers(m, ident, len(m.addresses))


def with_system_tensorflow(
    version="2.10.0", gpu="20f1", driver="550.54.14", cuda="11.2", cudnn="8.1.1"
):
    m = python(bare(gpu, driver))
    toolkit(m, cuda, cudnn)
    return tensorflow(m, version, wheels=False)


# ---- CUDA's libraries -------------------------------------------------------------------------


@cause("cuda-libs-missing", "tensorflow", with_tensorflow(), [SITE + "/nvidia"])
def _tensorflow_without_its_extra(m):
    fresh(m)
    tensorflow(m, "2.17.0", wheels=False)


@cause("cuda-libs-missing", "pytorch", with_torch(), [SITE + "/nvidia/cufft"])
def _one_wheel(m):
    fresh(m)
    torch(m, without=("cufft",))


@cause("cuda-libs-missing", "llama.cpp", lambda: llama_cpp(bare("2684")), [LOCAL, CACHE])
def _no_toolkit(m):
    m.remove("/usr/local")


@cause("cudnn-missing", "tensorflow", lambda: with_system_tensorflow(), [CACHE])
def _(m):
    m.remove_like("/usr/lib/x86_64-linux-gnu/libcudnn*")


@cause("cudnn-missing", "jax", with_jax(), [SITE + "/nvidia/cudnn"])
def _jax(m):
    fresh(m)
    jax(m, cuda="12.4", without=("cudnn",))


@cause("cuda-libs-wrong-major", "tensorflow", lambda: with_system_tensorflow(), [CACHE])
def _cuda_12_for_11(m):
    m.remove("/usr/local", "/usr/local/cuda")
    m.libraries = [row for row in m.libraries if row[2] in m.files]
    toolkit(m, "12.4", None)


@cause("cuda-libs-wrong-major", "onnxruntime", with_ort("1.18.0", "11.8", "8.9.7"), [CACHE])
def _cublas(m):
    m.remove("/usr/local", "/usr/local/cuda")
    toolkit(m, "12.4", None)


@cause("cuda-libs-not-on-path", "tensorflow", with_tensorflow(), [SITE])
def _tensorflow_2_16(m):
    fresh(m)
    tensorflow(m, "2.16.1")


@cause("cuda-libs-not-on-path", "onnxruntime", with_ort(driver="550.54.14"), [CACHE])
def _onnxruntime_beside_wheels(m):
    m.remove("/usr/local/cuda", "/usr/local/cuda-12.6")
    m.remove_like("/usr/lib/x86_64-linux-gnu/libcudnn*")
    nvidia_wheels(m, "12.4", "9.5.1.17")


@cause("ld-library-path-shadow", "pytorch", with_torch(), [".whycpu/env"])
def _(m):
    toolkit(m, "12.1", None, cached=False)
    m.env["LD_LIBRARY_PATH"] = "/usr/local/cuda-12.1/lib64:"


@cause(
    "cudnn-version-mismatch",
    "tensorflow",
    lambda: with_system_tensorflow("2.13.0", cuda="11.8", cudnn="8.6.0"),
    [SITE],
)
def _(m):
    m.remove_like("/usr/lib/x86_64-linux-gnu/libcudnn*")
    cudnn_files(m, "/usr/lib/x86_64-linux-gnu", "8.5.0", cached=True)


@cause("cudnn-version-mismatch", "jax", with_jax(), [SITE])
def _jax(m):
    fresh(m)
    jax(m, cuda="12.4", cudnn="9.1.0.70")


@cause("cuda-runtime-older-than-build", "jax", with_jax(), [SITE])
def _(m):
    fresh(m)
    jax(m, cuda="12.4", versions={"cuda-runtime": "12.1.105"}, least=("12.2.140", "9.8"))
    m.says(
        "CUDA backend failed to initialize: Found CUDA version 12010, but JAX was built against version 12020, "
        "which is newer."
    )


@cause("ptxjit-missing", "tensorflow", with_tensorflow("2331", "2.15.1"), [CACHE])
def _(m):
    m.remove_like("/usr/lib/x86_64-linux-gnu/libnvidia-ptxjit*")


# ---- run time ---------------------------------------------------------------------------------


@cause(
    "app-not-asked-for-gpu",
    "llama.cpp",
    lambda: llama_cpp_python(python(bare("2684"))),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    m.says(
        "llm_load_tensors: offloading 0 repeating layers to GPU",
        "llm_load_tensors: offloaded 0/33 layers to GPU",
        "llm_load_tensors:        CPU buffer size =  3820.94 MiB",
    )


@cause("gpu-memory-full", "pytorch", with_torch(), [".whycpu/gpu.json"])
def _(m):
    each(m, memory_free=120 << 20, processes=3)
    context_fails(m, 2)


@cause(
    "memory-too-small", "ollama", lambda: with_ollama("1eb8"), [".whycpu/log"], without="gpu-used"
)
def _(m):
    m.says(
        'msg=offload library=cuda layers.requested=-1 layers.model=35 layers.offload=0 layers.split="" '
        'memory.available="[3.2 GiB]" memory.gpu_overhead="0 B" memory.required.full="2.6 GiB" '
        'memory.required.partial="0 B"'
    )


@cause(
    "memory-too-small-partial-offload",
    "llama.cpp",
    lambda: llama_cpp(bare("2684")),
    [".whycpu/log"],
    without="gpu-used",
)
def _(m):
    m.says(
        "load_tensors: offloading 5 repeating layers to GPU",
        "load_tensors: offloaded 5/37 layers to GPU",
    )


@cause("op-has-no-gpu-kernel", "onnxruntime", with_ort(), [".whycpu/log"], without="gpu-used")
def _(m):
    m.says(
        "[W:onnxruntime:, transformer_memcpy.cc:74 ApplyImpl] 12 Memcpy nodes are added to the graph",
        "[I:onnxruntime:, fallback_cpu_capability.cc:110] Force fallback to CPU execution for node: /model/NonZero "
        "because the CPU execution path is deemed faster than overhead involved with execution on other EPs",
    )
