#include "loader/handoff/confine.h"

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

namespace telegen {
namespace {

// What the worker needs once it runs: memory, threads, time, its descriptors, outgoing connections, reading files.
constexpr int kAllowed[] = {
    // memory and threads
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(memfd_create), SCMP_SYS(futex), SCMP_SYS(futex_waitv), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(set_tid_address), SCMP_SYS(membarrier),
    // signals
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // time and randomness
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(times),
    // descriptors
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(fallocate),
    SCMP_SYS(ftruncate), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
    SCMP_SYS(pselect6), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    // files, by name: the user's rights are nobody's. Opening is below, for reading only.
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
    // sockets
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg), SCMP_SYS(shutdown),
    SCMP_SYS(socketpair),
    // who and where
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(arch_prctl), SCMP_SYS(umask)};

// What the loader needs once its probes run. Maps and the ring are memory and open descriptors by then, and links are
// detached by closing theirs: the one bpf() call that follows reads the table of connections for a new worker.
constexpr unsigned int kLoaderKeeps[] = {
    CAP_KILL,             // signal the worker, which belongs to another user
    CAP_SETUID,           // give the next worker its user, after a crash or SIGHUP
    CAP_SETGID,           // and its group, with no supplementary ones
    CAP_SETPCAP,          // and an empty bounding set
    CAP_SYS_PTRACE,       // /proc/<pid>/{exe,cwd,maps,ns} of other users' processes
    CAP_DAC_READ_SEARCH,  // /proc/<pid>/{environ,fd}, their executables; configuration and TLS files at SIGHUP
};

struct FilterDeleter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

// Calls that are fine with some arguments only.
int add_conditional_rules(scmp_filter_ctx filter) {
  int error = 0;
  const auto allow_if = [&](int call, scmp_arg_cmp condition) {
    if (error == 0) error = ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, condition);
  };
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {  // netlink: how the resolver sorts addresses
    allow_if(SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
  }
  // Read-only is not enough said: O_RDONLY | O_CREAT makes a file, and O_RDONLY | O_TRUNC empties one.
  constexpr scmp_datum_t kOpenFlags = O_ACCMODE | O_CREAT | O_TRUNC;
  allow_if(SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, kOpenFlags, O_RDONLY));
  allow_if(SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, kOpenFlags, O_RDONLY));
  // Sockets without blocking, bytes waiting, and whether standard output is a terminal, how wide. Of the rest, TIOCSTI
  // alone would let it type commands into the terminal that the agent was started from.
  for (const unsigned int request : {FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ}) {
    allow_if(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, request));
  }
  // Its user may be "nobody", whom other programs share: it may signal and limit itself alone.
  allow_if(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
  allow_if(SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0));
  allow_if(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  // Its flags lie in memory where a filter cannot look; told that it does not exist, the C library uses clone.
  if (error == 0) error = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA}) {
    allow_if(SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(option)));
  }
  return error;
}

// Before Linux 5.19, where kernel.unprivileged_bpf_disabled is set, every bpf() call takes CAP_BPF, look-ups in maps
// that one holds included. Found out by a look-up in no map, without the capability for that moment: EPERM or EBADF.
bool look_ups_take_rights() {
  constexpr unsigned int kEither[] = {CAP_BPF, CAP_SYS_ADMIN};
  ::capng_get_caps_process();
  std::vector<unsigned int> lowered(std::begin(kEither), std::end(kEither));
  std::erase_if(lowered, [](unsigned int each) { return ::capng_have_capability(CAPNG_EFFECTIVE, each) == 0; });
  for (const unsigned int each : lowered) static_cast<void>(::capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, each));
  if (::capng_apply(CAPNG_SELECT_CAPS) != 0) return true;
  std::uint64_t key = 0;
  const bool refused = ::bpf_map_get_next_key(-1, nullptr, &key) == -EPERM;
  for (const unsigned int each : lowered) static_cast<void>(::capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, each));
  static_cast<void>(::capng_apply(CAPNG_SELECT_CAPS));
  return refused;
}

}  // namespace

WorkerUser worker_user() {
  for (const char* name : {"telegen", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name); entry != nullptr && entry->pw_uid != 0) {
      return {entry->pw_uid, entry->pw_gid, name};
    }
  }
  return {65534, 65534, "65534"};
}

Result<void> drop_privileges(const WorkerUser& user) {
  if (::setgroups(0, nullptr) != 0) return fail_errno(errno, "drop", "supplementary groups", ErrorKind::kPermission);
  ::capng_clear(CAPNG_SELECT_BOTH);
  // The bounding set can only be emptied while CAP_SETPCAP is held; without it there is nothing to inherit anyway.
  static_cast<void>(::capng_apply(CAPNG_SELECT_BOUNDS));
  if (::setresgid(user.gid, user.gid, user.gid) != 0)
    return fail_errno(errno, "become group of", user.name, ErrorKind::kPermission);
  if (::setresuid(user.uid, user.uid, user.uid) != 0)
    return fail_errno(errno, "become user", user.name, ErrorKind::kPermission);
  ::capng_clear(CAPNG_SELECT_BOTH);
  if (::capng_apply(CAPNG_SELECT_CAPS) != 0)
    return fail("drop capabilities: the kernel refused", ErrorKind::kPermission);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno(errno, "set", "no_new_privs", ErrorKind::kPermission);
  return {};
}

Result<void> keep_loader_capabilities() {
  std::vector<unsigned int> kept(std::begin(kLoaderKeeps), std::end(kLoaderKeeps));
  if (look_ups_take_rights()) kept.push_back(CAP_BPF);
  ::capng_get_caps_process();
  std::erase_if(kept, [](unsigned int each) { return ::capng_have_capability(CAPNG_PERMITTED, each) == 0; });
  ::capng_clear(CAPNG_SELECT_BOTH);
  for (const unsigned int each : kept) {
    for (const capng_type_t set : {CAPNG_EFFECTIVE, CAPNG_PERMITTED, CAPNG_BOUNDING_SET}) {
      static_cast<void>(::capng_update(CAPNG_ADD, set, each));
    }
  }
  if (::capng_apply(CAPNG_SELECT_BOUNDS) != 0 || ::capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return fail("give up the capabilities that loading took: the kernel refused", ErrorKind::kPermission);
  }
  return {};
}

Result<void> restrict_system_calls() {
  const std::unique_ptr<void, FilterDeleter> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return fail("create a seccomp filter: out of memory", ErrorKind::kPermission);
  for (const int call : kAllowed) {
    const int error = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    // -EDOM: this architecture has no such call.
    if (error != 0 && error != -EDOM)
      return fail_errno(-error, "allow system call", std::to_string(call), ErrorKind::kPermission);
  }
  if (const int error = add_conditional_rules(filter.get()); error != 0) {
    return fail_errno(-error, "add", "a seccomp rule", ErrorKind::kPermission);
  }
  if (const int error = ::seccomp_load(filter.get()); error != 0) {
    return fail_errno(-error, "load", "the seccomp filter", ErrorKind::kPermission);
  }
  return {};
}

}  // namespace telegen
