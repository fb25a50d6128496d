"""The first program of a guest: busybox, the few modules that reach its disks, and the job that it is booted for.

Written as a cpio archive (format newc, Documentation/driver-api/early-userspace/buffer-format.rst of Linux) by hand: no
tool, no rights, no device nodes to make.
"""

import gzip
import lzma
import stat
from pathlib import Path

GUEST = Path(__file__).parent / "guest"

# virtio_pci and virtio_blk for the disks, overlay for the root; what is built into a kernel is not among its modules.
MODULES = ["virtio_pci", "virtio_blk", "overlay"]


class Archive:
    def __init__(self):
        self._parts, self._inode = [], 0

    def add(self, name, mode, content=b""):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0]
        header = b"070701" + b"".join(b"%08X" % value for value in fields)
        self._parts += [_padded(header + encoded), _padded(content)]

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, content, mode=0o755):
        self.add(name, stat.S_IFREG | mode, content)

    def bytes(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


def _module(kernel, name):
    """The module as insmod takes it, or None where it is built in."""
    for spelling in {name, name.replace("_", "-"), name.replace("-", "_")}:
        for found in kernel.modules.rglob(f"{spelling}.ko*"):
            content = found.read_bytes()
            return lzma.decompress(content) if found.suffix == ".xz" else content
    return None


def _dependencies(module):
    """From the module's own .modinfo: the package has no modules.dep, which depmod writes when it is installed."""
    at = module.find(b"\0depends=")
    text = module[at + 9:module.index(b"\0", at + 9)].decode() if at >= 0 else ""
    return [name for name in text.split(",") if name]


def modules_in_order(kernel, names=MODULES):
    """[(name, content)], what a module needs before it."""
    done = {}

    def add(name):
        content = None if name in done else _module(kernel, name)
        if content is not None:
            for needed in _dependencies(content):
                add(needed)
            done.setdefault(name, content)

    for name in names:
        add(name)
    return list(done.items())


def build(kernel, job):
    """`job`: the text that the guest's second stage reads its settings from."""
    archive = Archive()
    for folder in ("bin", "dev", "proc", "sys", "modules", "mnt"):
        archive.folder(folder)
    archive.file("bin/busybox", (kernel.architecture.root / "bin/busybox").read_bytes())
    archive.file("init", (GUEST / "init").read_bytes())
    for number, (name, content) in enumerate(modules_in_order(kernel)):
        archive.file(f"modules/{number:02}-{name}.ko", content, 0o644)
    archive.file("job", job.encode(), 0o644)
    return gzip.compress(archive.bytes(), compresslevel=1)
