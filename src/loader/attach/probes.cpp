#include "loader/attach/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <functional>
#include <initializer_list>

#include "abi/event.h"
#include "base/time.h"
#include "loader/attach/mapped_array.h"
#include "process.skel.h"
#include "socket.skel.h"

namespace telegen {
namespace {

struct SelectedPage {
  std::uint8_t traced[TG_SELECTED_PAGE];
};

template <class Skeleton, void (*Destroy)(Skeleton*)>
struct SkeletonDeleter {
  void operator()(Skeleton* skeleton) const { Destroy(skeleton); }
};
using ProcessSkeleton = std::unique_ptr<process_bpf, SkeletonDeleter<process_bpf, process_bpf__destroy>>;
using SocketSkeleton = std::unique_ptr<socket_bpf, SkeletonDeleter<socket_bpf, socket_bpf__destroy>>;

struct LinkDeleter {
  void operator()(bpf_link* link) const { ::bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

// What both families share; the second object takes the first one's maps.
constexpr const char* kSharedMaps[] = {"tg_ring",     "tg_counters", "tg_settings",
                                       "tg_selected", "tg_rules",    "tg_subject"};

std::uint32_t pid_limit() {
  std::uint32_t limit = 0;
  std::ifstream("/proc/sys/kernel/pid_max") >> limit;
  return limit == 0 ? 4'194'304 : limit;
}

// Before 5.11 BPF memory counts as locked memory.
void lift_memlock_limit() {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  static_cast<void>(
      ::setrlimit(RLIMIT_MEMLOCK, &unlimited));  // newer kernels need none: not being allowed to is no error
}

Result<void> share_maps(bpf_object* from, bpf_object* to) {
  for (const char* name : kSharedMaps) {
    const int fd = ::bpf_object__find_map_fd_by_name(from, name);
    bpf_map* map = ::bpf_object__find_map_by_name(to, name);
    if (const int error = ::bpf_map__reuse_fd(map, fd); error != 0) {
      return fail_errno(-error, "share BPF map", name, ErrorKind::kBpf);
    }
  }
  return {};
}

void choose_programs(bpf_object* object, const Plan& plan) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    ::bpf_program__set_autoload(program, plan.loads(::bpf_program__name(program)));
  }
}

// How many calls, one a thread, may be parked between their entry and their end.
constexpr std::uint32_t kCallsUnderWay = 16384;

// Detail goes to the debug log; what users need is in the error that the caller makes.
int discard_libbpf_log(libbpf_print_level, const char*, va_list) { return 0; }

}  // namespace

struct Probes::State {
  ProcessSkeleton process;
  SocketSkeleton socket;
  std::vector<Link> links;  // declared last of the BPF objects: detached first
  MappedArray<tg_settings> settings;
  MappedArray<tg_rule> rules;
  MappedArray<SelectedPage> selected;
  std::uint32_t ring_bytes = 0;
  std::uint32_t capture_bytes = 0;  // as configured
  std::vector<std::string> failures;

  Result<void> open_and_load(const Plan& plan, const EbpfSettings& wanted);
  Result<void> load_socket(const Plan& plan, bool typed_reads);
  void set_process_options(const Plan& plan, const EbpfSettings& wanted);
  void set_socket_options(const Plan& plan, bool typed_reads);
  Result<void> map_arrays(const EbpfSettings& wanted);
  Result<void> attach_all(const Plan& plan);
};

void Probes::State::set_process_options(const Plan& plan, const EbpfSettings& wanted) {
  const int cpus = ::libbpf_num_possible_cpus();
  ring_bytes = static_cast<std::uint32_t>(std::bit_ceil(wanted.ringbuf_size.bytes));
  ::bpf_map__set_max_entries(process->maps.tg_ring, ring_bytes);
  ::bpf_map__set_max_entries(process->maps.tg_counters, static_cast<std::uint32_t>(std::max(cpus, 1)));
  ::bpf_map__set_max_entries(process->maps.tg_selected, pid_limit() / TG_SELECTED_PAGE + 1);
  choose_programs(process->obj, plan);
}

void Probes::State::set_socket_options(const Plan& plan, bool typed_reads) {
  if (!plan.growing_tables) ::bpf_map__set_map_flags(socket->maps.tg_connections, 0);
  ::bpf_map__set_max_entries(socket->maps.tg_connections, plan.connections);
  ::bpf_map__set_max_entries(socket->maps.tg_parked, plan.arguments_parked ? kCallsUnderWay : 1);
  const bool calls_parked = plan.loads("tcp_receives") || plan.loads("tcp_sends");
  ::bpf_map__set_max_entries(socket->maps.tg_calls, calls_parked ? kCallsUnderWay : 1);
  socket->rodata->tg_arguments_parked = plan.arguments_parked;
  socket->rodata->tg_receive_parameters = static_cast<std::uint32_t>(plan.receive_parameters);
  socket->rodata->tg_typed_reads = typed_reads;
  choose_programs(socket->obj, plan);
}

Result<void> Probes::State::open_and_load(const Plan& plan, const EbpfSettings& wanted) {
  process.reset(::process_bpf__open());
  if (!process) return fail_errno(errno, "open", "the BPF objects", ErrorKind::kBpf);
  set_process_options(plan, wanted);
  if (const int error = ::process_bpf__load(process.get()); error != 0) {
    return fail_errno(-error, "load BPF programs", "process", ErrorKind::kBpf);
  }
  if (plan.connections < wanted.connections) {
    failures.push_back("this kernel cannot let tables grow (before Linux 6.1): at most " +
                       std::to_string(plan.connections) + " connections are followed at once");
  }
  // Typed reads are faster; whether the kernel takes them shows by loading.
  if (load_socket(plan, true)) return {};
  return load_socket(plan, false);
}

Result<void> Probes::State::load_socket(const Plan& plan, bool typed_reads) {
  socket.reset(::socket_bpf__open());
  if (!socket) return fail_errno(errno, "open", "the BPF objects", ErrorKind::kBpf);
  set_socket_options(plan, typed_reads);
  if (auto shared = share_maps(process->obj, socket->obj); !shared) return shared;
  if (const int error = ::socket_bpf__load(socket.get()); error != 0) {
    return fail_errno(-error, "load BPF programs", "socket", ErrorKind::kBpf);
  }
  return {};
}

Result<void> Probes::State::map_arrays(const EbpfSettings& wanted) {
  auto mapped_settings = MappedArray<tg_settings>::map(::bpf_map__fd(process->maps.tg_settings), 1);
  if (!mapped_settings) return std::unexpected(mapped_settings.error());
  settings = std::move(*mapped_settings);
  auto mapped_rules = MappedArray<tg_rule>::map(::bpf_map__fd(process->maps.tg_rules), TG_RULES_MAX);
  if (!mapped_rules) return std::unexpected(mapped_rules.error());
  rules = std::move(*mapped_rules);
  auto mapped_selected =
      MappedArray<SelectedPage>::map(::bpf_map__fd(process->maps.tg_selected), pid_limit() / TG_SELECTED_PAGE + 1);
  if (!mapped_selected) return std::unexpected(mapped_selected.error());
  selected = std::move(*mapped_selected);
  tg_settings& now = settings.values()[0];
  now.loader = static_cast<std::uint32_t>(::getpid());
  now.epoch = 1;
  capture_bytes = static_cast<std::uint32_t>(wanted.capture_bytes.bytes);
  now.capture_bytes = capture_bytes;
  now.wakeup_bytes = ring_bytes / 16;
  // All CPUs together write less than the mark between two looks of any one.
  const auto cpus = static_cast<std::uint32_t>(std::max(::libbpf_num_possible_cpus(), 1));
  now.look_bytes = std::max(now.wakeup_bytes / std::bit_ceil(cpus), 1U);
  return {};
}

Result<void> Probes::State::attach_all(const Plan& plan) {
  for (bpf_object* object : {process->obj, socket->obj}) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object) {
      const std::string_view name = ::bpf_program__name(program);
      if (!::bpf_program__autoload(program)) continue;
      Link link(::bpf_program__attach(program));
      if (link) {
        links.push_back(std::move(link));
        continue;
      }
      const auto failure = fail_errno(errno, "attach BPF program", name, ErrorKind::kBpf);
      const bool required = std::ranges::any_of(plan.hooks, [&](const PlannedHook& planned) {
        return planned.hook->required && std::ranges::count(planned.programs, name) != 0;
      });
      if (required) return failure;
      failures.push_back(failure.error().message);
    }
  }
  return {};
}

Result<Probes> Probes::attach(const Plan& plan, const EbpfSettings& settings) {
  if (!plan.missing.empty()) {
    std::string all;
    for (const std::string& missing : plan.missing) all += (all.empty() ? "" : "; ") + missing;
    return fail("this kernel cannot run the eBPF programs: " + all, ErrorKind::kBpf);
  }
  lift_memlock_limit();
  const libbpf_print_fn_t previous = ::libbpf_set_print(discard_libbpf_log);
  auto state = std::make_unique<State>();
  Result<void> done = state->open_and_load(plan, settings);
  if (done) done = state->map_arrays(settings);
  if (done) done = state->attach_all(plan);
  ::libbpf_set_print(previous);
  if (!done) return std::unexpected(done.error());
  ::malloc_trim(0);  // loading parses the kernel's whole BTF; none of that is needed again
  return Probes(std::move(state));
}

Probes::Probes(std::unique_ptr<State> state) : state_(std::move(state)) {}
Probes::Probes(Probes&&) noexcept = default;
Probes& Probes::operator=(Probes&&) noexcept = default;
Probes::~Probes() = default;

int Probes::ring_fd() const { return ::bpf_map__fd(state_->process->maps.tg_ring); }
std::uint32_t Probes::ring_bytes() const { return state_->ring_bytes; }
int Probes::counters_fd() const { return ::bpf_map__fd(state_->process->maps.tg_counters); }
const std::vector<std::string>& Probes::failures() const { return state_->failures; }

void Probes::set_rules(std::span<const tg_rule> rules) {
  const std::size_t count = std::min<std::size_t>(rules.size(), TG_RULES_MAX);
  state_->settings.values()[0].rules = 0;
  std::copy_n(rules.begin(), count, state_->rules.values().begin());
  state_->settings.values()[0].rules = static_cast<std::uint32_t>(count);
}

void Probes::set_selected(std::uint32_t tgid, bool selected) {
  const std::span<SelectedPage> pages = state_->selected.values();
  if (tgid / TG_SELECTED_PAGE >= pages.size()) return;
  pages[tgid / TG_SELECTED_PAGE].traced[tgid % TG_SELECTED_PAGE] = selected ? 1 : 0;
}

bool Probes::is_selected(std::uint32_t tgid) const {
  const std::span<SelectedPage> pages = state_->selected.values();
  return tgid / TG_SELECTED_PAGE < pages.size() && pages[tgid / TG_SELECTED_PAGE].traced[tgid % TG_SELECTED_PAGE] == 1;
}

std::vector<std::uint32_t> Probes::selected() const {
  std::vector<std::uint32_t> tgids;
  const std::span<SelectedPage> pages = state_->selected.values();
  for (std::uint32_t page = 0; page < pages.size(); ++page) {
    for (std::uint32_t at = 0; at < TG_SELECTED_PAGE; ++at) {
      if (pages[page].traced[at] == 1) tgids.push_back(page * TG_SELECTED_PAGE + at);
    }
  }
  return tgids;
}

std::string Probes::describe_connections() const {
  std::string records;
  const int table = ::bpf_map__fd(state_->socket->maps.tg_connections);
  std::uint64_t key = 0;
  tg_connection entry{};
  for (int error = ::bpf_map_get_next_key(table, nullptr, &key); error == 0;
       error = ::bpf_map_get_next_key(table, &key, &key)) {
    if (::bpf_map_lookup_elem(table, &key, &entry) != 0 || entry.epoch == 0) continue;
    tg_connection_event event{};
    event.event.size = sizeof event;
    event.event.type = TG_EVENT_CONNECTION;
    event.event.time = monotonic_now().ns;
    event.connection = entry.id;
    event.family = entry.family;
    event.role = entry.role;
    event.netns = entry.netns;
    event.established = entry.established;
    event.accepted = entry.accepted;
    event.local = entry.local;
    event.remote = entry.remote;
    event.flags = TG_CONNECTION_UNDER_WAY;
    records.append(reinterpret_cast<const char*>(&event), sizeof event);
  }
  return records;
}

void Probes::next_epoch() {
  ++state_->settings.values()[0].epoch;
  set_capture_bytes(state_->capture_bytes);
}

void Probes::set_capture_bytes(std::uint32_t bytes) {
  state_->settings.values()[0].capture_bytes = std::min(bytes, state_->capture_bytes);
}

}  // namespace telegen
