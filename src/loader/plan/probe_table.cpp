// The probes as data: one row a hook. A new probe is a row here and a program in bpf/.
#include "loader/plan/plan.h"

namespace telegen {
namespace {

using enum Capability;

constexpr Capability kSocketNeeds[] = {kBtfTracepoint, kSocketLength, kTaskRegisters};
constexpr Capability kFexitNeeds[] = {kSocketFunctions};
constexpr Capability kKprobeNeeds[] = {kSocketKprobes};
constexpr Capability kExitNeeds[] = {kTracepoint, kTaskRegisters};
constexpr Capability kTracepointNeeds[] = {kTracepoint};
constexpr Capability kTypedNeeds[] = {kBtfTracepoint};
constexpr Capability kIoUringNeeds[] = {kBtfTracepoint, kIoUring};

constexpr std::string_view kSocketCost = "a look-up on transfers of sockets only, and the copy where traced";
constexpr std::string_view kFexitCost = "a trampoline and a look-up on transfers of stream sockets only, and the copy";
constexpr std::string_view kExitCost = "a look-up on these calls whatever they are for, and the copy where traced";
constexpr std::string_view kPairCost = "as exit, twice: arguments are parked at entry";
constexpr std::string_view kKprobeCost =
    "two or three breakpoints of the kernel and the copy, on transfers of stream sockets only";
constexpr std::string_view kCloseCost = "a look-up a close of any descriptor";
constexpr std::string_view kRareCost = "only when it happens";
constexpr std::string_view kRareCallCost = "when it happens, and a little on every system call while one is traced";

// The functions behind the sockets are called for each message of recvmmsg and sendmmsg.
constexpr std::string_view kReceiveMany[] = {"exit_recvmmsg", "enter_recvmmsg"};
constexpr std::string_view kSendMany[] = {"exit_sendmmsg", "enter_sendmmsg"};

constexpr std::string_view kReceiveSocket[] = {"socket_received"};
constexpr std::string_view kReceiveFexit[] = {"tcp_received", "unix_received"};
constexpr std::string_view kReceiveExit[] = {"exit_read", "exit_readv", "exit_recvfrom", "exit_recvmsg"};
constexpr std::string_view kReceivePair[] = {"exit_read",  "exit_readv",  "exit_recvfrom",  "exit_recvmsg",
                                             "enter_read", "enter_readv", "enter_recvfrom", "enter_recvmsg"};
constexpr std::string_view kReceiveKprobe[] = {"tcp_receives", "tcp_copied", "tcp_receive_ends", "unix_receives",
                                               "unix_receive_ends"};
constexpr Candidate kReceive[] = {{"socket", kSocketNeeds, kReceiveSocket, kSocketCost},
                                  {"fexit", kFexitNeeds, kReceiveFexit, kFexitCost, true, kReceiveMany},
                                  {"exit", kExitNeeds, kReceiveExit, kExitCost},
                                  {"enter+exit", kTracepointNeeds, kReceivePair, kPairCost},
                                  {"kprobe", kKprobeNeeds, kReceiveKprobe, kKprobeCost, true, kReceiveMany}};

constexpr std::string_view kSendSocket[] = {"socket_sent"};
constexpr std::string_view kSendFexit[] = {"tcp_sent", "unix_sent"};
constexpr std::string_view kSendExit[] = {"exit_write", "exit_writev", "exit_sendto", "exit_sendmsg"};
constexpr std::string_view kSendPair[] = {"exit_write",  "exit_writev",  "exit_sendto",  "exit_sendmsg",
                                          "enter_write", "enter_writev", "enter_sendto", "enter_sendmsg"};
constexpr std::string_view kSendKprobe[] = {"tcp_sends", "tcp_send_ends", "unix_sends", "unix_send_ends"};
constexpr Candidate kSend[] = {{"socket", kSocketNeeds, kSendSocket, kSocketCost},
                               {"fexit", kFexitNeeds, kSendFexit, kFexitCost, true, kSendMany},
                               {"exit", kExitNeeds, kSendExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kSendPair, kPairCost},
                               {"kprobe", kKprobeNeeds, kSendKprobe, kKprobeCost, true, kSendMany}};

constexpr std::string_view kManyExit[] = {"exit_recvmmsg", "exit_sendmmsg"};
constexpr std::string_view kManyPair[] = {"exit_recvmmsg", "exit_sendmmsg", "enter_recvmmsg", "enter_sendmmsg"};
constexpr Candidate kMany[] = {{"exit", kExitNeeds, kManyExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kManyPair, kPairCost}};

constexpr std::string_view kFileExit[] = {"exit_sendfile64", "exit_splice"};
constexpr std::string_view kFilePair[] = {"exit_sendfile64", "exit_splice", "enter_sendfile64", "enter_splice"};
constexpr Candidate kFile[] = {{"exit", kExitNeeds, kFileExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kFilePair, kPairCost}};

constexpr std::string_view kAcceptPrograms[] = {"exit_accept", "exit_accept4"};
constexpr Candidate kAccept[] = {{"exit", kTracepointNeeds, kAcceptPrograms, kRareCallCost}};

constexpr std::string_view kConnectExit[] = {"exit_connect", "exit_shutdown"};
constexpr std::string_view kConnectPair[] = {"exit_connect", "exit_shutdown", "enter_connect", "enter_shutdown"};
constexpr Candidate kConnect[] = {{"exit", kExitNeeds, kConnectExit, kRareCallCost},
                                  {"enter+exit", kTracepointNeeds, kConnectPair, kRareCallCost}};

constexpr std::string_view kUnixClosePrograms[] = {"enter_close"};
constexpr Candidate kUnixClose[] = {{"enter", kTracepointNeeds, kUnixClosePrograms, kCloseCost}};

constexpr std::string_view kStatePrograms[] = {"tcp_state_change"};
constexpr Candidate kState[] = {{"tp_btf", kTypedNeeds, kStatePrograms, "one look-up a TCP state change of the host"}};

constexpr std::string_view kProcessPrograms[] = {"process_fork", "process_exec", "process_exit", "process_moved"};
constexpr Candidate kProcess[] = {{"tp_btf", kTypedNeeds, kProcessPrograms, kRareCost}};

constexpr std::string_view kRingPrograms[] = {"process_ring"};
constexpr Candidate kRing[] = {{"tp_btf", kIoUringNeeds, kRingPrograms, kRareCost}};

constexpr Hook kTable[] = {
    {"process.lifecycle", "processes that start, change program, move between cgroups and end", kProcess,
     "nothing can be selected", true},
    {"socket.receive", "bytes received on stream sockets", kReceive, "no requests of servers, no responses of clients",
     true},
    {"socket.send", "bytes sent on stream sockets", kSend, "no responses of servers, no requests of clients", true},
    {"socket.messages", "several messages sent or received by one call (sendmmsg, recvmmsg)", kMany,
     "gaps where a program uses these calls on a stream", false},
    {"socket.file", "bytes sent from files and through pipes", kFile, "bodies sent by sendfile end the span too early",
     false},
    {"socket.accept", "connections accepted", kAccept, "no queue time of accepted connections", false},
    {"socket.connect", "connections opened, UNIX sockets shut down", kConnect, "no role of clients until they send",
     false},
    {"socket.state", "TCP connections established and closed, ports listened on", kState,
     "spans of closed connections end late, open_ports does not select new listeners", true},
    {"socket.unix_close", "UNIX sockets closed", kUnixClose, "bodies that end with the connection end late", false},
    {"process.io_uring", "processes that make an io_uring", kRing,
     "of processes that use io_uring, only those that did so before they were traced are reported", false},
};

}  // namespace

std::span<const Hook> probe_table() { return kTable; }

}  // namespace telegen
