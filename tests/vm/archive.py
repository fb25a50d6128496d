"""Debian packages without installing them: found in the archives that this machine's apt is configured for, checked by
apt itself, unpacked into a folder. Nothing changes on the host, and no archive is named here.
"""

import os
import re
import subprocess
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class ArchiveError(RuntimeError):
    pass


def cache_directory(name):
    """Shared by all clones of a user, like the compiler's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "telegen" / name


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
        raise ArchiveError("apt is configured for no Debian archive, or `apt-get update` never ran: no package can be had")
    return found


class AptRoot:
    """A private apt: own sources, lists and cache; one architecture. The archives' key is the system's."""

    def __init__(self, directory, sources, architecture):
        """`sources`: [(URI, suite)]."""
        self.directory = directory
        self.downloads = directory / "cache/archives"
        for each in ("lists/partial", "cache/archives/partial"):
            (directory / each).mkdir(parents=True, exist_ok=True)
        (directory / "sources.list").write_text("".join(
            f"deb [arch={architecture} signed-by={KEYRING}] {uri} {suite} main\n" for uri, suite in sources))
        (directory / "status").touch()
        # The sandbox user of apt cannot reach a cache below a private home; only root could change to it anyway.
        self.options = [f"-oDir::Etc::sourcelist={directory}/sources.list", "-oDir::Etc::sourceparts=-",
                        f"-oDir::State={directory}", f"-oDir::State::lists={directory}/lists",
                        f"-oDir::State::status={directory}/status", f"-oDir::Cache={directory}/cache",
                        f"-oAPT::Architecture={architecture}", f"-oAPT::Architectures={architecture}",
                        "-oAcquire::Languages=none", "-oAPT::Sandbox::User=",
                        "-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"]

    def run(self, *command, cwd=None):
        made = subprocess.run([command[0], *self.options, *command[1:]], capture_output=True, text=True, cwd=cwd)
        if made.returncode != 0:
            raise ArchiveError(f"{' '.join(command)}: {made.stderr.strip() or made.stdout.strip()}")
        return made.stdout

    def update(self):
        self.run("apt-get", "update", "--error-on=any")

    def candidate(self, package):
        """The version that would be installed now."""
        return re.search(r"Candidate: (\S+)", self.run("apt-cache", "policy", package))[1]

    def fetch(self, *packages, dependencies):
        """[Path] of the packages' files, with everything that they depend on or without."""
        for old in self.downloads.glob("*.deb"):
            old.unlink()
        if dependencies:
            self.run("apt-get", "install", "--download-only", "--no-install-recommends", "--yes", *packages)
        else:
            self.run("apt-get", "download", *packages, cwd=self.downloads)
        return sorted(self.downloads.glob("*.deb"))


def unpack(package_file, root):
    """The package's files below `root`. A folder that is a link there (/lib → usr/lib) stays one."""
    root.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package_file)], stdout=subprocess.PIPE) as packed:
        subprocess.run(["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner"], stdin=packed.stdout,
                       check=True)
    if packed.returncode != 0:
        raise ArchiveError(f"dpkg-deb cannot read {package_file.name}")
