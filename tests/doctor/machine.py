"""A machine as files, the way `whycpu doctor --root` reads one (SNAPSHOT.md): built from a few
words, complete and healthy, for tests to break."""

import copy
import fnmatch
import json
import os

import elf
import ldcache

PARTS = ("env", "process", "nodes", "kmsg", "log", "gpu.json")


class Machine:
    def __init__(self, arch="x86_64"):
        self.arch = arch
        self.triplet = f"{arch}-linux-gnu"
        self.lib = f"/usr/lib/{self.triplet}"
        self.elf_machine = elf.X86_64 if arch == "x86_64" else elf.AARCH64
        self.files, self.links, self.folders = {}, {}, set()
        self.parts = set(PARTS)  # of .whycpu; the others are not in the snapshot
        self.nodes, self.env, self.process = {}, {}, {}
        self.kmsg, self.log, self.gpu, self.unread = [], [], {}, []
        self.modules = {}  # of /proc/modules: name to size and its users
        self.majors = {"mem": 1, "tty": 4, "ptmx": 5, "input": 13, "drm": 226}
        self.libraries = []  # folder, soname, real path, architecture
        self.cached = []  # folders that ldconfig looked through, in order
        self.old_cache = False
        self.addresses = []  # of the GPUs
        self.release = None
        self.driver = None
        self.program = None
        self.owned = set()  # files of the driver's packages

    # ---- building blocks -----------------------------------------------------------------------

    def text(self, path, text):
        self.files[path] = (
            text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        )

    def link(self, path, target):
        self.links[path] = target

    def folder(self, path):
        self.folders.add(path)

    def node(self, path, major, minor, mode="0666", uid=0, gid=0, opens=None, kind="c"):
        self.nodes[path] = [kind, mode, uid, gid, major, minor, opens]

    def nodes_of(self, pattern):
        return [path for path in self.nodes if fnmatch.fnmatch(path, pattern)]

    def dmesg(self, *lines):
        for line in lines:
            self.kmsg.append((self.kmsg[-1][0] + 0.25 if self.kmsg else 0.0, line))

    def forget(self, words):
        self.kmsg = [line for line in self.kmsg if words not in line[1]]

    def says(self, *lines):
        self.log += lines

    def aliases(self, path):
        """The one path that a machine with merged /usr has under two names."""
        if path.startswith("/lib/"):
            return [path, "/usr" + path]
        return [path]

    def remove(self, *paths):
        """Each and all below it."""
        for named in paths:
            for path in self.aliases(named):
                for table in (self.files, self.links):
                    for other in [p for p in table if p == path or p.startswith(path + "/")]:
                        del table[other]
                self.folders -= {p for p in self.folders if p == path or p.startswith(path + "/")}

    def remove_like(self, pattern):
        for table in (self.files, self.links, self.nodes):
            for path in [p for p in table if fnmatch.fnmatch(p, pattern)]:
                del table[path]

    def hide(self, *paths):
        """Paths that the capture did not read; ".whycpu/gpu.json" and the like are left out."""
        for path in paths:
            if path.startswith(".whycpu/"):
                self.parts.discard(path[len(".whycpu/") :])
                continue
            if path == "/sys/bus/pci/devices":
                self.remove("/sys/devices")
            real = self.links.get(os.path.dirname(path))
            if path.startswith("/sys/bus/pci/devices/") and real:  # below the link of one device
                self.remove(
                    "/sys/devices" + real.split("devices", 1)[1] + "/" + os.path.basename(path)
                )
            self.remove(path)
            self.unread += self.aliases(path)

    def copy(self):
        return copy.deepcopy(self)

    # ---- libraries -----------------------------------------------------------------------------

    def library(
        self, folder, soname, version=None, needed=(), runpath="", rpath="", cached=False, **more
    ):
        """A shared object: FOLDER/NAME.so.VERSION with the link SONAME, or FOLDER/SONAME itself."""
        more.setdefault("machine", self.elf_machine)
        stem = soname[: soname.index(".so")] + ".so"
        real = f"{stem}.{version}" if version else soname
        path = f"{folder}/{real}"
        self.text(path, elf.shared(soname, tuple(needed) + ("libc.so.6",), runpath, rpath, **more))
        arch = {elf.X86_64: "x86_64", elf.AARCH64: "aarch64"}.get(more["machine"], "i386")
        self.libraries.append((folder, soname, path, arch))
        if real != soname:
            self.link(f"{folder}/{soname}", real)
        if cached and folder not in self.cached:
            self.cached.append(folder)
        return path

    def driver_libraries(self, version, folder=None, cached=True, machine=None):
        folder = folder or self.lib
        for soname in ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1"):
            self.owned.add(
                self.library(
                    folder,
                    soname,
                    version,
                    cached=cached,
                    **({"machine": machine} if machine else {}),
                )
            )
            self.owned.add(f"{folder}/{soname}")

    def cache(self):
        """What ldconfig would write for the folders that it knows."""
        entries = []
        for folder in self.cached:
            for place, soname, real, arch in self.libraries:
                if place == folder and real in self.files:
                    entries.append((soname, f"{folder}/{soname}", arch))
        return entries

    # ---- the tree on disk ----------------------------------------------------------------------

    def render(self):
        """Every file and link of the snapshot."""
        files, links = dict(self.files), dict(self.links)
        if self.cached and not self.unread_below("/etc/ld.so.cache"):
            entries = self.cache()
            files.setdefault(
                "/etc/ld.so.cache", ldcache.old(entries) if self.old_cache else ldcache.new(entries)
            )
        self.render_modules(files)
        self.render_parts(files)
        return files, links

    def unread_below(self, path):
        return any(path == p or path.startswith(p + "/") for p in self.unread)

    def render_modules(self, files):
        if not self.unread_below("/proc/modules") and self.release:
            lines = [
                f"{name} {size} {len(users)} {''.join(u + ',' for u in users) or '-'} Live "
                f"0x0000000000000000{' (POE)' if name.startswith('nvidia') else ''}\n"
                for name, (size, users) in self.modules.items()
            ]
            files["/proc/modules"] = "".join(lines).encode()
        if not self.unread_below("/sys/module") and self.release:
            for name, (_, users) in self.modules.items():
                files[f"/sys/module/{name}/initstate"] = b"live\n"
                files[f"/sys/module/{name}/refcnt"] = f"{len(users)}\n".encode()
                path = f"/sys/module/{name}/version"
                if name.startswith("nvidia") and self.driver and not self.unread_below(path):
                    files.setdefault(path, f"{self.driver}\n".encode())
        if not self.unread_below("/proc/devices") and self.release:
            rows = sorted(self.majors.items(), key=lambda item: item[1])
            files["/proc/devices"] = (
                "Character devices:\n"
                + "".join(f"{major:3d} {name}\n" for name, major in rows)
                + "\nBlock devices:\n  8 sd\n259 blkext\n"
            ).encode()

    def render_parts(self, files):
        nodes = "# as the capture found them\n"
        for path, (kind, mode, uid, gid, major, minor, opens) in self.nodes.items():
            nodes += f"{path} {kind} {mode} {uid} {gid} {major} {minor}"
            nodes += f" open={opens}\n" if opens else "\n"
        process = dict(self.process)
        parts = {
            "env": "".join(f"{name}={value}\n" for name, value in self.env.items()),
            "process": "".join(f"{name}={value}\n" for name, value in process.items()),
            "nodes": nodes,
            "kmsg": "".join(f"[{at:12.6f}] {line}\n" for at, line in self.kmsg),
            "log": "".join(line + "\n" for line in self.log),
            "gpu.json": json.dumps(self.gpu, indent=1),
        }
        if not self.kmsg:
            del parts["kmsg"]
        if not self.log:
            del parts["log"]
        for name, text in parts.items():
            if name in self.parts:
                files[f"/.whycpu/{name}"] = text.encode("utf-8", "surrogateescape")
        if self.unread:
            files["/.whycpu/unread"] = "".join(path + "\n" for path in self.unread).encode()

    def write(self, root):
        files, links = self.render()
        made = set()

        def parent(path):
            folder = path[: path.rindex("/")]
            if folder not in made:
                os.makedirs(root + folder, exist_ok=True)
                made.add(folder)

        for path, target in sorted(links.items()):  # a folder's link before what is below it
            parent(path)
            os.symlink(target, root + path)
        for path, data in files.items():
            parent(path)
            file = os.open(root + path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(file, data)
            os.close(file)
        for path in self.folders:
            os.makedirs(root + path, exist_ok=True)
