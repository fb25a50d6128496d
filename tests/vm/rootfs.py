"""The guest's file systems: two read-only ext4 images, made without mounting anything and without rights.

    base      programs of this host that the tests use, with the libraries they load; the Python of build/venv
    project   what the tests need of this tree, at /telegen

The guest lays them over each other and a tmpfs on top, so that both are the same for every guest and every run. Debian's
cloud kernels have ext4 built in, and neither 9p nor a virtiofs that works without a daemon of its own.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from testkit import BUILD, ROOT
from testkit.clients import compiled

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
    "ld.so.conf": "/usr/local/lib\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
}
PYTHON_LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "ensurepip", "site-packages", "__pycache__", "tkinter",
                                         "lib2to3", "config-*", "turtledemo", "*.a")
PROJECT = ["tests", "demo", "bench/e2e", "src/loader/plan/probe_table.cpp", "bpf/verifier_budget.json", "build/live", "build/release/telegen"]
PROJECT_LEFT_OUT = shutil.ignore_patterns("__pycache__", "unit", "golden", "collector")


class Tree:
    """A staged root. Directories that the host has as links (/bin → usr/bin) are links here too."""

    def __init__(self, name):
        self.directory = directory = BUILD / "vm" / f"stage-{name}.{os.getpid()}"  # two runs do not meet
        shutil.rmtree(directory, ignore_errors=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            host = Path("/") / link
            if host.is_symlink():
                (directory / "usr" / link).mkdir(parents=True, exist_ok=True)
                os.symlink(f"usr/{link}", directory / link)

    def at(self, path):
        """Where a path of the guest is staged."""
        return self.directory / str(path).lstrip("/")

    def file(self, path):
        """A file of the host at the same path, with every link on the way to it."""
        path = Path(os.path.abspath(path))
        if path.is_symlink():
            place = self._place(path)
            if not os.path.lexists(place):
                place.symlink_to(os.readlink(path))
            self.file(path.parent / os.readlink(path))
        else:
            place = self._place(path.parent.resolve() / path.name)
            if not place.exists():
                shutil.copy2(path, place)

    def _place(self, path):
        place = self.at(path.parent.resolve() / path.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def folder(self, source, place=None, ignore=None):
        shutil.copytree(source, self.at(place or source), symlinks=True, ignore=ignore, dirs_exist_ok=True)

    def write(self, path, text):
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)


def libraries(path):
    """What the dynamic linker loads for a program or library; nothing for what is not dynamic."""
    listed = subprocess.run(["ldd", str(path)], capture_output=True, text=True)
    return {match for match in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed.stdout, re.MULTILINE)}


def programs():
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found, missing = [], []
    for name in PROGRAMS:
        path = shutil.which(name, path=search)
        if path:
            found.append(Path(path))
        elif name not in OPTIONAL:
            missing.append(name)
    if missing:
        raise FileNotFoundError(f"these programs are missing: {', '.join(missing)}; run scripts/setup-vm and setup-tests")
    return found


def python_home():
    """(interpreter, its standard library) that the virtual environment of the tests is made from."""
    python = (BUILD / "venv/bin/python").resolve()
    library = subprocess.run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
                             capture_output=True, text=True, check=True).stdout.strip()
    return python, Path(library)


def _base_digest():
    """Changes when a program, the interpreter or what is installed in the environment does."""
    python, library = python_home()
    files = [*programs(), python, library / "os.py", BUILD / "venv/requirements.installed", Path(__file__)]
    files += sorted(libraries(BUILD / "release/telegen"))
    stamps = [(str(f), f.resolve().stat().st_size, f.resolve().stat().st_mtime_ns) for f in map(Path, files)]
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:16]


def _stage_base(tree):
    python, library = python_home()
    needed = programs() + [python]
    shared = set()
    for program in [*needed, BUILD / "release/telegen"]:
        shared |= libraries(program)
    tree.folder(library, ignore=PYTHON_LEFT_OUT)
    venv = BUILD / "venv"
    link = venv / "bin/python"  # through names inside the environment to the interpreter that it was made from
    while link.is_symlink() and link.is_relative_to(venv):
        link = link.parent / os.readlink(link)
    tree.file(link)
    tree.folder(venv, "/telegen/build/venv", ignore=shutil.ignore_patterns("__pycache__", "pip"))
    # The files are byte-compiled once here, not at each import of each emulated guest.
    subprocess.run([str(venv / "bin/python"), "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash",
                    "-s", str(tree.directory), "-p", "/", str(tree.at(library)), str(tree.at("/telegen/build/venv/lib"))],
                   check=False, stdout=subprocess.DEVNULL)
    for extension in [*library.rglob("*.so"), *(venv / "lib").rglob("*.so")]:
        shared |= libraries(extension)
    for path in [*needed, *shared]:
        tree.file(path)
    for path in map(Path, EXTRA):
        if path.is_dir():
            tree.folder(path)
        elif path.exists():
            tree.file(path)
    for name, text in ETC.items():
        tree.write(f"/etc/{name}", text)
    tree.at("/etc/shadow").chmod(0o600)
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/log/nginx", "var/lib/nginx", "var/tmp", "mnt"):
        tree.at(folder).mkdir(parents=True, exist_ok=True)


def _stage_project(tree):
    for source in (ROOT / "tests/live/programs").glob("*.c"):
        compiled(source.stem)  # there is no compiler in the guest
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            tree.folder(source, f"/telegen/{name}", PROJECT_LEFT_OUT)
        else:
            place = tree.at(f"/telegen/{name}")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


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


def base_image():
    image = IMAGES / f"base-{_base_digest()}.ext4"
    if not image.exists():
        IMAGES.mkdir(parents=True, exist_ok=True)
        for old in IMAGES.glob("base-*.ext4"):
            old.unlink()
        tree = Tree("base")
        _stage_base(tree)
        _make_image(tree, image)
    return image


def project_image():
    IMAGES.mkdir(parents=True, exist_ok=True)
    tree = Tree("project")
    _stage_project(tree)
    image = IMAGES / "project.ext4"
    _make_image(tree, image)
    return image
