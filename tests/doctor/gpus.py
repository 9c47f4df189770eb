"""GPUs and driver branches that the fixtures are made of."""

from collections import namedtuple

Gpu = namedtuple("Gpu", "name capability mib consumer wide fabric")
# wide: its region 0 is of 64 bits too, so that the regions are 0, 2 and 4 (since GH100)
# fabric: an SXM board, whose NVLink fabric has a state
GPUS = {
    "1180": Gpu("GeForce GTX 680", "3.0", 2048, True, False, False),
    "11b4": Gpu("Quadro K4200", "3.0", 4096, False, False, False),
    "1023": Gpu("Tesla K40m", "3.5", 11441, False, False, False),
    "102d": Gpu("Tesla K80", "3.7", 11441, False, False, False),
    "13b0": Gpu("Quadro M2000M", "5.0", 4096, False, False, False),
    "1b06": Gpu("GeForce GTX 1080 Ti", "6.1", 11264, True, False, False),
    "1b81": Gpu("GeForce GTX 1070", "6.1", 8192, True, False, False),
    "1b82": Gpu("GeForce GTX 1070 Ti", "6.1", 8192, True, False, False),
    "15f8": Gpu("Tesla P100-PCIE-16GB", "6.0", 16384, False, False, False),
    "1db4": Gpu("Tesla V100-PCIE-16GB", "7.0", 16384, False, False, False),
    "1db5": Gpu("Tesla V100-SXM2-32GB", "7.0", 32768, False, False, False),
    "1eb8": Gpu("Tesla T4", "7.5", 15360, False, False, False),
    "1f82": Gpu("NVIDIA GeForce GTX 1650", "7.5", 4096, True, False, False),
    "1f95": Gpu("NVIDIA GeForce GTX 1650 Ti", "7.5", 4096, True, False, False),
    "20b0": Gpu("NVIDIA A100-SXM4-40GB", "8.0", 40960, False, False, False),
    "20f1": Gpu("NVIDIA A100-PCIE-40GB", "8.0", 40960, False, False, False),
    "2204": Gpu("NVIDIA GeForce RTX 3090", "8.6", 24576, True, False, False),
    "24a0": Gpu("NVIDIA GeForce RTX 3070 Ti Laptop GPU", "8.6", 8192, True, False, False),
    "2235": Gpu("NVIDIA A40", "8.6", 46068, False, False, False),
    "2684": Gpu("NVIDIA GeForce RTX 4090", "8.9", 24564, True, False, False),
    "2704": Gpu("NVIDIA GeForce RTX 4080", "8.9", 16376, True, False, False),
    "26b5": Gpu("NVIDIA L40", "8.9", 46068, False, False, False),
    "2331": Gpu("NVIDIA H100 PCIe", "9.0", 81559, False, True, False),
    "2330": Gpu("NVIDIA H100 80GB HBM3", "9.0", 81559, False, True, True),
    "2901": Gpu("NVIDIA B200", "10.0", 183359, False, True, True),
    "2941": Gpu("NVIDIA GB200", "10.0", 189471, False, True, True),
    "2b85": Gpu("NVIDIA GeForce RTX 5090", "12.0", 32607, True, False, False),
    "2c05": Gpu("NVIDIA GeForce RTX 5070 Ti", "12.0", 16303, True, False, False),
}
# The CUDA that each driver branch serves.
BRANCHES = {
    352: 7050,
    361: 7050,
    367: 8000,
    375: 8000,
    384: 9000,
    390: 9010,
    396: 9020,
    410: 10000,
    418: 10010,
    440: 10020,
    450: 11000,
    455: 11010,
    460: 11020,
    465: 11030,
    470: 11040,
    495: 11050,
    510: 11060,
    515: 11070,
    520: 11080,
    525: 12000,
    530: 12010,
    535: 12020,
    545: 12030,
    550: 12040,
    551: 12040,
    616: 13020,
    555: 12050,
    560: 12060,
    565: 12070,
    570: 12080,
    575: 12090,
    580: 13000,
    590: 13010,
    595: 13020,
}


def cuda_of(driver):
    return BRANCHES[int(driver.split(".")[0])]


def uuid_of(place):
    return f"GPU-{0x5A1B0000 + place * 0x1111:08x}-3c0e-4d11-8a6f-0123456789{place:02x}"


def resource(gpu, slot):
    """The file `resource` of a healthy one: start, end, flags of each region."""
    lines = ["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * 13
    high = 0x1_0000_0000_00 + slot * 0x40_0000_0000
    room = 1 << (gpu.mib - 1).bit_length() + 20 if not gpu.consumer else 256 << 20
    wide = "0x000000000014220c"

    def line(start, size, flags):
        return f"0x{start:016x} 0x{start + size - 1:016x} {flags}"

    if gpu.wide:
        lines[0] = line(high + (1 << 37), 16 << 20, wide)
        lines[2] = line(high, room, wide)
        lines[4] = line(high + (1 << 37) + (32 << 20), 32 << 20, wide)
    else:
        lines[0] = line(0xF6000000 - slot * 0x2000000, 16 << 20, "0x0000000000040200")
        lines[1] = line(high, room, wide)
        lines[3] = line(high + (1 << 36), 32 << 20, wide)
    if gpu.consumer:
        lines[5] = line(0xE000 - slot * 0x100, 128, "0x0000000000040101")
    return "\n".join(lines) + "\n"
