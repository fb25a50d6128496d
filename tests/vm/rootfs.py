"""The guest's file systems: two read-only ext4 images, made without mounting anything and without rights.

    base      programs that the tests use, with the libraries they load; a Python with what tests/requirements.txt names.
              Those of this host, and for another architecture those of its root (sysroot.py)
    project   what the tests need of this tree, at /telegen

The guest lays them over each other and a tmpfs on top, so that both are the same for every guest and every run. Debian's
cloud kernels have ext4 built in, and neither 9p nor a virtiofs that works without a daemon of its own.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from testkit import BUILD, PROGRAMS as SOURCES, ROOT
from testkit.clients import compiled

from .interpreter import python_of

IMAGES = BUILD / "vm" / "images"

# Programs that tests and agent start, and what they need that no link of a library tells.
PROGRAMS = (
    "sh bash cat cp cut date dmesg env echo false find grep head id kill ln ls mkdir mount mv nice ps rm sed setpriv sleep "
    "sort stat tail test true tar timeout touch tr umount uname unshare useradd wc xargs "
    "ip ss sysctl nginx node curl wrk bpftool ldconfig openssl mkfifo readlink mountpoint chmod chown dirname basename "
    "nproc pgrep seq tee expr sync"
).split()
OPTIONAL = {"useradd", "openssl", "ss"}
EXTRA = ["/usr/share/nodejs", "/etc/ssl/openssl.cnf", "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl", "/etc/nginx/mime.types", "/usr/lib/locale/C.utf8"]

# Written, not copied: nothing that identifies or configures this host gets into a guest.
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost guest\n::1 localhost\n",
    "hostname": "guest\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "shadow": "root:*:19000:0:99999:7:::\n",
    "ld.so.conf": "/usr/local/lib\n/lib/TRIPLET\n/usr/lib/TRIPLET\n",
}
PYTHON_LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "ensurepip", "site-packages", "__pycache__", "tkinter",
                                         "lib2to3", "config-*", "turtledemo", "*.a")
PROJECT = ["tests", "demo", "bench/e2e", "src/loader/plan/probe_table.cpp", "bpf/verifier_budget.json"]
PROJECT_LEFT_OUT = shutil.ignore_patterns("__pycache__", "unit", "golden", "collector")


class Tree:
    """A staged root. Folders that its source has as links (/bin → usr/bin) are links here too."""

    def __init__(self, name, source=Path("/")):
        self.source = source
        self.directory = directory = BUILD / "vm" / f"stage-{name}.{os.getpid()}"  # two runs do not meet
        shutil.rmtree(directory, ignore_errors=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            if (source / link).is_symlink():
                (directory / "usr" / link).mkdir(parents=True, exist_ok=True)
                os.symlink(f"usr/{link}", directory / link)

    def at(self, path):
        """Where a path of the guest is staged."""
        return self.directory / str(path).lstrip("/")

    def file(self, path):
        """A file of the source at the same path, with every link on the way to it."""
        path = Path(os.path.abspath(path))
        if path.is_symlink():
            place = self._place(path)
            if not os.path.lexists(place):
                place.symlink_to(os.readlink(path))
            self.file(path.parent.resolve() / os.readlink(path))
        else:
            place = self._place(path.parent.resolve() / path.name)
            if not place.exists():
                shutil.copy2(path, place)

    def staged(self, source):
        """Where a path of the source is staged."""
        return self.directory / Path(source).relative_to(self.source)

    def _place(self, path):
        place = self.staged(path.parent.resolve() / path.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def folder(self, source, place=None, ignore=None):
        place = self.at(place) if place else self.staged(source)
        shutil.copytree(source, place, symlinks=True, ignore=ignore, dirs_exist_ok=True)

    def copy(self, source, path):
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, self.at(path))

    def write(self, path, text):
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)


def programs(architecture):
    found = {name: architecture.program(name) for name in PROGRAMS}
    missing = [name for name, path in found.items() if not path and name not in OPTIONAL]
    if missing:
        raise FileNotFoundError(f"these programs are missing: {', '.join(missing)}; run {architecture.make}")
    return [path for path in found.values() if path]


def _binary(architecture):
    binary = architecture.build / "telegen"
    if not binary.exists():
        raise FileNotFoundError(f"{binary} is not built: run {architecture.make}")
    return binary


def _base_digest(architecture):
    """Changes when a program, the interpreter or what is installed in the environment does."""
    python = python_of(architecture)
    files = [*programs(architecture), python.program, python.library / "os.py", python.installed,
             *(Path(__file__).with_name(f"{each}.py") for each in ("rootfs", "architectures", "interpreter")),
             *sorted(architecture.libraries(_binary(architecture)))]
    stamps = [(str(f), f.resolve().stat().st_size, f.resolve().stat().st_mtime_ns) for f in map(Path, files)]
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:16]


def _stage_base(tree, architecture):
    python = python_of(architecture)
    needed = [*programs(architecture), python.program]
    shared = set()
    for program in [*needed, _binary(architecture)]:
        shared |= architecture.libraries(program)
    tree.folder(python.library, ignore=PYTHON_LEFT_OUT)
    for extension in [*python.library.rglob("*.so"), *python.packages.rglob("*.so")]:
        shared |= architecture.libraries(extension)
    python.stage(tree)
    # The files are byte-compiled once here, not at each import of each emulated guest.
    subprocess.run([str(BUILD / "venv/bin/python"), "-m", "compileall", "-q", "-j", "2", "--invalidation-mode",
                    "unchecked-hash", "-s", str(tree.directory), "-p", "/", str(tree.staged(python.library)),
                    str(tree.at("/telegen/build/venv/lib"))], check=False, stdout=subprocess.DEVNULL)
    for path in [*needed, *shared]:
        tree.file(path)
    for path in (architecture.root / each.lstrip("/") for each in EXTRA):
        if path.is_dir():
            tree.folder(path)
        elif path.exists():
            tree.file(path)
    for name, text in ETC.items():
        tree.write(f"/etc/{name}", text.replace("TRIPLET", architecture.triplet))
    tree.at("/etc/shadow").chmod(0o600)
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/log/nginx", "var/lib/nginx", "var/tmp", "mnt"):
        tree.at(folder).mkdir(parents=True, exist_ok=True)


def _stage_project(tree, architecture):
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            tree.folder(source, f"/telegen/{name}", PROJECT_LEFT_OUT)
        else:
            tree.copy(source, f"/telegen/{name}")
    for source in SOURCES.glob("*.c"):  # there is no compiler in the guest
        program = compiled(source.stem, architecture.compiler, architecture.live_programs)
        tree.copy(program, f"/telegen/build/live/{source.stem}")
    tree.copy(_binary(architecture), "/telegen/build/release/telegen")


def _make_image(tree, image):
    """Sized to what it holds: an eighth more than the files, rounded up to blocks, and room for the tables."""
    used = sum((p.lstat().st_size + 8191) // 4096 * 4096 for p in tree.directory.rglob("*"))
    blocks = (used + used // 8 + (16 << 20)) // 4096
    partial = image.with_suffix(f".{os.getpid()}")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal,^metadata_csum,^64bit",
                    "-E", "root_owner=0:0", "-d", str(tree.directory), str(partial), str(blocks)],
                   check=True, stdout=subprocess.DEVNULL)
    partial.replace(image)
    shutil.rmtree(tree.directory)


def base_image(architecture):
    folder = IMAGES / architecture.name
    image = folder / f"base-{_base_digest(architecture)}.ext4"
    if not image.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("base-*.ext4"):
            old.unlink()
        tree = Tree("base", architecture.root)
        _stage_base(tree, architecture)
        _make_image(tree, image)
    return image


def project_image(architecture):
    folder = IMAGES / architecture.name
    folder.mkdir(parents=True, exist_ok=True)
    tree = Tree("project")
    _stage_project(tree, architecture)
    image = folder / "project.ext4"
    _make_image(tree, image)
    return image
