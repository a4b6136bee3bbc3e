/*
 * workload NAME BLOCKS PLAYER: two of these, one on the machine and one in a container, take turns at the same piece of work in
 * the order ABBA ABBA ..., each turn handed over through the fifos `turn-0` and `turn-1` of their working directory, and write
 * the nanoseconds of every piece to `result-PLAYER`. Both stay on one processor, so that only one runs at any time, what
 * else the machine does hits both alike, and nobody's timing crosses a process that is not measured.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, BLOCK = 64 << 10, BUFFER = 8 * MIB };

static char *first, *second;
static int file, sink = -1;
static volatile uint64_t kept;

__attribute__((noreturn)) static void die(const char *what) {
  fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void cpu(void) {
  uint64_t value = kept;
  for (int i = 0; i < 4000000; i++) value = value * 6364136223846793005u + 1442695040888963407u;
  kept = value;
}

static void memory(void) {
  for (int i = 0; i < 2; i++) {
    memcpy(second, first, BUFFER);
    memcpy(first, second, BUFFER);
  }
}

/* Every page of fresh memory is touched once; huge pages would hide the faults. */
static void fault(void) {
  char *pages = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) die("mmap");
  madvise(pages, BUFFER, MADV_NOHUGEPAGE);
  for (int at = 0; at < BUFFER; at += 4096) pages[at] = 1;
  munmap(pages, BUFFER);
}

static void fork_and_wait(void) {
  for (int i = 0; i < 40; i++) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  }
}

static void file_read(void) {
  for (int at = 0; at < 2 * BUFFER; at += BLOCK) {
    if (pread(file, first, BLOCK, at % BUFFER) != BLOCK) die("pread");
  }
}

static void file_write(void) {
  if (ftruncate(file, 0) != 0) die("ftruncate");
  for (int at = 0; at < BUFFER; at += BLOCK) {
    if (pwrite(file, first, BLOCK, at) != BLOCK) die("pwrite");
  }
}

/* Through TCP to a process of ours that reads it all and answers with one byte. */
static void network(void) {
  char answer;
  for (int sent = 0; sent < BUFFER; sent += BLOCK) {
    if (send(sink, first, BLOCK, MSG_NOSIGNAL) != BLOCK) die("send");
  }
  if (recv(sink, &answer, 1, 0) != 1) die("recv");
}

/* How late a timer wakes us: what cyclictest measures, in the ordinary scheduling class. */
static uint64_t late_ns;

static void latency(void) {
  late_ns = 0;
  for (int i = 0; i < 20; i++) {
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_nsec += 300000;
    if (due.tv_nsec >= 1000000000) {
      due.tv_nsec -= 1000000000;
      due.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    late_ns += (now.tv_sec - due.tv_sec) * 1000000000ll + now.tv_nsec - due.tv_nsec;
  }
}

static void start_sink(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0) die("listen on loopback");
  getsockname(listener, (struct sockaddr *)&address, &size);
  sink = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(sink, (struct sockaddr *)&address, size) != 0) die("connect");
  int source = accept(listener, NULL, NULL);
  close(listener);
  if (fork() != 0) {
    close(source);
    return;
  }
  /* It must see the end of the connection. */
  close(sink);
  for (long received = 0;;) {
    ssize_t got = recv(source, second, BLOCK, 0);
    if (got <= 0) _exit(0);
    received += got;
    if (received % BUFFER == 0 && send(source, "", 1, MSG_NOSIGNAL) != 1) _exit(0);
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} WORKS[] = {
  {"cpu", cpu}, {"memory", memory}, {"fault", fault}, {"fork", fork_and_wait},
  {"file_read", file_read}, {"file_write", file_write}, {"net_host", network},
  {"latency", latency},
};

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static uint64_t timed(void (*run)(void)) {
  uint64_t begin = now_ns();
  run();
  return run == latency ? late_ns : now_ns() - begin;
}

static int open_turn(int player) {
  char name[] = "turn-0";
  name[5] += player;
  int fifo = open(name, O_RDWR | O_CLOEXEC);
  if (fifo < 0) die(name);
  return fifo;
}

static void prepare(int player) {
  /* All threads of the other player are on this processor too. */
  cpu_set_t all, last;
  sched_getaffinity(0, sizeof all, &all);
  CPU_ZERO(&last);
  for (int i = CPU_SETSIZE - 1; i >= 0 && CPU_COUNT(&last) == 0; i--) if (CPU_ISSET(i, &all)) CPU_SET(i, &last);
  sched_setaffinity(0, sizeof last, &last);
  first = mmap(NULL, 2 * BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (first == MAP_FAILED) die("mmap");
  second = first + BUFFER;
  memset(first, 1, 2 * BUFFER);
  char name[] = "file-0";
  name[5] += player;
  file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) die(name);
  file_write();
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: workload NAME BLOCKS 0|1\n");
    return 2;
  }
  void (*run)(void) = NULL;
  for (size_t i = 0; i < sizeof WORKS / sizeof *WORKS; i++) if (strcmp(WORKS[i].name, argv[1]) == 0) run = WORKS[i].run;
  int blocks = atoi(argv[2]), player = argv[3][0] - '0', count = 0;
  if (run == NULL || blocks < 1) die("no such work");
  prepare(player);
  if (run == network) start_sink();
  uint64_t *times = calloc(2 * blocks, sizeof *times);
  int mine = open_turn(player), others = open_turn(1 - player);
  char token = 0;
  if (player == 0) {
    times[count++] = timed(run);
    if (write(others, &token, 1) != 1) die("hand over");
  }
  while (count < 2 * blocks) {
    if (read(mine, &token, 1) != 1) die("wait for the turn");
    times[count++] = timed(run);
    if (count < 2 * blocks) times[count++] = timed(run);
    if (write(others, &token, 1) != 1) die("hand over");
  }
  char name[] = "result-0";
  name[7] += player;
  FILE *result = fopen(name, "w");
  if (result == NULL) die(name);
  for (int i = 0; i < count; i++) fprintf(result, "%llu\n", (unsigned long long)times[i]);
  return fclose(result) == 0 ? 0 : 1;
}
