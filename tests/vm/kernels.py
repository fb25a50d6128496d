"""Debian's cloud kernels: found by suite in the archives that this machine's apt is configured for, unpacked into a cache
that all clones share. Nothing is installed on the host.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .architectures import ARCHITECTURES
from .archive import AptRoot, ArchiveError, archives, cache_directory, unpack


@dataclass(frozen=True)
class Row:
    version: str
    architecture: str
    places: tuple  # (archive, suite), best first


# Debian's long-term support publishes in the security archive, so that is newer for a suite whose main archive no longer
# changes; a mirror that has no such suite says so at once.
_BULLSEYE = (("security", "bullseye-security"), ("main", "bullseye"))
_BOOKWORM = (("security", "bookworm-security"), ("main", "bookworm"))
_NEWER = (("main", "bookworm-backports"), ("security", "trixie-security"), ("main", "trixie"))

ROWS = {
    "5.10": Row("5.10", "amd64", _BULLSEYE),
    "6.1": Row("6.1", "amd64", _BOOKWORM),
    "6.12": Row("6.12", "amd64", _NEWER),
    "6.1-arm64": Row("6.1", "arm64", _BOOKWORM),
    "6.12-arm64": Row("6.12", "arm64", _NEWER),
}


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package."""

    name: str      # what was asked for: "6.1"
    release: str   # what uname -r says in the guest
    version: str   # the package's
    suite: str
    root: Path

    @property
    def architecture(self):
        return ARCHITECTURES[ROWS[self.name].architecture]

    @property
    def image(self):
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self):
        base = self.root / "lib/modules" / self.release
        return base if base.exists() else self.root / "usr/lib/modules" / self.release


def _image_package(apt, architecture):
    """The package that the meta package stands for now, and its version."""
    meta = f"linux-image-cloud-{architecture}"
    depends = apt.run("apt-cache", "depends", meta)
    match = re.search(rf"Depends: (linux-image-[^ \n]+-cloud-{architecture})$", depends, re.MULTILINE)
    if not match:
        raise ArchiveError(f"{meta} has no cloud kernel:\n{depends}")
    return match[1], apt.candidate(match[1])


def _fetch(name, place, uri, suite, cache):
    row = ROWS[name]
    apt = AptRoot(cache / "apt" / f"{suite}-{row.architecture}", [(uri, suite)], row.architecture)
    apt.update()
    package, version = _image_package(apt, row.architecture)
    release = package.removeprefix("linux-image-")
    if not release.startswith(row.version + "."):
        raise ArchiveError(f"{suite} of the {place} archive has {release}, not {row.version}")
    root = cache / f"{name}-{version.replace('~', '_')}"
    if not root.exists():
        package_file, = apt.fetch(f"{package}={version}", dependencies=False)
        partial = root.with_name(root.name + f".{os.getpid()}")
        unpack(package_file, partial)
        package_file.unlink()
        try:
            partial.rename(root)
        except OSError:  # another run was quicker: its copy is the same
            shutil.rmtree(partial)
    (cache / f"{name}.current").write_text(f"{release} {version} {suite} {root.name}\n")
    return Kernel(name, release, version, suite, root)


def cached(name):
    """The kernel that the last fetch found, or None."""
    cache = cache_directory("kernels")
    try:
        release, version, suite, folder = (cache / f"{name}.current").read_text().split()
    except OSError:
        return None
    kernel = Kernel(name, release, version, suite, cache / folder)
    return kernel if kernel.image.exists() else None


def kernel(name, refresh=False):
    """The kernel `name`, from the cache if it is there: a matrix compares like with like until it is refreshed."""
    if name not in ROWS:
        raise ArchiveError(f"no kernel {name}: there are {', '.join(ROWS)}")
    found = None if refresh else cached(name)
    if found:
        return found
    refused = []
    places = archives()
    for place, suite in ROWS[name].places:
        if place in places:
            try:
                return _fetch(name, place, places[place], suite, cache_directory("kernels"))
            except ArchiveError as error:
                refused.append(f"{suite}: {error}")
    raise ArchiveError(f"kernel {name} cannot be had:\n  " + "\n  ".join(refused))


def of_this_machine():
    """The kernels whose guests need nothing but this machine's own programs."""
    return [name for name, row in ROWS.items() if ARCHITECTURES[row.architecture].native]
