/* How long system calls take: each kind many times in a row, that again many times, and of each the quickest row, in
 * nanoseconds a call or pair of calls. Two runs of it, with and without something that slows calls down, are compared
 * by testkit/call_cost.py. On a machine whose clock counts instructions (tests/vm, `--cost`) its nanoseconds are these.
 *
 *   tcp, unix   one send and one receive of --bytes on a connection, both ends ours; requests and responses of HTTP/1.1
 *               in turn, so that a tracer has something to take
 *   pipe        one write and one read of as many bytes
 *   getppid     a call that does nothing
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BYTES_MAX = 65536 };

static long rows = 50, calls = 100, bytes = 200;
static char request[BYTES_MAX], response[BYTES_MAX], received[BYTES_MAX];
static int tcp[2], local[2], channel[2];

static void die(const char* what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "not all bytes");
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* A whole message of `bytes`, with no body: its last header is as long as it takes. */
static void make_message(char* message, const char* head) {
  long used = snprintf(message, BYTES_MAX, "%sX-Filler: ", head);
  memset(message + used, 'x', bytes - used - 4);
  memcpy(message + bytes - 4, "\r\n\r\n", 4);
}

static void connect_tcp(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
  if (listening < 0 || bind(listening, (struct sockaddr*)&address, length) || listen(listening, 1) ||
      getsockname(listening, (struct sockaddr*)&address, &length))
    die("listen");
  tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (tcp[0] < 0 || connect(tcp[0], (struct sockaddr*)&address, length)) die("connect");
  tcp[1] = accept(listening, NULL, NULL);
  if (tcp[1] < 0) die("accept");
  for (int i = 0; i < 2; i++)
    if (setsockopt(tcp[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) die("TCP_NODELAY");
  close(listening);
}

/* Pair number `i` of a connection: requests one way, responses the other. */
static void pass(const int* ends, long i) {
  if (send(ends[i & 1], i & 1 ? response : request, bytes, 0) != bytes) die("send");
  if (recv(ends[~i & 1], received, bytes, 0) != bytes) die("recv");
}

static void pass_tcp(long i) { pass(tcp, i); }
static void pass_unix(long i) { pass(local, i); }

static void pass_pipe(long i) {
  (void)i;
  if (write(channel[1], request, bytes) != bytes) die("write");
  if (read(channel[0], received, bytes) != bytes) die("read");
}

static void nothing(long i) {
  (void)i;
  syscall(SYS_getppid);
}

static const struct {
  const char* name;
  void (*call)(long i);
} kinds[] = {{"tcp", pass_tcp}, {"unix", pass_unix}, {"pipe", pass_pipe}, {"getppid", nothing}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* On one processor from here on: the last one that we may use. */
static int pin(void) {
  cpu_set_t allowed, one;
  int last = -1;
  if (sched_getaffinity(0, sizeof allowed, &allowed)) die("sched_getaffinity");
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &allowed)) last = cpu;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  if (sched_setaffinity(0, sizeof one, &one)) die("sched_setaffinity");
  return last;
}

int main(int argc, char** argv) {
  static const struct option options[] = {
      {"rows", 1, 0, 'r'}, {"calls", 1, 0, 'c'}, {"bytes", 1, 0, 'b'}, {0, 0, 0, 0}};
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (o == 'r')
      rows = atol(optarg);
    else if (o == 'c')
      calls = atol(optarg);
    else if (o == 'b')
      bytes = atol(optarg);
    else
      return 2;
  }
  if (rows < 1 || calls < 2 || calls % 2 || bytes < 100 || bytes > BYTES_MAX / 2) {
    fprintf(stderr, "--rows from 1, --calls even, --bytes from 100 to %d\n", BYTES_MAX / 2);
    return 2;
  }
  int cpu = pin();
  make_message(request, "GET /cost HTTP/1.1\r\nHost: localhost\r\n");
  make_message(response, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
  connect_tcp();
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, local) || pipe(channel)) die("socketpair or pipe");

  double best[KINDS];
  for (long row = 0; row < rows; row++) {
    for (int kind = 0; kind < KINDS; kind++) { /* in turn, so that what disturbs hits all kinds */
      double begin = now();
      for (long i = 0; i < calls; i++) kinds[kind].call(i);
      double each = (now() - begin) / calls;
      if (row == 0 || each < best[kind]) best[kind] = each;
    }
  }
  printf("{\"cpu\": %d, \"transferred\": %ld", cpu, rows * calls * 4 * bytes); /* by tcp and unix, sent and received */
  for (int kind = 0; kind < KINDS; kind++) printf(", \"%s\": %.1f", kinds[kind].name, best[kind]);
  puts("}");
  return 0;
}
