"""One emulated machine: a kernel, a configuration, the tests to run. Started as a process of ours, ended by its pid."""

import json
import shlex
import shutil
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from testkit import BUILD

from . import initramfs
from .kernels import Kernel

GRACE_S = 60  # of a machine's limit: to boot and to tell what it has when the tests are interrupted
OUT_BYTES = 256 << 20  # of a sparse file: what the tests leave
MEMORY_MIB = 2048

# How much slower than the host a guest is taken to be (testkit/pace.py). It is slower than that by some measures (`import
# grpc`: 0.1 s on the host, 1.6 s in a guest), but the tests' limits have room: with 6 they pass beside a busy second guest.
TIME_SCALE = 6


RUNNING = set()  # machines that have not ended: whoever ends the run ends them


@dataclass
class Outcome:
    kernel: object
    configuration: object
    folder: Path
    wall_seconds: float = 0.0
    boot_seconds: float = None   # from the kernel's first instruction to the first program of ours
    status: int = None           # of pytest; None: the machine did not get that far
    problems: list = field(default_factory=list)

    @property
    def junit(self):
        return self.folder / "junit.xml"

    @property
    def title(self):
        return f"{self.kernel.name} {self.configuration.name}"


def job(configuration, pytest_arguments, time_scale):
    """The guest's settings and command, as guest/run reads them."""
    command = ["env", f"TELEGEN_TIME_SCALE={time_scale}", "TELEGEN_VM=1", f"TELEGEN_VM_REFUSED={configuration.refused}",
               f"TELEGEN_CHURN={configuration.churn}", f"TELEGEN_VM_COUNTS={'yes' if configuration.counts else ''}",
               "PYTHONDONTWRITEBYTECODE=1", "/telegen/build/venv/bin/python", "-m", "pytest", "-c", "tests/pytest.ini",
               "-v", "--durations=15", "-o", "junit_family=xunit1", "--junitxml=/run/out/junit.xml", *pytest_arguments]
    left = configuration.limit - GRACE_S
    return (f"SECONDS_LEFT={left}\nCGROUPS={shlex.quote(configuration.cgroups)}\nBTF={shlex.quote(configuration.btf)}\n"
            f"COMMAND=({shlex.join(command)})\n")


def command_line(kernel, configuration):
    """`panic=-1` and -no-reboot end the machine at once when the kernel dies; an oops is as bad as that."""
    architecture = kernel.architecture
    clock = architecture.counted_clock if configuration.counts else architecture.clock
    words = [architecture.boot, clock, "panic=-1", "oops=panic", "quiet", "mitigations=off", "random.trust_cpu=on",
             configuration.boot]
    if configuration.cgroups == "v2":
        words.append("cgroup_no_v1=all")
    return " ".join(word for word in words if word)


def speed(architecture, configuration):
    """With -icount the guest's clocks advance one nanosecond an executed instruction while it does something, so what it
    measures is the same on any host, and twice the same. That takes QEMU one thread."""
    if configuration.counts:
        return ["-accel", "tcg,thread=single", "-icount", "shift=0", "-cpu", architecture.cpu + architecture.counted_cpu]
    return ["-accel", "tcg,thread=multi", "-cpu", architecture.cpu]


def qemu(kernel, configuration, folder, images):
    drives = []
    for number, (file, extra) in enumerate([*((image, ",readonly=on") for image in images), (folder / "out.img", "")]):
        drives += ["-drive", f"file={file},format=raw,if=none,id=disk{number},cache=unsafe{extra}",
                   "-device", f"virtio-blk-pci,drive=disk{number}"]
    # No network at all: the guest has its own loopback, and nothing else. No display, no monitor.
    return [*kernel.architecture.emulator, *speed(kernel.architecture, configuration), "-smp", str(configuration.cpus),
            "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-nic", "none",
            "-display", "none", "-no-reboot", "-kernel", str(kernel.image), "-initrd", str(folder / "initramfs"),
            "-append", command_line(kernel, configuration), "-serial", f"file:{folder / 'console.log'}", *drives]


def run(kernel, configuration, images, pytest_arguments, time_scale=TIME_SCALE, limit=None):
    """Boots, waits, unpacks what the guest left. Raises nothing for what goes wrong in the guest: it is in the outcome."""
    folder = runs() / f"{kernel.name}-{configuration.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outcome = Outcome(kernel, configuration, folder)
    (folder / "initramfs").write_bytes(initramfs.build(kernel, job(configuration, pytest_arguments, time_scale)))
    with open(folder / "out.img", "wb") as out:
        out.truncate(OUT_BYTES)
    begin = time.monotonic()
    with open(folder / "qemu.log", "wb") as log:
        machine = subprocess.Popen(qemu(kernel, configuration, folder, images), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
    RUNNING.add(machine)
    try:
        status = machine.wait(limit or configuration.limit)
        if status != 0:
            outcome.problems.append(f"qemu ended with {status}: {(folder / 'qemu.log').read_text().strip()[-300:]}")
    except subprocess.TimeoutExpired:
        outcome.problems.append(f"not done after {limit or configuration.limit} s; ended from outside")
    finally:
        if machine.poll() is None:
            machine.terminate()
            machine.wait()
        RUNNING.discard(machine)
    outcome.wall_seconds = time.monotonic() - begin
    _collect(outcome)
    (folder / "out.img").unlink()
    (folder / "initramfs").unlink()
    (folder / "outcome.json").write_text(json.dumps({
        "release": kernel.release, "version": kernel.version, "suite": kernel.suite, "date": time.strftime("%Y-%m-%d"),
        "arguments": list(pytest_arguments), "wall_seconds": outcome.wall_seconds, "boot_seconds": outcome.boot_seconds,
        "status": outcome.status, "problems": outcome.problems}, indent=2) + "\n")
    return outcome


def runs():
    """The folder that the tests' results are kept in until their machine runs again."""
    return BUILD / "vm" / "runs"


def remembered(name, configuration):
    """The outcome of the last whole run of a kernel and a configuration, or None."""
    folder = runs() / f"{name}-{configuration.name}"
    try:
        kept = json.loads((folder / "outcome.json").read_text())
    except OSError:
        return None
    if tuple(kept["arguments"]) != configuration.tests:
        return None
    kernel = Kernel(name, kept["release"], kept["version"], kept["suite"], None)
    return Outcome(kernel, configuration, folder, kept["wall_seconds"], kept["boot_seconds"], kept["status"],
                   kept["problems"])


def _collect(outcome):
    folder = outcome.folder
    try:
        with tarfile.open(folder / "out.img") as archive:
            archive.extractall(folder, filter="data")
        outcome.status = int((folder / "status").read_text())
        outcome.boot_seconds = float((folder / "boot_seconds").read_text())
    except (tarfile.ReadError, OSError, ValueError):
        outcome.problems.append("the guest left nothing: its last words are in console.log")
    said = folder / "dmesg.txt"
    text = said.read_text(errors="replace") if said.exists() else ""
    for line in text.splitlines():
        if any(word in line for word in ("BUG:", "WARNING:", "Oops", "Call Trace", "rcu_sched self-detected")):
            outcome.problems.append(f"the kernel complained: {line.strip()}")
