"""Frameworks, as their wheels, packages and builds lie on a disk."""

import re

import elf

# CUDA's parts: the wheel's name, its folder below nvidia/, its version, its libraries. The release's
# number is filled in.
LIBRARIES_12 = {
    "cuda-runtime": ("cuda_runtime", "{v}.127", ["libcudart.so.12"]),
    "cublas": ("cublas", "{v}.5.8", ["libcublas.so.12", "libcublasLt.so.12"]),
    "cufft": ("cufft", "11.{m}.1.3", ["libcufft.so.11"]),
    "curand": ("curand", "10.3.{m}.147", ["libcurand.so.10"]),
    "cusolver": ("cusolver", "11.6.{m}.9", ["libcusolver.so.11"]),
    "cusparse": ("cusparse", "12.{m}.1.170", ["libcusparse.so.12"]),
    "nvjitlink": ("nvjitlink", "{v}.127", ["libnvJitLink.so.12"]),
    "cuda-nvrtc": ("cuda_nvrtc", "{v}.127", ["libnvrtc.so.12"]),
    "cuda-cupti": ("cuda_cupti", "{v}.127", ["libcupti.so.12"]),
    "nvtx": ("nvtx", "{v}.127", ["libnvToolsExt.so.1"]),
}
LIBRARIES_13 = {
    "cuda-runtime": ("cu13", "{v}.48", ["libcudart.so.13"]),
    "cublas": ("cu13", "{v}.0.19", ["libcublas.so.13", "libcublasLt.so.13"]),
    "cufft": ("cu13", "12.{m}.0.15", ["libcufft.so.12"]),
    "curand": ("cu13", "10.4.{m}.35", ["libcurand.so.10"]),
    "cusolver": ("cu13", "12.{m}.3.29", ["libcusolver.so.12"]),
    "cusparse": ("cu13", "12.6.{m}.49", ["libcusparse.so.12"]),
    "nvjitlink": ("cu13", "{v}.39", ["libnvJitLink.so.13"]),
    "cuda-nvrtc": ("cu13", "{v}.48", ["libnvrtc.so.13"]),
    "cuda-cupti": ("cu13", "{v}.48", ["libcupti.so.13"]),
}
LIBRARIES_11 = {
    "cuda-runtime": ("cuda_runtime", "{v}.99", ["libcudart.so.11.0"]),
    "cublas": ("cublas", "11.10.{m}.66", ["libcublas.so.11", "libcublasLt.so.11"]),
    "cufft": ("cufft", "10.9.{m}.58", ["libcufft.so.10"]),
    "curand": ("curand", "10.3.{m}.86", ["libcurand.so.10"]),
    "cusolver": ("cusolver", "11.4.{m}.48", ["libcusolver.so.11"]),
    "cusparse": ("cusparse", "11.7.{m}.86", ["libcusparse.so.11"]),
    "cuda-nvrtc": ("cuda_nvrtc", "{v}.99", ["libnvrtc.so.11.2"]),
    "cuda-cupti": ("cuda_cupti", "{v}.99", ["libcupti.so.11.2"]),
    "nvtx": ("nvtx", "{v}.99", ["libnvToolsExt.so.1"]),
}
BEFORE_12 = {"libcusparse.so.11": [], "libcusolver.so.11": ["libcublas.so.11", "libcublasLt.so.11"]}
TENSORFLOW = {  # CUDA, cuDNN of the build, architectures
    "1.15.0": ("10.0", "7.4", None),
    "2.2.0": ("10.1", "7.6", None),
    "2.4.0": ("11.0", "8.0", "old"),
    "2.8.0": ("11.2", "8.1", "2.8"),
    "2.10.0": ("11.2", "8.1", "2.8"),
    "2.11.0": ("11.2", "8.1", "2.8"),
    "2.13.0": ("11.8", "8.6", "2.13"),
    "2.14.0": ("11.8", "8.7", "2.13"),
    "2.15.0": ("12.2", "8.9", "2.15"),
    "2.15.1": ("12.2", "8.9", "2.15"),
    "2.16.1": ("12.3", "8.9", "2.16"),
    "2.17.0": ("12.3", "8.9", "2.16"),
    "2.18.0": ("12.5.1", "9.3", "2.18"),
    "2.20.0": ("12.5.1", "9.3", "2.18"),
    "2.21.0": ("12.5.1", "9.3", "2.18"),
}
TENSORFLOW_ARCHS = {
    "old": "sm_35 sm_50 sm_60 sm_70 sm_75 compute_80",
    "2.8": "sm_35 sm_50 sm_60 sm_70 sm_75 compute_80",
    "2.13": "sm_35 sm_50 sm_60 sm_70 sm_75 compute_80",
    "2.15": "sm_50 sm_60 sm_70 sm_75 compute_80",
    "2.16": "sm_50 sm_60 sm_70 sm_80 compute_90",
    "2.18": "sm_60 sm_70 sm_80 sm_89 compute_90",
}
TORCH_ARCHS = {
    "10.2": (37, 50, 60, 70),
    "11.1": (37, 50, 60, 70, 75, 80, 86),
    "11.3": (37, 50, 60, 70, 75, 80, 86),
    "11.4": (72, 87),
    "11.7": (37, 50, 60, 70, 75, 80, 86),
    "11.8": (37, 50, 60, 70, 75, 80, 86, 90),
    "12.1": (50, 60, 70, 75, 80, 86, 90),
    "12.4": (50, 60, 70, 75, 80, 86, 90),
    "12.6": (50, 60, 70, 75, 80, 86, 90),
    "12.8": (75, 80, 86, 90, 100, 120, ("ptx", 120)),
    "13.0": (75, 80, 86, 90, 100, 120, ("ptx", 120)),
}


def table(cuda):
    """Name of the wheel to (folder, version, libraries), for a CUDA of "12.4"."""
    short = ".".join(cuda.split(".")[:2])
    major, minor = short.split(".")
    rows = {"11": LIBRARIES_11, "12": LIBRARIES_12, "13": LIBRARIES_13}[major]
    return {
        name: (folder, version.format(v=short, m=minor), sonames)
        for name, (folder, version, sonames) in rows.items()
    }


def needs_of(soname, cuda):
    """What CUDA's libraries ask of each other, and by which symbols."""
    major = cuda.split(".")[0]
    link = f"libnvJitLink.so.{major}"
    stem = soname[: soname.index(".so")]
    if stem == "libcublas":
        return [soname.replace("libcublas", "libcublasLt")], {}
    if stem == "libcusolver" and major != "11":
        sparse = "libcusparse.so.12"
        return [f"libcublas.so.{major}", f"libcublasLt.so.{major}", sparse, link], {}
    if stem == "libcusolver":
        return ["libcublas.so.11", "libcublasLt.so.11"], {}
    if stem == "libcusparse" and major != "11":
        symbol = "__nvJitLinkComplete_" + "_".join(cuda.split(".")[:2])
        return [link], {"versions": ((link, link),), "undefined": (symbol,)}
    return [], {}


# ---- Python -----------------------------------------------------------------------------------


def python(m, version="3.11", kind="venv", prefix="/opt/venv"):
    """The interpreter that is asked about, and where its packages are."""
    m.prefix = prefix
    if kind == "venv":
        m.text(f"/usr/bin/python{version}", elf.shared("", ("libc.so.6",), machine=m.elf_machine))
        m.link("/usr/bin/python3", f"python{version}")
        m.link(f"{prefix}/bin/python3", f"/usr/bin/python{version}")
        m.link(f"{prefix}/bin/python", "python3")
        m.text(
            f"{prefix}/pyvenv.cfg",
            f"home = /usr/bin\ninclude-system-site-packages = false\n" f"version = {version}.2\n",
        )
        m.site = f"{prefix}/lib/python{version}/site-packages"
        m.env.update(VIRTUAL_ENV=prefix, PATH=f"{prefix}/bin:" + m.env["PATH"])
    elif kind == "conda":
        m.text(
            f"{prefix}/bin/python{version}",
            elf.shared("", ("libc.so.6",), runpath="$ORIGIN/../lib", machine=m.elf_machine),
        )
        m.link(f"{prefix}/bin/python", f"python{version}")
        m.link(f"{prefix}/bin/python3", f"python{version}")
        m.text(
            f"{prefix}/conda-meta/python-{version}.9-h955ad1f_1.json",
            f'{{"name": "python", "version": "{version}.9", "build": "h955ad1f_1"}}\n',
        )
        m.text(f"{prefix}/conda-meta/history", "==> 2024-05-01 <==\n")
        m.site = f"{prefix}/lib/python{version}/site-packages"
        m.env.update(CONDA_PREFIX=prefix, PATH=f"{prefix}/bin:" + m.env["PATH"])
    else:  # the system's own
        m.text(f"/usr/bin/python{version}", elf.shared("", ("libc.so.6",), machine=m.elf_machine))
        m.link("/usr/bin/python3", f"python{version}")
        m.prefix = "/usr"
        m.site = f"/usr/local/lib/python{version}/dist-packages"
        m.folder(f"/usr/lib/python{version}")
        m.text("/usr/lib/python3/dist-packages/README", "")
    m.process["python"] = f"{m.prefix}/bin/python3"
    for name in ("pip", "numpy"):
        distribution(m, name, {"pip": "24.0", "numpy": "1.26.4"}[name])
    return m


def conda_package(m, name, version, build):
    m.text(
        f"{m.prefix}/conda-meta/{name}-{version}-{build}.json",
        f'{{"name": "{name}", "version": "{version}", "build": "{build}", "channel": "conda-forge"}}\n',
    )


def distribution(m, name, version, requires=(), site=None):
    folder = f"{site or m.site}/{re.sub('[-.]+', '_', name)}-{version}.dist-info"
    m.text(
        f"{folder}/METADATA",
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {line}\n" for line in requires)
        + f"\n{name}\n====\nRequires-Dist: nothing, for this is the description\n",
    )
    m.text(f"{folder}/INSTALLER", "pip\n")
    m.text(f"{folder}/RECORD", f"{name}/__init__.py,,\n")
    return folder


def nvidia_wheels(m, cuda="12.4", cudnn="9.1.0.70", without=(), versions=None):
    """The wheels nvidia-*: all of CUDA's parts, cuDNN, NCCL. Libraries' names carry no version."""
    major = cuda.split(".")[0]
    for name, (folder, version, sonames) in table(cuda).items():
        if name in without:
            continue
        version = (versions or {}).get(name, version)
        distribution(m, f"nvidia-{name}" + ("" if major == "13" else f"-cu{major}"), version)
        place = f"{m.site}/nvidia/{folder}/lib"
        for soname in sonames:
            needed, more = needs_of(soname, cuda)
            runpath = "$ORIGIN"
            if soname.startswith("libcusparse.") and major != "13":
                runpath = "$ORIGIN:$ORIGIN/../../nvjitlink/lib"
            if soname.startswith("libcusolver."):
                runpath = (
                    "$ORIGIN:$ORIGIN/../../cublas/lib:$ORIGIN/../../cusparse/lib:"
                    "$ORIGIN/../../nvjitlink/lib"
                )
            m.library(
                place,
                soname,
                None,
                needed,
                runpath=runpath if major != "13" else "",
                rpath="$ORIGIN" if major == "13" else "",
                **more,
            )
    if cudnn and "cudnn" not in without:
        distribution(m, f"nvidia-cudnn-cu{major}", cudnn)
        cudnn_files(m, f"{m.site}/nvidia/cudnn/lib", cudnn, versioned=False)
    if "nccl" not in without:
        distribution(m, f"nvidia-nccl-cu{major}", "2.21.5")
        m.library(f"{m.site}/nvidia/nccl/lib", "libnccl.so.2")


def cudnn_files(m, folder, version, versioned=True, cached=False):
    major = version.split(".")[0]
    full = ".".join(version.split(".")[:3]) if versioned else None
    parts = {
        "7": [],
        "8": ["_ops_infer", "_cnn_infer", "_adv_infer"],
        "9": [
            "_graph",
            "_ops",
            "_cnn",
            "_adv",
            "_heuristic",
            "_engines_precompiled",
            "_engines_runtime_compiled",
        ],
    }[major]
    for part in ["", *parts]:
        m.library(folder, f"libcudnn{part}.so.{major}", full, runpath="$ORIGIN", cached=cached)


def toolkit(m, cuda="11.2", cudnn="8.1.1", where=None, cached=True, link=True):
    """A CUDA toolkit of the system, and cuDNN's package."""
    where = where or f"/usr/local/cuda-{'.'.join(cuda.split('.')[:2])}"
    m.toolkit = where
    target = "x86_64-linux" if m.arch == "x86_64" else "sbsa-linux"
    folder = f"{where}/targets/{target}/lib"
    m.link(f"{where}/lib64", f"targets/{target}/lib")
    major = cuda.split(".")[0]
    if major in ("11", "12", "13"):
        for name, (_, version, sonames) in table(cuda).items():
            for soname in sonames:
                if cuda == "11.0" and soname == "libcusolver.so.11":
                    soname, version = "libcusolver.so.10", "10.6.0.245"
                needed, more = needs_of(soname, cuda)
                m.library(folder, soname, version, needed, cached=cached, **more)
    else:
        stems = ["cudart", "cublas", "cufft", "curand", "cusolver", "cusparse"]
        for stem in stems + (["cublasLt"] if int(major) >= 10 and cuda != "10.0" else []):
            short = cuda if stem == "cudart" or int(major) < 10 or cuda == "10.0" else "10"
            m.library(folder, f"lib{stem}.so.{short}", f"{cuda}.243", cached=cached)
    m.text(
        f"{folder}/stubs/libcuda.so",
        elf.shared("libcuda.so.1", ("libc.so.6",), machine=m.elf_machine),
    )
    if link:
        m.link("/usr/local/cuda", where)
    if cached:
        m.text("/etc/ld.so.conf.d/cuda.conf", f"{folder}\n")
    if cudnn:
        cudnn_files(m, m.lib, cudnn, cached=True)


# ---- TensorFlow -------------------------------------------------------------------------------


def tensorflow(
    m,
    version="2.17.0",
    wheels=True,
    name="tensorflow",
    cuda_build=True,
    on_path=None,
    build_info=True,
    without=(),
    cudnn=None,
):
    """`wheels`: with nvidia-* of [and-cuda]. `on_path`: they are found; None: as released."""
    cuda, built, archs = TENSORFLOW[version]
    minor = tuple(int(part) for part in version.split(".")[:2])
    site = m.site
    rows = table(cuda) if cuda.split(".")[0] in ("11", "12") else {}
    full = cudnn or {"8.9": "8.9.7.29", "9.3": "9.3.0.75"}.get(built, built + ".0.77")
    requires = ["absl-py (>=1.0.0)", "numpy (<2.0.0,>=1.26.0)"]
    if minor >= (2, 14):
        requires += [
            f'nvidia-{part}-cu12 (=={row[1]}) ; extra == "and-cuda"' for part, row in rows.items()
        ]
        requires += [f'nvidia-cudnn-cu12 (=={full}) ; extra == "and-cuda"']
    distribution(m, name, version, requires)
    base = f"{site}/tensorflow"
    m.text(f"{base}/__init__.py", "")
    m.text(f"{base}/tools/pip_package/__init__.py", "")
    if build_info and minor >= (2, 3):
        rows = [("cpu_compiler", "/usr/lib/llvm-17/bin/clang")]
        if cuda_build:
            rows += [
                ("cuda_compute_capabilities", TENSORFLOW_ARCHS[archs].split()),
                ("cuda_version", cuda),
                ("cudnn_version", built.split(".")[0]),
            ]
        rows += [
            ("is_cuda_build", cuda_build),
            ("is_rocm_build", False),
            ("is_tensorrt_build", cuda_build),
        ]
        text = f"import collections\n\nbuild_info = collections.OrderedDict({rows!r})\n"
        m.text(
            f"{base}/python/platform/build_info.py",
            '"""Auto-generated module providing information ' 'about the build."""\n' + text,
        )
    elif build_info and minor >= (2, 0):
        m.text(
            f"{base}/python/platform/build_info.py",
            f"is_rocm_build = False\nis_cuda_build = {cuda_build}\n"
            + ("cuda_version_number = '10.1'\ncudnn_version_number = '7'\n" if cuda_build else ""),
        )
    folders = ["cublas", "cuda_cupti", "cuda_runtime", "cudnn", "cufft", "cusolver", "cusparse"]
    found = on_path if on_path is not None else minor >= (2, 14) and minor != (2, 16)
    nvidia = ":".join(f"$ORIGIN/../../nvidia/{f}/lib:$ORIGIN/../nvidia/{f}/lib" for f in folders)
    short = "$ORIGIN/../../nvidia/cuda_runtime/lib:$ORIGIN/../nvidia/cuda_runtime/lib"
    framework, whole = "$ORIGIN/", "$ORIGIN/"
    if cuda_build and minor >= (2, 14):
        whole += ":" + nvidia
        framework += ":" + (nvidia if found else short)
    elf_archs = ()
    if cuda_build and archs:
        for word in TENSORFLOW_ARCHS[archs].split():  # compute_90 is both, sm_90 and its PTX
            number = int(word.split("_")[1])
            elf_archs += (number, ("ptx", number)) if word.startswith("compute_") else (number,)
    if minor >= (2, 0):
        m.library(base, "libtensorflow_framework.so.2", runpath=framework, archs=elf_archs)
    else:
        m.library(base, "libtensorflow_framework.so.1", runpath=framework, archs=elf_archs)
    needed = (f"libtensorflow_framework.so.{min(minor[0], 2)}",)
    if minor >= (2, 12):
        m.library(base, "libtensorflow_cc.so.2", needed=needed, runpath=whole, archs=elf_archs)
        needed += ("libtensorflow_cc.so.2",)
    m.text(
        f"{base}/python/_pywrap_tensorflow_internal.so",
        elf.shared(
            "",
            needed + ("libc.so.6",),
            "$ORIGIN/:$ORIGIN/..",
            machine=m.elf_machine,
            archs=elf_archs if minor < (2, 12) else (),
        ),
    )
    if wheels and cuda_build:
        nvidia_wheels(m, cuda, full, without)
    return m


# ---- PyTorch ----------------------------------------------------------------------------------


def torch(
    m,
    version="2.5.1",
    cuda="12.4",
    bundled=False,
    local=None,
    cudnn=None,
    without=(),
    archs=None,
    versions=None,
):
    """`cuda` None: built for the CPU. `bundled`: CUDA's libraries lie in torch/lib, with hashes in
    their names, as until 1.12."""
    base = f"{m.site}/torch"
    minor = tuple(int(part) for part in version.split(".")[:2])
    major = cuda.split(".")[0] if cuda else ""
    cudnn = cudnn or {"10": "7.6.5", "11": "8.7.0.84", "12": "9.1.0.70", "13": "9.13.0.50"}.get(
        major
    )
    if cuda and local is None:
        local = "+cu" + cuda.replace(".", "")
    said = version + (local or "")
    requires = ["filelock", "typing-extensions (>=4.8.0)", "jinja2"]
    named = {} if not cuda or bundled or major == "10" else table(cuda)
    for name, row in named.items():
        requires.append(
            f"nvidia-{name}-cu{major} (=={(versions or {}).get(name, row[1])}) ; platform_system "
            '== "Linux" and platform_machine == "x86_64"'
        )
    if cuda and not bundled:
        requires.append(f'nvidia-cudnn-cu{major} (=={cudnn}) ; platform_system == "Linux"')
    listed = said if local and (local == "+cpu" or bundled) else version
    distribution(m, "torch", listed, requires)
    typed = minor >= (1, 11)
    m.text(
        f"{base}/version.py",
        (
            "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', "
            "'git_version', 'hip']\n"
            if typed
            else ""
        )
        + f"__version__ = '{said}'\ndebug = False\n"
        f"cuda{': Optional[str]' if typed else ''} = {cuda!r}\ngit_version = "
        "'a8d6afb511a69687bbb2b7e88a3cf67917e1697e'\n"
        f"hip{': Optional[str]' if typed else ''} = None\n",
    )
    m.text(f"{base}/__init__.py", "")
    m.library(f"{base}/lib", "libc10.so", rpath="$ORIGIN")
    m.library(f"{base}/lib", "libtorch_cpu.so", needed=("libc10.so",), rpath="$ORIGIN")
    if not cuda:
        m.library(f"{base}/lib", "libtorch.so", needed=("libtorch_cpu.so",), rpath="$ORIGIN")
        m.library(f"{base}/lib", "libtorch_global_deps.so", rpath="$ORIGIN")
        return m
    archs = archs or TORCH_ARCHS[cuda]
    if bundled:
        runtime = f"libcudart-6d56b25a.so.{'11.0' if major == '11' else cuda}"
        m.text(
            f"{base}/lib/{runtime}",
            elf.shared(
                f"libcudart.so.{'11.0' if major == '11' else cuda}",
                ("libc.so.6",),
                rpath="$ORIGIN",
                machine=m.elf_machine,
            ),
        )
        soname = f"libcublas.so.{major}"
        for name in (soname, soname.replace("cublas", "cublasLt")):
            m.library(f"{base}/lib", name, rpath="$ORIGIN")
        needed = ("libc10_cuda.so", "libtorch_cpu.so", runtime, soname)
        if major == "11":
            cudnn_files(m, f"{base}/lib", cudnn, versioned=False)
            needed += ("libcudnn.so.8",)
        rpath = "$ORIGIN"
    else:
        runtime = {"11": "libcudart.so.11.0", "12": "libcudart.so.12", "13": "libcudart.so.13"}[
            major
        ]
        rows = table(cuda)
        needed = ["libc10_cuda.so", "libtorch_cpu.so"]
        for name in ("cuda-runtime", "cusparse", "cufft", "curand", "cublas"):
            needed += rows[name][2]
        needed += [f"libcudnn.so.{cudnn.split('.')[0]}", "libnccl.so.2"]
        folders = (
            "cublas",
            "cuda_cupti",
            "cuda_nvrtc",
            "cuda_runtime",
            "cudnn",
            "cufft",
            "curand",
            "cusolver",
            "cusparse",
            "nccl",
            "nvtx",
        )
        if major == "13":
            folders = ("cudnn", "nvshmem", "nccl", "cusparselt", "cu13")
        rpath = ":".join(f"$ORIGIN/../../nvidia/{f}/lib" for f in folders) + ":$ORIGIN"
        m.library(
            f"{base}/lib",
            "libtorch_cuda_linalg.so",
            rpath=rpath,
            archs=tuple(archs),
            needed=("libtorch_cuda.so", *rows["cusolver"][2], runtime, *rows["cublas"][2][:1]),
        )
        nvidia_wheels(m, cuda, cudnn, without, versions)
    m.library(f"{base}/lib", "libc10_cuda.so", needed=("libc10.so", runtime), rpath=rpath)
    m.library(
        f"{base}/lib", "libtorch_cuda.so", needed=tuple(needed), rpath=rpath, archs=tuple(archs)
    )
    m.library(
        f"{base}/lib", "libtorch.so", needed=("libtorch_cuda.so", "libtorch_cpu.so"), rpath=rpath
    )
    m.library(f"{base}/lib", "libtorch_global_deps.so", needed=(runtime,), rpath=rpath)
    return m


# ---- JAX --------------------------------------------------------------------------------------


def jax(
    m,
    version="0.6.1",
    cuda="12.8",
    plugin=True,
    plugin_version=None,
    cudnn="9.8.0.87",
    without=(),
    versions=None,
    least=("12.1.105", "9.8"),
):
    """`plugin` False: without the CUDA plug-in. Before plug-ins (`cuda` 11): jax_old."""
    base = m.site
    major = cuda.split(".")[0]
    distribution(
        m,
        "jax",
        version,
        [
            f"jaxlib (<={version},>={version})",
            f"jax-cuda{major}-plugin " f'[with-cuda] (=={version}) ; extra == "cuda{major}"',
        ],
    )
    distribution(m, "jaxlib", version)
    m.text(f"{base}/jax/version.py", f'_version = "{version}"\n')
    m.text(f"{base}/jaxlib/version.py", f'_version = "{version}"\n__version__ = "{version}"\n')
    m.library(f"{base}/jaxlib", "libjax_common.so", runpath="$ORIGIN")
    m.text(
        f"{base}/jaxlib/_jax.so",
        elf.shared("", ("libjax_common.so", "libc.so.6"), "$ORIGIN/", machine=m.elf_machine),
    )
    if not plugin:
        return m
    version = plugin_version or version
    suffix = "" if major == "13" else f"-cu{major}"
    runtime, cudnn_least = least

    def floor_of(text, sign=">="):  # wheels' tools once wrote brackets
        return f" ({sign}{text}) " if version < "0.5" else f"{sign}{text}"

    requires = [f"jax-cuda{major}-pjrt (=={version})"]
    for name, floor in (
        ("cublas", f"{major}.1.3.1"),
        ("cuda-cupti", f"{major}.1.105"),
        ("cuda-runtime", runtime),
        ("cufft", "11.0.2.54"),
        ("cusolver", "11.4.5.107"),
        ("cusparse", "12.1.0.106"),
    ):
        requires.append(f'nvidia-{name}{suffix}{floor_of(floor)}; extra == "with-cuda"')
    requires.append(
        f'nvidia-cudnn-cu{major}{floor_of("10.0,>=" + cudnn_least, "<")}; extra == "with-cuda"'
    )
    distribution(m, f"jax-cuda{major}-plugin", version, requires)
    distribution(m, f"jax-cuda{major}-pjrt", version)
    folders = (
        "cuda_cupti",
        "nccl",
        "nvshmem",
        "cublas",
        "cuda_runtime",
        "cudnn",
        "cufft",
        "cusolver",
        "cusparse",
    )
    if major == "13":
        folders = ("cu13", "cudnn", "nccl")
    rpath = ":".join(f"$ORIGIN/../../nvidia/{f}/lib:$ORIGIN/../nvidia/{f}/lib" for f in folders)
    m.text(f"{base}/jax_plugins/xla_cuda{major}/__init__.py", "")
    m.text(f"{base}/jax_plugins/xla_cuda{major}/version.py", f'_version = "{version}"\n')
    m.text(
        f"{base}/jax_plugins/xla_cuda{major}/xla_cuda_plugin.so",
        elf.shared("", ("libdl.so.2", "libc.so.6"), rpath=rpath, machine=m.elf_machine),
    )
    for name in ("_versions.so", "_solver.so", "_sparse.so"):
        m.text(
            f"{base}/jax_cuda{major}_plugin/{name}",
            elf.shared("", ("libc.so.6",), rpath=rpath, machine=m.elf_machine),
        )
    m.text(f"{base}/jax_cuda{major}_plugin/version.py", f'_version = "{version}"\n')
    nvidia_wheels(m, cuda, cudnn, without, versions)
    return m


def jax_old(m, version="0.4.7", cuda="11.8", cudnn="8.6", gpu=True):
    """A jaxlib with CUDA inside; its libraries are the system's."""
    local = f"+cuda{cuda.split('.')[0]}.cudnn{cudnn.replace('.', '')}" if gpu else ""
    distribution(m, "jax", version)
    distribution(m, "jaxlib", version + local)
    m.text(f"{m.site}/jaxlib/version.py", f'__version__ = "{version}"\n')
    m.text(
        f"{m.site}/jaxlib/xla_extension.so", elf.shared("", ("libc.so.6",), machine=m.elf_machine)
    )
    if gpu:
        m.text(
            f"{m.site}/jaxlib/cuda/_solver.so",
            elf.shared("", ("libc.so.6",), machine=m.elf_machine),
        )
    return m


# ---- ONNX Runtime -----------------------------------------------------------------------------


def onnxruntime(m, version="1.22.0", gpu=True, cuda="12", cudnn="9", record=True):
    """Its CUDA libraries are the system's."""
    if record:
        distribution(
            m,
            "onnxruntime-gpu" if gpu else "onnxruntime",
            version,
            ["coloredlogs", "numpy (>=1.21.6)"],
        )
    capi = f"{m.site}/onnxruntime/capi"
    m.text(f"{m.site}/onnxruntime/__init__.py", f'__version__ = "{version}"\n')
    m.text(
        f"{capi}/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so",
        elf.shared("", ("libc.so.6",), "$ORIGIN", machine=m.elf_machine),
    )
    if not gpu:
        return m
    m.text(
        f"{capi}/build_and_package_info.py",
        f"package_name = 'onnxruntime-gpu'\n__version__ = '{version}'\n"
        f"cuda_version = '{ {'11': '11.8', '12': '12.6', '13': '13.0'}[cuda] }'\n",
    )
    rows = table(cuda + ".0")
    needed = [
        *reversed(rows["cublas"][2]),
        *rows["curand"][2],
        *rows["cufft"][2],
        *rows["cuda-runtime"][2],
        f"libcudnn.so.{cudnn}",
    ]
    m.text(
        f"{capi}/libonnxruntime_providers_cuda.so",
        elf.shared(
            "libonnxruntime_providers_cuda.so",
            tuple(needed) + ("libc.so.6",),
            machine=m.elf_machine,
            archs=(52, 61, 75, 80, 86, 90, ("ptx", 90)),
        ),
    )
    m.text(
        f"{capi}/libonnxruntime_providers_shared.so",
        elf.shared("libonnxruntime_providers_shared.so", ("libc.so.6",), machine=m.elf_machine),
    )
    return m


# ---- programs that are not Python -------------------------------------------------------------


def ggml(m, folder, cuda, archs, name="libggml-cuda.so"):
    for part in ("libggml-base.so", "libggml-cpu.so"):
        m.library(folder, part, runpath="$ORIGIN")
    if cuda:
        major = cuda.split(".")[0]
        runtime = {"11": "libcudart.so.11.0"}.get(major, f"libcudart.so.{major}")
        m.library(
            folder,
            name,
            needed=("libggml-base.so", runtime, f"libcublas.so.{major}", "libcuda.so.1"),
            runpath="$ORIGIN",
            archs=archs,
        )
    m.library(
        folder,
        "libggml.so",
        needed=("libggml-base.so",) + ((name,) if cuda else ()),
        runpath="$ORIGIN",
    )


LLAMA_ARCHS = (86, 89, ("ptx", 50), ("ptx", 61), ("ptx", 70), ("ptx", 75), ("ptx", 80))


def llama_cpp(m, cuda="12.4", where="/opt/llama.cpp/build/bin", archs=LLAMA_ARCHS, system=True):
    """A build of its own, with shared libraries, over the system's CUDA."""
    ggml(m, where, cuda, archs)
    m.library(
        where,
        "libllama.so",
        needed=("libggml.so",),
        runpath="$ORIGIN",
        text=b"" if cuda else b"no usable GPU found\0",
    )
    m.program = f"{where}/llama-cli"
    m.text(
        m.program,
        elf.shared(
            "", ("libllama.so", "libggml.so", "libc.so.6"), "$ORIGIN", machine=m.elf_machine
        ),
    )
    m.process["cwd"] = where
    if cuda and system:
        toolkit(m, cuda, None)
    return m


def llama_cpp_python(m, version="0.3.2", cuda="12.4", system=True):
    distribution(m, "llama-cpp-python", version)
    m.text(f"{m.site}/llama_cpp/__init__.py", f'__version__ = "{version}"\n')
    folder = f"{m.site}/llama_cpp/lib"
    ggml(m, folder, cuda, LLAMA_ARCHS)
    m.library(folder, "libllama.so", needed=("libggml.so",), runpath="$ORIGIN")
    if cuda and system:
        toolkit(m, cuda, None)
    return m


def ollama(m, prefix="/usr/local", cuda=("12",), archs=(50, 60, 61, 70, 75, 80, 86, 89, 90, 120)):
    """As its installer lays it out; each folder has its own CUDA libraries."""
    m.program = f"{prefix}/bin/ollama"
    m.text(m.program, elf.shared("", ("libc.so.6", "libstdc++.so.6"), machine=m.elf_machine))
    folder = f"{prefix}/lib/ollama"
    m.library(folder, "libggml-base.so", runpath="$ORIGIN")
    m.library(folder, "libggml-cpu-haswell.so", needed=("libggml-base.so",), runpath="$ORIGIN")
    for major in cuda:
        place = f"{folder}/cuda_v{major}"
        version = {"11": "11.3", "12": "12.8", "13": "13.0"}[major]
        runtime = {"11": "libcudart.so.11.0"}.get(major, f"libcudart.so.{major}")
        rows = table(version)
        m.library(place, runtime, rows["cuda-runtime"][1])
        for soname in rows["cublas"][2]:
            m.library(place, soname, rows["cublas"][1])
        m.library(
            place,
            "libggml-cuda.so",
            needed=("libggml-base.so", runtime, f"libcublas.so.{major}", "libcuda.so.1"),
            runpath="$ORIGIN",
            archs=archs,
        )
    m.process["cwd"] = "/"
    return m


def cuda_program(
    m,
    cuda="12.4",
    archs=(70, 75, 80, 86, 90, ("ptx", 90)),
    path="/opt/app/saxpy",
    static=False,
    system=True,
):
    major = cuda.split(".")[0]
    runtime = {
        "8": "libcudart.so.8.0",
        "10": f"libcudart.so.{cuda}",
        "11": "libcudart.so.11.0",
    }.get(major, f"libcudart.so.{major}")
    m.program = path
    m.text(
        path,
        elf.shared(
            "",
            (() if static else (runtime,)) + ("libstdc++.so.6", "libc.so.6"),
            machine=m.elf_machine,
            archs=tuple(archs),
        ),
    )
    m.process["cwd"] = "/opt/app"
    if system and not static:
        toolkit(m, cuda, None)
    return m
