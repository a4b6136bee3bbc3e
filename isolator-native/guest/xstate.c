/*
 * Loaded into user-mode linux by LD_PRELOAD. Its buffer for the processor's extended state is smaller than what newer
 * processors have (AMX), so that reading and writing the state by ptrace fails and the guest panics at its first process.
 * Here both always go through a buffer that is large enough, and the guest gets the part it knows.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* Where the header of the state says which of its parts are in use, and the parts below the cut: x87 to AVX-512, PKRU. */
#define XSTATE_HEADER 512
#define XSTATE_KEPT 0x2ffULL

static char full_state[32768] __attribute__((aligned(64)));

static long transfer_state(enum __ptrace_request request, long pid, void *kind, struct iovec *user) {
  struct iovec full = {full_state, sizeof full_state};
  long result = syscall(SYS_ptrace, (long)PTRACE_GETREGSET, pid, kind, &full);
  if (result < 0) return result;
  size_t size = user->iov_len < full.iov_len ? user->iov_len : full.iov_len;
  if (request == PTRACE_GETREGSET) {
    memcpy(user->iov_base, full_state, size);
    user->iov_len = size;
    return 0;
  }
  memcpy(full_state, user->iov_base, size);
  if (size < full.iov_len) *(uint64_t *)(full_state + XSTATE_HEADER) &= XSTATE_KEPT;
  return syscall(SYS_ptrace, (long)PTRACE_SETREGSET, pid, kind, &full);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  long pid = va_arg(arguments, int);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);
  if ((request == PTRACE_SETREGSET || request == PTRACE_GETREGSET) && (long)address == NT_X86_XSTATE) {
    return transfer_state(request, pid, address, data);
  }
  if (request == PTRACE_PEEKUSER || request == PTRACE_PEEKDATA || request == PTRACE_PEEKTEXT) {
    /* The system call stores the word; the C library's function returns it. */
    long word;
    long result = syscall(SYS_ptrace, (long)request, pid, address, &word);
    if (result < 0) return result;
    errno = 0;
    return word;
  }
  return syscall(SYS_ptrace, (long)request, pid, address, data);
}
