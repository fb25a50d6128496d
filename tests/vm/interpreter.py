"""The Python that runs the tests in a guest, and what tests/requirements.txt names, which the guest has at the place of the
host's environment, build/venv."""

import os
import shutil
import subprocess
from pathlib import Path

from testkit import BUILD

VENV = BUILD / "venv"
IN_GUEST = "/telegen/build/venv"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "pip", "bin")


class HostPython:
    """The interpreter that build/venv was made from, with that environment."""

    def __init__(self):
        self.program = (VENV / "bin/python").resolve()
        library = subprocess.run([str(self.program), "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
                                 capture_output=True, text=True, check=True).stdout.strip()
        self.library = Path(library)
        self.packages = VENV / "lib"
        self.installed = VENV / "requirements.installed"

    def stage(self, tree):
        link = VENV / "bin/python"  # through names inside the environment to the interpreter that it was made from
        while link.is_symlink() and link.is_relative_to(VENV):
            link = link.parent / os.readlink(link)
        tree.file(link)
        tree.folder(VENV, IN_GUEST, shutil.ignore_patterns("__pycache__", "pip"))


class DebianPython:
    """Debian 12's interpreter for another architecture, and wheels for that (scripts/setup-arm64)."""

    def __init__(self, architecture):
        self.program = architecture.root / "usr/bin/python3.11"
        self.library = architecture.root / "usr/lib/python3.11"
        self.packages = architecture.build / "python"
        self.installed = self.packages / "requirements.installed"

    def stage(self, tree):
        tree.folder(self.packages, f"{IN_GUEST}/lib/python3.11/site-packages", _LEFT_OUT)
        tree.write(f"{IN_GUEST}/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
        tree.at(f"{IN_GUEST}/bin").mkdir()
        tree.at(f"{IN_GUEST}/bin/python").symlink_to("/usr/bin/python3.11")


def python_of(architecture):
    return HostPython() if architecture.native else DebianPython(architecture)
