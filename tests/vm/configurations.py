"""The matrix as data: one row a configuration of the guest. A new one is a row here and nothing else."""

from dataclasses import dataclass

ALL = ("5.10", "6.1", "6.12")

# What runs in the guest, as arguments of pytest: everything; what the kernel can change (of each kind of call, socket and
# end one; starting the agent, which is mostly the verifier's work, takes an emulated machine 5 to 10 s); and what Telegen
# says where it cannot trace.
FULL = ("tests/live", "tests/vm/guest")
CORE = (
    "tests/live/test_doctor.py::test_as_root", "tests/live/test_doctor.py::test_the_text_says_the_same",
    "tests/live/test_doctor.py::test_without_capabilities",
    "tests/live/test_candidates.py::test_every_system_call_gives_the_same_spans",
    "tests/live/test_io_uring.py::test_every_way_gives_its_spans[recv-plain]",
    "tests/live/test_sockets.py::test_sockets_that_are_shared[fork]",
    "tests/live/test_sockets.py::test_a_connection_passed_on_is_served_by_who_got_it",
    "tests/live/test_sockets.py::test_ipv6", "tests/live/test_sockets.py::test_unix_stream[recvmsg-sendmsg]",
    "tests/live/test_http1_nginx.py::test_a_proxy_is_a_server_and_a_client",
    "tests/live/test_http1_nginx.py::test_a_server_that_starts_later_is_seen_from_its_first_request",
    "tests/live/test_chaos.py::test_a_connection_older_than_the_agent",
    "tests/live/test_chaos.py::test_connections_outlive_the_worker_that_knew_them",
    "tests/live/test_worker_rights.py::test_the_worker_has_no_rights_while_it_works",
    "tests/live/test_worker_rights.py::test_eight_capabilities_are_enough",
    "tests/vm/guest/test_nothing_is_left.py::test_no_object_of_it_is_left_in_the_kernel[term]",
    "tests/vm/guest/test_nothing_is_left.py::test_no_object_of_it_is_left_in_the_kernel[kill_loader]",
)
LOAD = ("tests/vm/guest/test_steady_rate.py", "tests/live/test_churn.py")
# Of an architecture that is not the host's: what depends on system calls and registers, and nothing that is about speed.
ARM64 = (
    *CORE,
    "tests/live/test_http1_nginx.py::test_methods_statuses_queries_and_sizes",
    "tests/live/test_worker_rights.py::test_a_worker_that_was_taken_over_is_refused_everything",
)
REFUSED = ("tests/vm/guest/test_what_is_refused.py",)


@dataclass(frozen=True)
class Configuration:
    name: str
    shows: str                 # what a pass means, for the table
    tests: tuple = CORE
    kernels: tuple = ALL
    cpus: int = 1
    boot: str = ""             # more words for the kernel's command line
    cgroups: str = "v2"        # v2, v1, hybrid: what the guest's system mounts
    btf: str = "shown"         # hidden: an empty file system is mounted over /sys/kernel/btf
    refused: str = ""          # the capability of `telegen doctor` without which this machine cannot be traced
    churn: int = 20            # what test_churn.py divides 10,000 processes and 50,000 connections by
    counts: bool = False       # the guest's clocks count executed instructions, one a nanosecond
    limit: int = 1200          # seconds of wall time until the machine is ended


CONFIGURATIONS = (
    Configuration("plain", "everything: all live tests", FULL, churn=10, limit=4200),
    Configuration("2-cpus", "programs run on two processors at once", cpus=2),
    Configuration("integrity", "lockdown=integrity: kernel memory may not be written", boot="lockdown=integrity"),
    Configuration("bpf-lsm", "the BPF security module is active beside lockdown and AppArmor",
                  boot="lsm=lockdown,yama,apparmor,bpf"),
    Configuration("cgroup-v1", "no cgroup v2 mounted by the system, all controllers in v1 hierarchies", cgroups="v1"),
    Configuration("cgroup-hybrid", "v1 hierarchies, with v2 beside them at /sys/fs/cgroup/unified", cgroups="hybrid"),
    Configuration("confidentiality", "lockdown=confidentiality refuses to read kernel memory: Telegen says so and ends",
                  REFUSED, boot="lockdown=confidentiality", refused="kernel_reads"),
    Configuration("no-btf", "no type information (its folder is hidden in the guest; the kernel has it): Telegen "
                  "says so and ends", REFUSED, btf="hidden", refused="btf"),
    Configuration("arm64", "Debian's arm64 kernel and programs, and Telegen cross-compiled for it", ARM64,
                  kernels=("6.1-arm64", "6.12-arm64")),
)

# What the CI runs, side by side: the oldest and the newest kernel, one CPU each.
CI_KERNELS = ("5.10", "6.12")
CI = Configuration("ci", "requests become spans on this kernel, and nothing is left in it",
                   (*CORE, *LOAD, "tests/live/test_verifier_budget.py"), limit=840)

# No test of anything, but a measurement: what each candidate of a hook adds to system calls.
COST = Configuration("cost", "what each candidate adds to system calls, in instructions",
                     ("tests/vm/guest/test_call_cost.py",), counts=True, limit=1800)


def named(names):
    known = {c.name: c for c in (*CONFIGURATIONS, CI, COST)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise KeyError(f"no configuration {', '.join(unknown)}: there are {', '.join(known)}")
    return [known[name] for name in names]
