/* Preloaded into a program that loads BPF programs: asks the kernel's verifier for its figures and writes them down,
 * one line a program that was accepted: NAME NUMBER. The kernel tells of them by itself only since 5.16, this way
 * since 5.2.
 *
 *   LD_PRELOAD=verifier_log VERIFIER_LOG=FILE telegen run … */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATISTICS = 4 }; /* BPF_LOG_STATS of include/linux/bpf_verifier.h: no line an instruction */

static void write_down(const char* name, const char* log) {
  const char *path = getenv("VERIFIER_LOG"), *figure = strstr(log, "processed ");
  unsigned long instructions;
  FILE* file;
  if (!path || !figure || sscanf(figure, "processed %lu", &instructions) != 1 || !(file = fopen(path, "a"))) return;
  fprintf(file, "%s %lu\n", name, instructions);
  fclose(file);
}

/* libbpf makes its calls with this function. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
  va_end(arguments);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");

  union bpf_attr* attr = (union bpf_attr*)a[1];
  union bpf_attr with_log = {0};
  size_t size = (size_t)a[2];
  if (number != SYS_bpf || a[0] != BPF_PROG_LOAD || size > sizeof with_log || attr->log_level || !attr->prog_name[0])
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);

  static char log[1 << 16];
  memcpy(&with_log, attr, size);
  log[0] = 0;
  with_log.log_level = STATISTICS;
  with_log.log_size = sizeof log;
  with_log.log_buf = (uintptr_t)log;
  long descriptor = real(number, a[0], &with_log, a[2], a[3], a[4], a[5]);
  if (descriptor < 0) return real(number, a[0], a[1], a[2], a[3], a[4], a[5]); /* as if we were not here */
  write_down(attr->prog_name, log);
  return descriptor;
}
