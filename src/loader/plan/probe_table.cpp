// The probes as data: one row a hook. A new probe is a row here and a program in bpf/.
#include "loader/plan/plan.h"

namespace telegen {
namespace {

using enum Capability;

constexpr Capability kSocketNeeds[] = {kBtfTracepoint, kSocketLength, kTaskRegisters};
constexpr Capability kFexitNeeds[] = {kSocketFunctions, kTaskRegisters};
constexpr Capability kExitNeeds[] = {kTracepoint, kTaskRegisters};
constexpr Capability kTracepointNeeds[] = {kTracepoint};
constexpr Capability kTypedNeeds[] = {kBtfTracepoint};
constexpr Capability kIoUringNeeds[] = {kBtfTracepoint, kIoUring};

constexpr std::string_view kSocketCost = "a look-up and the copy, on transfers of sockets only";
constexpr std::string_view kFexitCost = "a trampoline and the copy, on transfers of stream sockets only";
constexpr std::string_view kExitCost = "about 50 ns and the copy, on these syscalls of traced processes";
constexpr std::string_view kPairCost = "about twice the exit program: arguments are parked at entry";
constexpr std::string_view kCloseCost = "about 50 ns a close of any descriptor";
constexpr std::string_view kRareCost = "only when it happens";

constexpr std::string_view kReceiveSocket[] = {"socket_received"};
constexpr std::string_view kReceiveFexit[] = {"tcp_received", "unix_received"};
constexpr std::string_view kReceiveExit[] = {"exit_read", "exit_readv", "exit_recvfrom", "exit_recvmsg"};
constexpr std::string_view kReceivePair[] = {"exit_read",  "exit_readv",  "exit_recvfrom",  "exit_recvmsg",
                                             "enter_read", "enter_readv", "enter_recvfrom", "enter_recvmsg"};
constexpr Candidate kReceive[] = {{"socket", kSocketNeeds, kReceiveSocket, kSocketCost},
                                  {"fexit", kFexitNeeds, kReceiveFexit, kFexitCost},
                                  {"exit", kExitNeeds, kReceiveExit, kExitCost},
                                  {"enter+exit", kTracepointNeeds, kReceivePair, kPairCost}};

constexpr std::string_view kSendSocket[] = {"socket_sent"};
constexpr std::string_view kSendFexit[] = {"tcp_sent", "unix_sent"};
constexpr std::string_view kSendExit[] = {"exit_write", "exit_writev", "exit_sendto", "exit_sendmsg"};
constexpr std::string_view kSendPair[] = {"exit_write",  "exit_writev",  "exit_sendto",  "exit_sendmsg",
                                          "enter_write", "enter_writev", "enter_sendto", "enter_sendmsg"};
constexpr Candidate kSend[] = {{"socket", kSocketNeeds, kSendSocket, kSocketCost},
                               {"fexit", kFexitNeeds, kSendFexit, kFexitCost},
                               {"exit", kExitNeeds, kSendExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kSendPair, kPairCost}};

constexpr std::string_view kManyExit[] = {"exit_recvmmsg", "exit_sendmmsg"};
constexpr std::string_view kManyPair[] = {"exit_recvmmsg", "exit_sendmmsg", "enter_recvmmsg", "enter_sendmmsg"};
constexpr Candidate kMany[] = {{"exit", kExitNeeds, kManyExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kManyPair, kPairCost}};

constexpr std::string_view kFileExit[] = {"exit_sendfile64", "exit_splice"};
constexpr std::string_view kFilePair[] = {"exit_sendfile64", "exit_splice", "enter_sendfile64", "enter_splice"};
constexpr Candidate kFile[] = {{"exit", kExitNeeds, kFileExit, kExitCost},
                               {"enter+exit", kTracepointNeeds, kFilePair, kPairCost}};

constexpr std::string_view kAcceptPrograms[] = {"exit_accept", "exit_accept4"};
constexpr Candidate kAccept[] = {{"exit", kTracepointNeeds, kAcceptPrograms, kRareCost}};

constexpr std::string_view kConnectExit[] = {"exit_connect", "exit_shutdown"};
constexpr std::string_view kConnectPair[] = {"exit_connect", "exit_shutdown", "enter_connect", "enter_shutdown"};
constexpr Candidate kConnect[] = {{"exit", kExitNeeds, kConnectExit, kRareCost},
                                  {"enter+exit", kTracepointNeeds, kConnectPair, kRareCost}};

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
