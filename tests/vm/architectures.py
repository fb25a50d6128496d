"""What differs between guests of one architecture and another. The host's own needs nothing but the host; of another, the
programs come from a root that scripts/setup-arm64 made.
"""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from testkit import BUILD

from .sysroot import sysroot


@dataclass(frozen=True)
class Architecture:
    name: str          # in the names of Debian's packages
    triplet: str       # of its compiler and libraries
    loader: str        # its dynamic linker
    emulator: tuple    # the command for a machine of it
    cpu: str           # the processor that it emulates
    counted_cpu: str   # added to that where instructions are counted
    boot: str          # words of the kernel's command line that only it needs
    clock: str         # more of them, for a clock that goes right
    counted_clock: str # the same where instructions are counted

    @property
    def native(self):
        return platform.machine() == self.triplet.split("-")[0]

    @property
    def root(self):
        """Where the guest's programs and libraries are, as paths of the host."""
        return Path("/") if self.native else sysroot(self.name).resolve()

    @property
    def build(self):
        """The folder of its build."""
        return BUILD / ("release" if self.native else self.name)

    @property
    def live_programs(self):
        """The folder that the tests' own C programs are compiled to."""
        return (BUILD if self.native else self.build) / "live"

    @property
    def make(self):
        """What makes all that its guests need."""
        return "make build, scripts/setup-tests and scripts/setup-vm" if self.native else f"make {self.name}-test"

    @property
    def compiler(self):
        """The command of a C compiler that finds its headers and libraries."""
        return ["gcc"] if self.native else [f"{self.triplet}-gcc-12", f"--sysroot={self.root}"]

    def program(self, name):
        """Path of a program, or None."""
        places = [str(self.root / place) for place in ("usr/bin", "usr/sbin")]
        path = [os.environ.get("PATH", ""), "/usr/sbin", "/sbin"] if self.native else places
        found = shutil.which(name, path=":".join(path))
        return Path(found) if found else None

    def libraries(self, path):
        """What the dynamic linker loads for a program or library, as paths of the host; nothing where it is static."""
        command = ["ldd", str(path)] if self.native else [
            f"qemu-{self.triplet.split('-')[0]}", "-L", str(self.root), "-E", "LD_TRACE_LOADED_OBJECTS=1",
            str(self.root / self.loader.lstrip("/")), str(path)]
        listed = subprocess.run(command, capture_output=True, text=True)
        found = set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed.stdout, re.MULTILINE))
        if self.native:
            return found
        inside = {str(self.root / each.lstrip("/")) for each in found if not each.startswith(str(self.root))}
        return {each for each in inside if os.path.exists(each)} | {str(self.root / self.loader.lstrip("/"))}


ARCHITECTURES = {each.name: each for each in (
    # Without cmpxchg16b: QEMU 7.2 leaves wrong flags after it, and the kernel's memory allocator uses it (half of all boots
    # of 6.12 ended in a panic).
    # The kernel measures the TSC's frequency, and on a busy host it is wrong by up to a factor of 28: then time flies.
    # Copies are counted a word at a time (erms, fsrm: a byte), as a repeated instruction counts once a repetition.
    Architecture("amd64", "x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2",
                 ("qemu-system-x86_64", "-machine", "pc"), "max,cx16=off", ",erms=off,fsrm=off",
                 "console=ttyS0 no_timer_check", "tsc=unstable clocksource=hpet", "tsc=reliable"),
    # A server's processor with atomic instructions and without pointer authentication, which is slow to emulate.
    Architecture("arm64", "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1",
                 ("qemu-system-aarch64", "-machine", "virt"), "neoverse-n1", "", "console=ttyAMA0", "", ""),
)}
