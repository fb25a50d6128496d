"""Debian's cloud kernels: found by suite in the archives that this machine's apt is configured for, checked by apt
itself, unpacked into a cache that all clones share. Nothing is installed on the host, and no archive is named here.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
META_PACKAGE = "linux-image-cloud-amd64"

# Where each kernel lives, best first. Debian's long-term support publishes in the security archive, so that is newer
# for a suite whose main archive no longer changes; a mirror that has no such suite says so at once.
SUITES = {
    "5.10": (("security", "bullseye-security"), ("main", "bullseye")),
    "6.1": (("security", "bookworm-security"), ("main", "bookworm")),
    "6.12": (("main", "bookworm-backports"), ("security", "trixie-security"), ("main", "trixie")),
}


class KernelError(RuntimeError):
    pass


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package."""

    name: str      # what was asked for: "6.1"
    release: str   # what uname -r says in the guest
    version: str   # the package's
    suite: str
    root: Path

    @property
    def image(self):
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self):
        base = self.root / "lib/modules" / self.release
        return base if base.exists() else self.root / "usr/lib/modules" / self.release


def cache_directory():
    """Shared by all clones of a user, like the compiler's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "telegen" / "kernels"


def archives():
    """{'main': URI, 'security': URI} of the Debian archives that apt is configured for, whatever release they serve."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL) $(CODENAME)",
                             "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        uri, label, codename = line.split(" ")
        if label == "Debian" and "-" not in codename:  # bookworm, not bookworm-updates
            found.setdefault("main", uri)
        elif label == "Debian-Security":
            found.setdefault("security", uri)
    if not found:
        raise KernelError("apt is configured for no Debian archive, or `apt-get update` never ran: no kernel can be had")
    return found


class AptRoot:
    """A private apt: own sources, lists and cache; one suite of one archive. The archive's key is the system's."""

    def __init__(self, directory, uri, suite):
        self.directory = directory
        for each in ("lists/partial", "cache/archives/partial"):
            (directory / each).mkdir(parents=True, exist_ok=True)
        (directory / "sources.list").write_text(f"deb [arch=amd64 signed-by={KEYRING}] {uri} {suite} main\n")
        (directory / "status").touch()
        # The sandbox user of apt cannot reach a cache below a private home; only root could change to it anyway.
        self.options = [f"-oDir::Etc::sourcelist={directory}/sources.list", "-oDir::Etc::sourceparts=-",
                        f"-oDir::State={directory}", f"-oDir::State::lists={directory}/lists",
                        f"-oDir::State::status={directory}/status", f"-oDir::Cache={directory}/cache",
                        "-oAPT::Architecture=amd64", "-oAcquire::Languages=none", "-oAPT::Sandbox::User=",
                        "-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"]

    def run(self, *command, cwd=None):
        made = subprocess.run([command[0], *self.options, *command[1:]], capture_output=True, text=True, cwd=cwd)
        if made.returncode != 0:
            raise KernelError(f"{' '.join(command)}: {made.stderr.strip() or made.stdout.strip()}")
        return made.stdout

    def update(self):
        self.run("apt-get", "update", "--error-on=any")

    def image_package(self):
        """The package that the meta package stands for now, and its version."""
        depends = self.run("apt-cache", "depends", META_PACKAGE)
        match = re.search(r"Depends: (linux-image-[^ \n]+-cloud-amd64)$", depends, re.MULTILINE)
        if not match:
            raise KernelError(f"{META_PACKAGE} has no cloud kernel:\n{depends}")
        policy = self.run("apt-cache", "policy", match[1])
        return match[1], re.search(r"Candidate: (\S+)", policy)[1]


def _fetch(name, place, uri, suite, cache):
    apt = AptRoot(cache / "apt" / suite, uri, suite)
    apt.update()
    package, version = apt.image_package()
    release = package.removeprefix("linux-image-")
    if not release.startswith(name + "."):
        raise KernelError(f"{suite} of the {place} archive has {release}, not {name}")
    root = cache / f"{name}-{version.replace('~', '_')}"
    if not root.exists():
        downloads = cache / "apt" / suite / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir()
        apt.run("apt-get", "download", f"{package}={version}", cwd=downloads)
        package_file, = downloads.glob("*.deb")
        partial = root.with_name(root.name + f".{os.getpid()}")
        subprocess.run(["dpkg-deb", "-x", str(package_file), str(partial)], check=True)
        package_file.unlink()
        try:
            partial.rename(root)
        except OSError:  # another run was quicker: its copy is the same
            shutil.rmtree(partial)
    (cache / f"{name}.current").write_text(f"{release} {version} {suite} {root.name}\n")
    return Kernel(name, release, version, suite, root)


def cached(name):
    """The kernel that the last fetch found, or None."""
    cache = cache_directory()
    try:
        release, version, suite, folder = (cache / f"{name}.current").read_text().split()
    except OSError:
        return None
    kernel = Kernel(name, release, version, suite, cache / folder)
    return kernel if kernel.image.exists() else None


def kernel(name, refresh=False):
    """The kernel `name`, from the cache if it is there: a matrix compares like with like until it is refreshed."""
    if name not in SUITES:
        raise KernelError(f"no kernel {name}: there are {', '.join(SUITES)}")
    found = None if refresh else cached(name)
    if found:
        return found
    refused = []
    places = archives()
    for place, suite in SUITES[name]:
        if place in places:
            try:
                return _fetch(name, place, places[place], suite, cache_directory())
            except KernelError as error:
                refused.append(f"{suite}: {error}")
    raise KernelError(f"kernel {name} cannot be had:\n  " + "\n  ".join(refused))
