/* HTTP/1.1 over io_uring: a server, and a client that fetches paths one after the other on one connection.
 *
 *   ring serve --port PORT [--op OP] [--engine ENGINE] [--made WHEN] [--decoy]
 *   ring fetch --port PORT [--op OP] [--engine ENGINE] PATH...
 *
 * The server answers GET /size/N with N bytes.
 * op:      recv    IORING_OP_RECV and SEND
 *          read    IORING_OP_READ and WRITE
 *          msg     IORING_OP_RECVMSG and SENDMSG, with vectors
 * engine:  plain   the process submits, and the kernel moves the bytes then, or in its task once they have come
 *          sqpoll  a thread of the kernel submits (IORING_SETUP_SQPOLL)
 *          async   threads of the kernel move the bytes (IOSQE_ASYNC)
 * made:    start   the ring is made before the server listens, and connections are accepted through it
 *          late    it is made when the first bytes have come, on a connection that was accepted by accept(2)
 * decoy:   bytes are received while the process waits in read(2) of an eventfd, into memory that holds another request
 *          at that moment; answers go out by write(2) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, HEAD = 65536 };

static struct io_uring ring;
static int has_ring, decoy, completions;
static const char *op = "recv", *engine = "plain", *made = "start";

static int is(const char* a, const char* b) { return strcmp(a, b) == 0; }

static void fail(const char* what, int code) {
  fprintf(stderr, "%s: %s\n", what, strerror(code));
  exit(1);
}

static void make_ring(void) {
  if (has_ring) return;
  struct io_uring_params p = {0};
  if (is(engine, "sqpoll")) {
    p.flags = IORING_SETUP_SQPOLL;
    p.sq_thread_idle = 2000;
  }
  int result = io_uring_queue_init_params(8, &ring, &p);
  if (result < 0) fail("io_uring_setup", -result);
  has_ring = 1;
  if (!decoy) return;
  completions = eventfd(0, 0);
  result = completions < 0 ? -errno : io_uring_register_eventfd(&ring, completions);
  if (result < 0) fail("eventfd", -result);
}

static struct io_uring_sqe* next_entry(void) {
  struct io_uring_sqe* entry = io_uring_get_sqe(&ring);
  if (!entry) fail("io_uring_get_sqe", EBUSY);
  return entry;
}

static int result_of(struct io_uring_cqe* done) {
  int result = done->res;
  io_uring_cqe_seen(&ring, done);
  return result;
}

/* Of an entry that was prepared, which sets all its flags anew. */
static void choose_engine(struct io_uring_sqe* entry) {
  if (is(engine, "async")) entry->flags |= IOSQE_ASYNC;
}

static int submit_and_wait(struct io_uring_sqe* entry) {
  struct io_uring_cqe* done;
  choose_engine(entry);
  int result = io_uring_submit_and_wait(&ring, 1);
  if (result >= 0) result = io_uring_wait_cqe(&ring, &done);
  if (result < 0) fail("io_uring_enter", -result);
  return result_of(done);
}

/* The bytes come while this process is in read(2): the kernel moves them as soon as it can interrupt that. */
static int wait_in_another_call(struct io_uring_sqe* entry) {
  static char memory[4096];
  struct io_uring_cqe* done;
  choose_engine(entry);
  strcpy(memory, "GET /decoys HTTP/1.1\r\nHost: ring:99\r\n\r\n"); /* as long as one for /size/N */
  if (io_uring_submit(&ring) < 0) fail("io_uring_submit", errno);
  int early = io_uring_peek_cqe(&ring, &done) == 0;
  if (early && done->res > 0) fail("the bytes were there before anybody waited for them", EALREADY);
  if (read(completions, memory, sizeof memory) < 0) fail("read", errno); /* one for each completion, early ones too */
  if (io_uring_peek_cqe(&ring, &done)) fail("read told of a completion that is not there", EAGAIN);
  return result_of(done);
}

/* A message's vector in two parts, so that its first element alone is not all of it. */
static struct msghdr* message(char* data, size_t size) {
  static struct iovec parts[2];
  static struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
  size_t first = size < 10 ? size : 10;
  parts[0] = (struct iovec){data, first};
  parts[1] = (struct iovec){data + first, size - first};
  return &header;
}

static size_t receive(int fd, char* data, size_t size) {
  struct io_uring_sqe* entry = next_entry();
  if (is(op, "recv"))
    io_uring_prep_recv(entry, fd, data, size, 0);
  else if (is(op, "read"))
    io_uring_prep_read(entry, fd, data, size, 0);
  else
    io_uring_prep_recvmsg(entry, fd, message(data, size), 0);
  int result = decoy ? wait_in_another_call(entry) : submit_and_wait(entry);
  if (result < 0 && result != -ECONNRESET) fail("receive", -result);
  return result < 0 ? 0 : result;
}

static int send_some(int fd, char* data, size_t size) {
  if (decoy) return write(fd, data, size);
  struct io_uring_sqe* entry = next_entry();
  if (is(op, "recv"))
    io_uring_prep_send(entry, fd, data, size, MSG_NOSIGNAL);
  else if (is(op, "read"))
    io_uring_prep_write(entry, fd, data, size, 0);
  else
    io_uring_prep_sendmsg(entry, fd, message(data, size), MSG_NOSIGNAL);
  return submit_and_wait(entry);
}

static void deliver(int fd, char* data, size_t size) {
  while (size) {
    int n = send_some(fd, data, size);
    if (n <= 0) return; /* the peer has gone */
    data += n;
    size -= n;
  }
}

/* Reads until `held` has a whole message, head and body; its length, 0 where the stream ended. */
static size_t whole_message(int fd, char* held, size_t* have) {
  char* end;
  while (!(end = memmem(held, *have, "\r\n\r\n", 4))) {
    size_t n = *have < HEAD ? receive(fd, held + *have, HEAD - *have) : 0;
    if (n == 0) return 0;
    *have += n;
  }
  size_t length = end + 4 - held;
  *end = 0;
  char* given = strcasestr(held, "\r\ncontent-length:");
  if (given) length += strtoul(given + 17, NULL, 10);
  if (length > BUFFER) fail("a message", EMSGSIZE);
  while (*have < length) {
    size_t n = receive(fd, held + *have, length - *have);
    if (n == 0) return 0;
    *have += n;
  }
  return length;
}

static void serve(int fd) {
  static char held[BUFFER], out[BUFFER + 256];
  size_t have = 0, length, size = 0;
  while ((length = whole_message(fd, held, &have))) {
    if (sscanf(held, "%*s /size/%zu", &size) != 1 || size > BUFFER) fail("a request", EBADMSG);
    memmove(held, held + length, have - length);
    have -= length;
    int head = snprintf(out, 256, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", size);
    memset(out + head, 'r', size);
    deliver(fd, out, head + size);
  }
  close(fd);
}

static int accept_one(int listener) {
  int fd;
  if (has_ring && !decoy) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_accept(entry, listener, NULL, NULL, 0);
    fd = submit_and_wait(entry);
  } else {
    fd = accept(listener, NULL, NULL);
  }
  if (fd < 0) fail("accept", has_ring && !decoy ? -fd : errno);
  return fd;
}

static struct sockaddr_in local(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void run_server(int port) {
  struct sockaddr_in address = local(port);
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  if (is(made, "start")) make_ring();
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) || listen(listener, 16)) fail("listen", errno);
  for (;;) {
    int fd = accept_one(listener);
    char first;
    if (!has_ring && recv(fd, &first, 1, MSG_PEEK) <= 0) { /* somebody who only looked whether we listen */
      close(fd);
      continue;
    }
    make_ring();
    serve(fd);
  }
}

static void fetch(int port, char** paths) {
  static char held[BUFFER + 256], request[1024];
  struct sockaddr_in address = local(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  size_t have = 0, length;
  make_ring();
  if (connect(fd, (struct sockaddr*)&address, sizeof address)) fail("connect", errno);
  socklen_t room = sizeof address;
  getsockname(fd, (struct sockaddr*)&address, &room);
  printf("port %d\n", ntohs(address.sin_port));
  for (; *paths; paths++) {
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: ring:99\r\n\r\n", *paths);
    deliver(fd, request, size);
    if (!(length = whole_message(fd, held, &have)) || length != have) fail("the answer", EBADMSG);
    printf("%.12s %zu\n", held, length - strlen(held) - 4);
    have = 0;
  }
  close(fd);
}

int main(int argc, char** argv) {
  int port = 0, at = 2;
  for (; at < argc && argv[at][0] == '-'; at++) {
    if (is(argv[at], "--decoy"))
      decoy = 1;
    else if (at + 1 == argc)
      return 2;
    else if (is(argv[at], "--port"))
      port = atoi(argv[++at]);
    else if (is(argv[at], "--op"))
      op = argv[++at];
    else if (is(argv[at], "--engine"))
      engine = argv[++at];
    else if (is(argv[at], "--made"))
      made = argv[++at];
    else
      return 2;
  }
  if (argc < 2 || !port) return 2;
  signal(SIGPIPE, SIG_IGN);
  if (is(argv[1], "serve"))
    run_server(port);
  else if (is(argv[1], "fetch"))
    fetch(port, argv + at);
  else
    return 2;
}
