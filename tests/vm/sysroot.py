"""A root of another architecture: Debian's packages for it, unpacked into a cache and never installed. The cross compiler
takes headers and libraries from it, the emulator of single programs its dynamic linker, and guests all their programs.

    python3 -m vm.sysroot ARCHITECTURE PACKAGE...     makes it, or finds that it holds these packages already

For newer versions of the packages, remove the folder.
"""

import os
import shutil
import sys
from pathlib import Path

from .archive import AptRoot, ArchiveError, archives, cache_directory, unpack

# The release that scripts/setup is written for: the cross compiler's own libraries are of it.
SUITES = (("main", "bookworm"), ("security", "bookworm-security"))
MERGED = ("bin", "sbin", "lib")  # links into usr/, as on every Debian 12
# Folders of the package base-files without anything in them. A program that is emulated alone would find these, and not
# those of the host that it runs on.
EMPTY = ("boot", "dev", "home", "proc", "root", "run", "sys", "tmp")


def sysroot(architecture):
    return cache_directory(f"sysroot-{architecture}")


def _relative_links(root):
    """Links that begin at / would lead out of the tree to the host's files: they are made relative to where they are."""
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            link = Path(folder) / name
            if link.is_symlink() and os.path.isabs(target := os.readlink(link)):
                link.unlink()
                link.symlink_to(os.path.relpath(root / target.lstrip("/"), folder))


def make(architecture, packages):
    root = sysroot(architecture)
    listed = root / "packages"
    wanted = "\n".join(sorted(set(packages))) + "\n"
    if listed.exists() and listed.read_text() == wanted:
        return root
    places = archives()
    apt = AptRoot(root.with_name(root.name + ".apt"), [(places[place], suite) for place, suite in SUITES if place in places],
                  architecture)
    apt.update()
    partial = root.with_name(f"{root.name}.{os.getpid()}")
    for name in MERGED:
        (partial / "usr" / name).mkdir(parents=True, exist_ok=True)
        (partial / name).symlink_to(f"usr/{name}")
    for package_file in apt.fetch(*sorted(set(packages)), dependencies=True):
        unpack(package_file, partial)
        package_file.unlink()
    _relative_links(partial)
    for name in EMPTY:
        (partial / name).rmdir()
    (partial / "packages").write_text(wanted)
    shutil.rmtree(root, ignore_errors=True)
    partial.rename(root)
    return root


if __name__ == "__main__":
    try:
        print(make(sys.argv[1], sys.argv[2:]))
    except ArchiveError as error:
        sys.exit(f"sysroot: {error}")
