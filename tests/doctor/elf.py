"""Writes small ELF files as a linker would: what a doctor reads of one, and no code in it."""

import functools
import struct

X86_64, AARCH64, I386, ARM = 62, 183, 3, 40
DYN, EXEC = 3, 2


def fatbin(archs):
    """A .nv_fatbin: one container, an entry an architecture. 80 is SASS, ("ptx", 80) PTX."""
    body = b""
    for arch in archs:
        ptx = isinstance(arch, tuple)
        number = arch[1] if ptx else arch
        payload = b"\x7fELF".ljust(64, b"\0") if not ptx else b"\0" * 64
        body += (
            struct.pack(
                "<HHIQIIHHIIIQQQ",
                1 if ptx else 2,
                0x101,
                64,
                len(payload),
                0,
                64,
                4,
                8,
                number,
                0,
                0,
                0x11,
                0,
                0,
            )
            + payload
        )
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


class Strings:
    def __init__(self):
        self.bytes = bytearray(b"\0")
        self.at = {"": 0}

    def __call__(self, text):
        if text not in self.at:
            self.at[text] = len(self.bytes)
            self.bytes += text.encode("utf-8", "surrogateescape") + b"\0"
        return self.at[text]


def sysv_hash(name):
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


@functools.lru_cache(maxsize=None)
def shared(
    soname="",
    needed=(),
    runpath="",
    rpath="",
    machine=X86_64,
    kind=DYN,
    versions=(),
    undefined=(),
    archs=(),
    text=b"",
):
    """`versions`: ((library, version), ...) that it asks of others; `undefined`: symbols that it
    asks for; `archs`: as for fatbin(); `text`: what its .rodata holds."""
    wide = machine in (X86_64, AARCH64)
    word = "Q" if wide else "I"
    names = Strings()
    dynamic = [(1, names(n)) for n in needed]
    if soname:
        dynamic.append((14, names(soname)))
    if rpath:
        dynamic.append((15, names(rpath)))
    if runpath:
        dynamic.append((29, names(runpath)))
    symbols = [b"\0" * (24 if wide else 16)]
    for symbol in undefined:
        value = (names(symbol), 0x12, 0, 0, 0, 0)
        symbols.append(
            struct.pack("<IBBHQQ", *value)
            if wide
            else struct.pack("<IIIBBH", value[0], 0, 0, 0x12, 0, 0)
        )
    verneed = b""
    for place, (library, version) in enumerate(versions):
        last = place == len(versions) - 1
        verneed += struct.pack("<HHIII", 1, 1, names(library), 16, 0 if last else 32)
        verneed += struct.pack("<IHHII", sysv_hash(version), 0, place + 2, names(version), 0)
    versym = struct.pack(f"<{len(symbols)}H", 0, *[2 if versions else 1] * (len(symbols) - 1))

    header, program, section = (64, 56, 64) if wide else (52, 32, 40)
    sections = []  # name, type, flags, bytes, link, info, entry size, tag
    sections.append((".dynsym", 11, 2, b"".join(symbols), 2, 1, 24 if wide else 16, 6))
    sections.append((".dynstr", 3, 2, bytes(names.bytes), 0, 0, 0, 5))
    if versions:
        sections.append((".gnu.version", 0x6FFFFFFF, 2, versym, 1, 0, 2, 0x6FFFFFF0))
        sections.append((".gnu.version_r", 0x6FFFFFFE, 2, verneed, 2, len(versions), 0, 0x6FFFFFFE))
    if text:
        sections.append((".rodata", 1, 2, text, 0, 0, 0, 0))
    if archs:
        sections.append((".nv_fatbin", 1, 2, fatbin(archs), 0, 0, 0, 0))
    at = header + 2 * program
    places = []
    for part in sections:
        at = (at + 15) & ~15
        places.append(at)
        at += len(part[3])
    for part, place in zip(sections, places):
        if part[7]:
            dynamic.append((part[7], place))
    dynamic += [(10, len(names.bytes)), (11, 24 if wide else 16)]
    if versions:
        dynamic.append((0x6FFFFFFF, len(versions)))
    dynamic.append((0, 0))
    table = b"".join(struct.pack("<" + 2 * word, *pair) for pair in dynamic)
    at = (at + 15) & ~15
    places.append(at)
    sections.append((".dynamic", 6, 3, table, 2, 0, 16 if wide else 8, 0))
    at += len(table)
    headers = Strings()
    for part in sections:
        headers(part[0])
    headers(".shstrtab")
    places.append(at)
    sections.append((".shstrtab", 3, 0, bytes(headers.bytes), 0, 0, 0, 0))
    at = (at + len(headers.bytes) + 15) & ~15

    out = bytearray(at)
    out[:16] = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + b"\0" * 9
    out[16:header] = struct.pack(
        "<HHI" + 3 * word + "IHHHHHH",
        kind,
        machine,
        1,
        0,
        header,
        at,
        0,
        header,
        program,
        2,
        section,
        len(sections) + 1,
        len(sections),
    )
    dynamic_at = places[-2]
    for place, (what, start, size) in enumerate([(1, 0, at), (2, dynamic_at, len(table))]):
        if wide:
            packed = struct.pack("<IIQQQQQQ", what, 6, start, start, start, size, size, 8)
        else:
            packed = struct.pack("<IIIIIIII", what, start, start, start, size, size, 6, 8)
        out[header + place * program : header + (place + 1) * program] = packed
    for part, place in zip(sections, places):
        out[place : place + len(part[3])] = part[3]
    out += b"\0" * section
    for part, place in zip(sections, places):
        out += struct.pack(
            "<II" + 4 * word + "II" + 2 * word,
            headers(part[0]),
            part[1],
            part[2],
            place if part[2] else 0,
            place,
            len(part[3]),
            part[4],
            part[5],
            16,
            part[6],
        )
    return bytes(out)
