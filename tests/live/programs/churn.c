/* Many short-lived processes: each executes this program anew, sends one HTTP request with its own ?n= on a
 * connection of its own, reads the answer to its end, and is gone. At most PARALLEL at a time. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARALLEL = 4 };

static int request(int port, const char* number) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char text[256], answer[4096];
  size_t held = 0;
  ssize_t got;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int length =
      snprintf(text, sizeof text, "GET /return?p=%s HTTP/1.1\r\nHost: churn\r\nConnection: close\r\n\r\n", number);

  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to) || write(fd, text, length) != length) return 1;
  while (held < sizeof answer && (got = read(fd, answer + held, sizeof answer - held)) > 0) held += got;
  close(fd);
  return !(held > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
}

static long failed;

static void wait_one(void) {
  int status = 0;

  if (wait(&status) > 0 && status != 0) failed++;
}

int main(int argc, char** argv) {
  static const struct option options[] = {
      {"port", 1, 0, 'p'}, {"processes", 1, 0, 'n'}, {"one", 1, 0, 'o'}, {0, 0, 0, 0}};
  const char *one = NULL, *port = "0";
  long processes = 0;
  int option;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'p')
      port = optarg;
    else if (option == 'n')
      processes = atol(optarg);
    else if (option == 'o')
      one = optarg;
    else
      return 2;
  }
  if (one) return request(atoi(port), one);
  for (long n = 0; n < processes; n++) {
    char number[24];

    if (n >= PARALLEL) wait_one();
    snprintf(number, sizeof number, "%ld", n);
    char* const arguments[] = {"churn", "--port", (char*)port, "--one", number, NULL};
    pid_t pid;
    /* Shares this memory until it executes: nothing is copied for it. */
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ)) failed++;
  }
  for (long n = processes < PARALLEL ? processes : PARALLEL; n > 0; n--) wait_one();
  printf("{\"processes\": %ld, \"failed\": %ld}\n", processes, failed);
  return 0;
}
