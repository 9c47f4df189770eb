"""Writes /etc/ld.so.cache as ldconfig does: the new form, or the old one around it."""

import struct

FLAGS = {"x86_64": 0x0303, "aarch64": 0x0A03, "i386": 0x0003}


def new(entries, generator=b"ldconfig (GNU libc) stable release version 2.36"):
    """`entries`: (name, path, architecture). ld.so searches names backwards; of the same name, what
    is first here wins."""
    entries = sorted(entries, key=lambda entry: entry[0], reverse=True)
    strings = bytearray()
    start = 48 + 24 * len(entries)
    rows = b""
    for name, path, arch in entries:
        key = start + len(strings)
        strings += name.encode() + b"\0"
        value = start + len(strings)
        strings += path.encode() + b"\0"
        rows += struct.pack("<iIIIQ", FLAGS[arch], key, value, 0, 0)
    extension = b""
    at = 0
    if generator:
        strings += b"\0" * (-(start + len(strings)) % 4)
        at = start + len(strings)
        extension = struct.pack("<IIIIII", 0xEAA42174, 1, 0, 0, at + 24, len(generator)) + generator
    header = b"glibc-ld.so.cache1.1" + struct.pack(
        "<IIBxxxIIII", len(entries), len(strings), 2, at, 0, 0, 0
    )
    return header + rows + bytes(strings) + extension


def old(entries):
    """As glibc before 2.32 wrote it: the old header and table, then the new one."""
    inner = new(entries, b"")
    entries = sorted(entries, key=lambda entry: entry[0], reverse=True)
    rows = b""
    size = 16 + 12 * len(entries)
    gap = -size % 8
    offset = (
        gap + 48 + 24 * len(entries)
    )  # the strings of the new one, from the end of the old table
    for name, path, arch in entries:
        rows += struct.pack("<iII", FLAGS[arch], offset, offset + len(name.encode()) + 1)
        offset += len(name.encode()) + len(path.encode()) + 2
    return b"ld.so-1.7.0\0" + struct.pack("<I", len(entries)) + rows + b"\0" * gap + inner
