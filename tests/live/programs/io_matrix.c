/* An HTTP/1.1 server that moves its bytes with a chosen pair of system calls, over a chosen kind of socket, shared in a
 * chosen way between processes. GET /size/N answers with N bytes; POST /size/N reads its body first.
 *
 *   io_matrix --listen tcp4:PORT|tcp6:PORT|unix:PATH --read CALL --write CALL [--share HOW] [--nonblocking]
 *
 * read calls:  read readv recvfrom recvmsg recvmmsg        write calls: write writev sendto sendmsg sendmmsg sendfile
 * sharing:     none   the accepting process serves
 *              fork   a child serves an inherited socket
 *              split  a child reads the requests, its parent writes the answers, on one socket
 *              dup    served through a duplicate, the first descriptor closed
 *              pass   another process serves, having got the socket by SCM_RIGHTS */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, HEAD = 65536 };

static const char *read_call = "read", *write_call = "write", *share = "none";
static int nonblocking;

static int is(const char* a, const char* b) { return strcmp(a, b) == 0; }

static void die(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void wait_ready(int fd, short events) {
  struct pollfd p = {.fd = fd, .events = events};
  if (poll(&p, 1, -1) < 0 && errno != EINTR) die("poll");
}

/* iovecs of an awkward shape: empty ones, one byte, a prime number of bytes, and the rest. */
static int shape(struct iovec* v, char* data, size_t size) {
  const size_t sizes[] = {0, 1, 0, 7, 13};
  int n = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t take = sizes[i] < size ? sizes[i] : size;
    v[n++] = (struct iovec){data, take};
    data += take;
    size -= take;
  }
  v[n++] = (struct iovec){data, size};
  return n;
}

static ssize_t read_some(int fd, char* data, size_t size) {
  struct iovec v[8];
  struct msghdr m = {.msg_iov = v, .msg_iovlen = shape(v, data, size)};
  if (is(read_call, "read")) return read(fd, data, size);
  if (is(read_call, "readv")) return readv(fd, v, m.msg_iovlen);
  if (is(read_call, "recvfrom")) return recvfrom(fd, data, size, 0, NULL, NULL);
  if (is(read_call, "recvmsg")) return recvmsg(fd, &m, 0);
  if (is(read_call, "recvmmsg")) { /* two messages, so that a second one may take what came in between */
    struct iovec a = {data, size / 2}, b = {data + size / 2, size - size / 2};
    struct mmsghdr two[2] = {{.msg_hdr = {.msg_iov = &a, .msg_iovlen = 1}},
                             {.msg_hdr = {.msg_iov = &b, .msg_iovlen = 1}}};
    int n = recvmmsg(fd, two, 2, MSG_WAITFORONE, NULL);
    if (n <= 0) return n;
    if (n == 2) memmove(data + two[0].msg_len, b.iov_base, two[1].msg_len);
    return two[0].msg_len + (n == 2 ? two[1].msg_len : 0);
  }
  fprintf(stderr, "no read call %s\n", read_call);
  exit(2);
}

static ssize_t write_some(int fd, const char* data, size_t size) {
  struct iovec v[8];
  struct msghdr m = {.msg_iov = v, .msg_iovlen = shape(v, (char*)data, size)};
  if (is(write_call, "write") || is(write_call, "sendfile")) return write(fd, data, size);
  if (is(write_call, "writev")) return writev(fd, v, m.msg_iovlen);
  if (is(write_call, "sendto")) return sendto(fd, data, size, MSG_NOSIGNAL, NULL, 0);
  if (is(write_call, "sendmsg")) return sendmsg(fd, &m, MSG_NOSIGNAL);
  if (is(write_call, "sendmmsg")) {
    struct iovec a = {(char*)data, size / 2}, b = {(char*)data + size / 2, size - size / 2};
    struct mmsghdr two[2] = {{.msg_hdr = {.msg_iov = &a, .msg_iovlen = 1}},
                             {.msg_hdr = {.msg_iov = &b, .msg_iovlen = 1}}};
    int n = sendmmsg(fd, two, 2, MSG_NOSIGNAL);
    if (n <= 0) return n;
    /* a short first message with a second one sent would reorder the stream: blocking sockets send all */
    return two[0].msg_len + (n == 2 ? two[1].msg_len : 0);
  }
  fprintf(stderr, "no write call %s\n", write_call);
  exit(2);
}

static ssize_t receive(int fd, char* data, size_t size) {
  for (;;) {
    ssize_t n = read_some(fd, data, size);
    if (n >= 0) return n;
    if (errno == EAGAIN)
      wait_ready(fd, POLLIN);
    else if (errno == ECONNRESET)
      return 0;
    else if (errno != EINTR)
      die(read_call);
  }
}

static void deliver(int fd, const char* data, size_t size) {
  while (size) {
    ssize_t n = write_some(fd, data, size);
    if (n < 0) {
      if (errno == EAGAIN)
        wait_ready(fd, POLLOUT);
      else if (errno == EPIPE || errno == ECONNRESET)
        return;
      else if (errno != EINTR)
        die(write_call);
      continue;
    }
    data += n;
    size -= n;
  }
}

static void deliver_file(int fd, size_t size) {
  static int file = -1;
  if (file < 0) {
    file = memfd_create("body", 0);
    char block[4096];
    memset(block, 'f', sizeof block);
    for (int i = 0; i < BUFFER / 4096; i++)
      if (write(file, block, sizeof block) != sizeof block) die("memfd");
  }
  off_t at = 0;
  while ((size_t)at < size) {
    ssize_t n = sendfile(fd, file, &at, size - at);
    if (n >= 0) continue;
    if (errno == EAGAIN)
      wait_ready(fd, POLLOUT);
    else if (errno == EPIPE || errno == ECONNRESET)
      return;
    else if (errno != EINTR)
      die("sendfile");
  }
}

static void answer(int fd, size_t size) {
  static char out[BUFFER + 256];
  int head = snprintf(out, 256, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", size);
  if (is(write_call, "sendfile")) {
    deliver(fd, out, head);
    deliver_file(fd, size);
    return;
  }
  memset(out + head, 'b', size);
  deliver(fd, out, head + size);
}

/* Reads requests from `in`; each one's size goes to `told` (a pipe) if there is one, else is answered on `in`. */
static void serve(int in, int told) {
  static char held[BUFFER];
  size_t have = 0;
  for (;;) {
    char* end;
    while (!(end = memmem(held, have, "\r\n\r\n", 4))) {
      ssize_t n = have < HEAD ? receive(in, held + have, HEAD - have) : 0;
      if (n == 0) return;
      have += n;
    }
    size_t head = end + 4 - held, body = 0, size = 0;
    *end = 0;
    char* length = strcasestr(held, "\r\ncontent-length:");
    if (length) body = strtoul(length + 17, NULL, 10);
    if (sscanf(held, "%*s /size/%zu", &size) != 1 || size > BUFFER || head + body > BUFFER) exit(3);
    while (have < head + body) {
      ssize_t n = receive(in, held + have, head + body - have);
      if (n == 0) return;
      have += n;
    }
    memmove(held, held + head + body, have - head - body);
    have -= head + body;
    if (told < 0)
      answer(in, size);
    else if (write(told, &size, sizeof size) != sizeof size)
      die("pipe");
  }
}

static void pass(int channel, int fd) {
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  if (sendmsg(channel, &m, 0) < 0) die("sendmsg SCM_RIGHTS");
}

static int take(int channel) {
  char byte, control[CMSG_SPACE(sizeof(int))];
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int fd;
  if (recvmsg(channel, &m, 0) <= 0) exit(0);
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
  return fd;
}

static void serve_split(int fd) {
  int told[2];
  if (pipe(told)) die("pipe");
  pid_t child = fork();
  if (child == 0) {
    close(told[0]);
    serve(fd, told[1]);
    exit(0);
  }
  close(told[1]);
  for (size_t size; read(told[0], &size, sizeof size) == sizeof size;) answer(fd, size);
  close(told[0]);
  waitpid(child, NULL, 0);
}

static int listen_on(const char* where) {
  int one = 1, fd;
  const char* value = strchr(where, ':') + 1;
  if (!strncmp(where, "unix:", 5)) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, value, sizeof a.sun_path - 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr*)&a, sizeof a)) die(where);
  } else if (!strncmp(where, "tcp6:", 5)) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(value)), .sin6_addr = in6addr_loopback};
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr*)&a, sizeof a)) die(where);
  } else {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(atoi(value)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr*)&a, sizeof a)) die(where);
  }
  if (listen(fd, 128)) die("listen");
  return fd;
}

int main(int argc, char** argv) {
  const char* where = NULL;
  for (int i = 1; i < argc; i++) {
    if (is(argv[i], "--nonblocking"))
      nonblocking = 1;
    else if (i + 1 >= argc)
      return 2;
    else if (is(argv[i], "--listen"))
      where = argv[++i];
    else if (is(argv[i], "--read"))
      read_call = argv[++i];
    else if (is(argv[i], "--write"))
      write_call = argv[++i];
    else if (is(argv[i], "--share"))
      share = argv[++i];
    else
      return 2;
  }
  if (!where) return 2;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel)) die("socketpair");
  if (is(share, "pass") && fork() == 0) { /* exits when the parent's end of the channel is gone */
    close(channel[0]);
    for (;;) {
      int fd = take(channel[1]);
      serve(fd, -1);
      close(fd);
    }
  }
  close(channel[1]);
  int listener = listen_on(where);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, nonblocking ? SOCK_NONBLOCK : 0);
    if (fd < 0) die("accept4");
    if (nonblocking) { /* a small buffer, so that writes are partial */
      int small = 4096;
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    if (is(share, "fork")) {
      pid_t child = fork();
      if (child == 0) {
        serve(fd, -1);
        exit(0);
      }
      close(fd);
      waitpid(child, NULL, 0);
      continue;
    }
    if (is(share, "pass")) {
      pass(channel[0], fd);
    } else if (is(share, "split")) {
      serve_split(fd);
    } else if (is(share, "dup")) {
      int copy = fcntl(fd, F_DUPFD, 100);
      close(fd);
      fd = -1;
      serve(copy, -1);
      close(copy);
    } else {
      serve(fd, -1);
    }
    if (fd >= 0) close(fd);
  }
}
