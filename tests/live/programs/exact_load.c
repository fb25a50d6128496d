/* Sends an exact number of HTTP/1.1 requests, each with its own ?n=, over a number of connections, and waits for every
 * answer: what it counts is what a server must have served. One epoll thread; --rate N paces to N requests a second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct connection {
  int fd;
  int waiting; /* a request is in flight */
  size_t held;
  char buffer[BUFFER];
};

static int port, connections = 16, closing;
static long requests = 1000, rate, sent, answered, bad;
static const char* path = "/return";
static int epoll;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void open_connection(struct connection* c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0) die("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr*)&to, sizeof to)) die("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
  c->held = 0;
}

static void send_request(struct connection* c) {
  char request[512];
  int length = snprintf(request, sizeof request,
                        "GET %s?n=%ld HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: exact-load/1\r\n%s\r\n", path, sent,
                        port, closing ? "Connection: close\r\n" : "");
  if (c->fd < 0) open_connection(c);
  if (write(c->fd, request, length) != length) die("write");
  sent++;
  c->waiting = 1;
}

/* Length of the complete response at the start of the buffer, 0 while it is incomplete. */
static size_t response_length(const struct connection* c) {
  const char* end = memmem(c->buffer, c->held, "\r\n\r\n", 4);
  if (!end) return 0;
  for (const char* line = c->buffer; line && line < end; line = memmem(line, end + 2 - line, "\r\n", 2)) {
    line += *line == '\r' ? 2 : 0;
    if (!strncasecmp(line, "content-length:", 15)) {
      size_t length = end + 4 - c->buffer + strtoul(line + 15, NULL, 10);
      if (length >= BUFFER) {
        fprintf(stderr, "a response of %zu bytes is too large for this program\n", length);
        exit(1);
      }
      return length <= c->held ? length : 0;
    }
  }
  fprintf(stderr, "a response without Content-Length: %.*s\n", (int)c->held, c->buffer);
  exit(1);
}

static void on_readable(struct connection* c) {
  ssize_t n = read(c->fd, c->buffer + c->held, BUFFER - c->held);
  if (n < 0) die("read");
  if (n == 0 && c->waiting) {
    fprintf(stderr, "the server closed a connection with a request in flight\n");
    exit(1);
  }
  c->held += n;
  size_t length = c->waiting ? response_length(c) : 0;
  if (length) {
    answered++;
    bad += strncmp(c->buffer, "HTTP/1.1 200 ", 13) != 0;
    memmove(c->buffer, c->buffer + length, c->held - length);
    c->held -= length;
    c->waiting = 0;
  }
  if (n == 0 || (length && closing)) {
    close(c->fd);
    c->fd = -1;
  }
}

int main(int argc, char** argv) {
  static const struct option options[] = {{"port", 1, 0, 'p'}, {"requests", 1, 0, 'n'}, {"connections", 1, 0, 'c'},
                                          {"rate", 1, 0, 'r'}, {"path", 1, 0, 'u'},     {"close", 0, 0, 'x'},
                                          {0, 0, 0, 0}};
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (o == 'p')
      port = atoi(optarg);
    else if (o == 'n')
      requests = atol(optarg);
    else if (o == 'c')
      connections = atoi(optarg);
    else if (o == 'r')
      rate = atol(optarg);
    else if (o == 'u')
      path = optarg;
    else if (o == 'x')
      closing = 1;
    else
      return 2;
  }
  struct connection* all = calloc(connections, sizeof *all);
  epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    all[i].fd = -1;
    if (!closing) open_connection(&all[i]);
  }
  double begin = now();
  while (answered < requests) {
    long due = rate ? (long)((now() - begin) * rate) + 1 : requests;
    if (due > requests) due = requests;
    for (int i = 0; i < connections && sent < due; i++)
      if (!all[i].waiting) send_request(&all[i]);
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, rate ? 1 : 10000);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    if (n == 0 && !rate) {
      fprintf(stderr, "no answer for 10 s: %ld sent, %ld answered\n", sent, answered);
      return 1;
    }
    for (int i = 0; i < n; i++) on_readable(events[i].data.ptr);
  }
  double seconds = now() - begin;
  printf("{\"requests\": %ld, \"answered\": %ld, \"bad\": %ld, \"seconds\": %.6f, \"rate\": %.1f}\n", sent, answered,
         bad, seconds, answered / seconds);
  return bad != 0;
}
