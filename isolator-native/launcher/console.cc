#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"

namespace launcher {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeader = 8;

/** Frames to a client. */
constexpr uint8_t kHello = 0;
constexpr uint8_t kEnded = 3;
/** Frames from a client. */
constexpr uint8_t kAttach = 1;
constexpr uint8_t kInput = 2;
constexpr uint8_t kCloseInput = 3;
constexpr uint8_t kResize = 4;

constexpr uint32_t kWantsOutput = 1;
constexpr uint32_t kPatient = 2;

/** A client that sends more at once is at fault. */
constexpr uint32_t kFrameMax = 64 << 10;
/** Pieces of output, so that old ones can leave the history one by one. */
constexpr size_t kPieceMax = 8 << 10;
/** What one read of the task's output may bring, with the headers of its pieces. */
constexpr size_t kRoomWanted = (64 << 10) + 16 * kHeader;
constexpr size_t kBufferBytes = 512 << 10;
constexpr size_t kHistoryBytes = 64 << 10;
constexpr size_t kInputBytes = 16 << 10;
/** How long the task may be held up by one client in all of that client's life. */
constexpr int64_t kPatienceMs = 2000;
/** How long the end of the container waits for clients to take the last of it; patient ones only stop when they go. */
constexpr int64_t kFinishMs = 1000;
constexpr int64_t kFinishPatientMs = 30000;
constexpr int kBacklog = 16;
/** What ends the input of a terminal. */
constexpr char kEndOfInput = 4;

/** Touched only where used; given back when a client goes. */
alignas(4096) char buffers[Console::kClientsMax][kBufferBytes];
alignas(4096) char history[kHistoryBytes];
char input[kInputBytes];

int64_t MonotonicMs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void PutLength(char* header, uint8_t type, size_t size) {
  const uint32_t length = static_cast<uint32_t>(size);
  memset(header, 0, kHeader);
  header[0] = static_cast<char>(type);
  for (int i = 0; i < 4; i++) header[4 + i] = static_cast<char>(length >> (24 - 8 * i));
}

uint32_t Number(const char* bytes, int count) {
  uint32_t number = 0;
  for (int i = 0; i < count; i++) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

ssize_t SendSome(int fd, const char* data, size_t size) {
  ssize_t sent;
  do sent = ::write(fd, data, size);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) return 0;
  return sent;
}

}  // namespace

void Ring::use(char* memory, size_t capacity) {
  memory_ = memory;
  capacity_ = capacity;
  head_ = size_ = 0;
}

void Ring::put(const char* data, size_t size) {
  while (size > 0) {
    const size_t at = (head_ + size_) % capacity_;
    const size_t part = size < capacity_ - at ? size : capacity_ - at;
    memcpy(memory_ + at, data, part);
    size_ += part;
    data += part;
    size -= part;
  }
}

size_t Ring::piece(size_t offset, const char*& from) const {
  const size_t at = (head_ + offset) % (capacity_ == 0 ? 1 : capacity_);
  from = memory_ + at;
  const size_t left = size_ - offset;
  return left < capacity_ - at ? left : capacity_ - at;
}

void Ring::copy(size_t offset, char* to, size_t size) const {
  while (size > 0) {
    const char* from;
    const size_t there = piece(offset, from);
    const size_t part = size < there ? size : there;
    memcpy(to, from, part);
    offset += part;
    to += part;
    size -= part;
  }
}

void Ring::drop(size_t size) {
  head_ = (head_ + size) % capacity_;
  size_ -= size;
  if (size_ == 0) head_ = 0;
}

bool Console::listen(int directory) {
  history_.use(history, kHistoryBytes);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_ < 0) return Fail("make attach socket", "socket");
  unlinkat(directory, "attach", 0);
  // By a relative name: the address holds 108 bytes, and paths may be longer.
  if (fchdir(directory) < 0) return Fail("make attach socket", "fchdir");
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, "attach", sizeof "attach");
  const mode_t mask = umask(0177);
  const int bound = bind(listener_, reinterpret_cast<struct sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(mask);
  const int back = chdir("/");
  errno = error;
  if (bound < 0) return Fail("make attach socket", "bind", "attach");
  if (back < 0) return Fail("enter root", "chdir", "/");
  return ::listen(listener_, kBacklog) == 0 || Fail("make attach socket", "listen", "attach");
}

void Console::adopt(int socket) {
  fcntl(socket, F_SETFL, O_NONBLOCK);
  add(socket, true, true);
}

bool Console::open_input(int& read_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Fail("open input", "pipe2");
  if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) return Fail("open input", "fcntl");
  read_end = ends[0];
  input_ = ends[1];
  return true;
}

void Console::use_terminal(int master) {
  terminal_ = true;
  input_ = spec_.input ? master : -1;
  terminal_fd_ = master;
}

void Console::close_all() {
  if (listener_ >= 0) close(listener_);
  if (input_ >= 0) close(input_);
  for (Client& client : clients_) {
    if (client.fd >= 0) close(client.fd);
  }
}

void Console::add(int socket, bool attached, bool patient) {
  for (int i = 0; i < kClientsMax; i++) {
    Client& client = clients_[i];
    if (client.fd >= 0) continue;
    client = Client();
    client.fd = socket;
    client.attached = attached;
    client.patient = patient;
    client.patience_ms = kPatienceMs;
    client.out.use(buffers[i], kBufferBytes);
    const char hello[kHeader] = {kVersion, static_cast<char>((spec_.terminal ? 1 : 0) | (spec_.input ? 2 : 0))};
    send(client, kHello, hello, sizeof hello);
    return;
  }
  close(socket);
}

void Console::accept_client() {
  const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket >= 0) add(socket, false, false);
}

void Console::drop(Client& client) {
  close(client.fd);
  client.fd = -1;
  char* memory = buffers[&client - clients_];
  madvise(memory, kBufferBytes, MADV_DONTNEED);
}

bool Console::has_room(const Client& client) const { return client.out.room() >= kRoomWanted; }

bool Console::full() const {
  for (const Client& client : clients_) {
    if (client.fd >= 0 && client.attached && !has_room(client)) return true;
  }
  return false;
}

void Console::flush(Client& client) {
  while (client.fd >= 0 && client.out.size() > 0) {
    const char* from;
    const size_t size = client.out.piece(0, from);
    const ssize_t sent = SendSome(client.fd, from, size);
    if (sent < 0) return drop(client);
    client.out.drop(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < size) break;
  }
  if (client.full_since == 0 || !has_room(client)) return;
  client.patience_ms -= MonotonicMs() - client.full_since;
  client.full_since = 0;
}

void Console::send(Client& client, uint8_t type, const char* data, size_t size) {
  char header[kHeader];
  PutLength(header, type, size);
  if (client.out.room() < kHeader + size) return drop(client);
  client.out.put(header, kHeader);
  client.out.put(data, size);
}

void Console::write(int stream, const char* data, size_t size) {
  while (size > 0) {
    const size_t part = size < kPieceMax ? size : kPieceMax;
    keep(static_cast<uint8_t>(stream), data, part);
    for (Client& client : clients_) {
      if (client.fd >= 0 && client.attached) send(client, static_cast<uint8_t>(stream), data, part);
    }
    data += part;
    size -= part;
  }
  for (Client& client : clients_) {
    if (client.fd < 0 || !client.attached) continue;
    flush(client);
    if (client.fd >= 0 && client.full_since == 0 && !has_room(client)) client.full_since = MonotonicMs();
  }
}

/** The newest output, as whole frames, for those who come later. */
void Console::keep(uint8_t type, const char* data, size_t size) {
  if (listener_ < 0) return;
  char header[kHeader];
  while (history_.room() < kHeader + size) {
    history_.copy(0, header, kHeader);
    history_.drop(kHeader + Number(header + 4, 4));
  }
  PutLength(header, type, size);
  history_.put(header, kHeader);
  history_.put(data, size);
}

/** Whole frames from the first on with which it is no more than `bytes`; of that first one the end, where it fits not whole. */
void Console::replay(Client& client, size_t bytes) {
  char header[kHeader];
  size_t kept = 0;
  for (size_t at = 0; at < history_.size();) {
    history_.copy(at, header, kHeader);
    const size_t size = Number(header + 4, 4);
    kept += size;
    at += kHeader + size;
  }
  for (size_t at = 0; at < history_.size();) {
    history_.copy(at, header, kHeader);
    const size_t size = Number(header + 4, 4);
    const size_t over = kept > bytes ? kept - bytes : 0;
    const size_t skip = over < size ? over : size;
    if (skip < size) {
      static char piece[kPieceMax];
      history_.copy(at + kHeader + skip, piece, size - skip);
      send(client, static_cast<uint8_t>(header[0]), piece, size - skip);
    }
    kept -= size;
    at += kHeader + size;
  }
  if (client.fd >= 0) flush(client);
}

void Console::fill(struct pollfd* waits) {
  for (int i = 0; i < kClientsMax; i++) {
    const Client& client = clients_[i];
    const int events = (client.out.size() > 0 ? POLLOUT : 0) | (pending_ == 0 ? POLLIN : 0);
    waits[i] = {client.fd, static_cast<short>(events), 0};
  }
  waits[kClientsMax] = {listener_, POLLIN, 0};
  waits[kClientsMax + 1] = {pending_ > 0 ? input_ : -1, POLLOUT, 0};
}

int Console::wait_ms() const {
  int64_t least = -1;
  for (const Client& client : clients_) {
    if (client.fd < 0 || client.patient || client.full_since == 0) continue;
    int64_t left = client.patience_ms - (MonotonicMs() - client.full_since);
    if (left < 0) left = 0;
    if (least < 0 || left < least) least = left;
  }
  return static_cast<int>(least);
}

void Console::handle(const struct pollfd* waits) {
  for (int i = 0; i < kClientsMax; i++) {
    Client& client = clients_[i];
    if (client.fd < 0 || waits[i].fd != client.fd || waits[i].revents == 0) continue;
    if ((waits[i].revents & POLLOUT) != 0) flush(client);
    if (client.fd >= 0 && (waits[i].revents & POLLIN) != 0) {
      read(client);
    } else if (client.fd >= 0 && (waits[i].revents & (POLLHUP | POLLERR)) != 0) {
      drop(client);
    }
  }
  if (waits[kClientsMax + 1].revents != 0) flush_input();
  if (waits[kClientsMax].revents != 0) accept_client();
  check_patience();
}

void Console::check_patience() {
  const int64_t now = MonotonicMs();
  for (Client& client : clients_) {
    if (client.fd < 0 || client.patient || client.full_since == 0) continue;
    if (now - client.full_since >= client.patience_ms) drop(client);
  }
}

bool Console::make_room() {
  if (!full()) return false;
  struct pollfd waits[kWaitsMax];
  fill(waits);
  // Only room is waited for here: what clients send is for a task that has ended.
  for (int i = 0; i < kWaitsMax; i++) {
    waits[i].events &= POLLOUT;
    if (i >= kClientsMax) waits[i].fd = -1;
  }
  const int wait = wait_ms();
  poll(waits, kWaitsMax, wait < 0 ? static_cast<int>(kFinishPatientMs) : wait);
  handle(waits);
  return true;
}

void Console::read(Client& client) {
  char buffer[kInputBytes];
  ssize_t size;
  do size = ::read(client.fd, buffer, sizeof buffer);
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0 || !take(client, buffer, static_cast<size_t>(size))) {
    if (client.fd >= 0) drop(client);
    return;
  }
  flush_input();
}

/** False: it is at fault. */
bool Console::take(Client& client, const char* data, size_t size) {
  while (size > 0) {
    if (client.header_size < kHeader) {
      client.header[client.header_size++] = *data++;
      size--;
      if (client.header_size == kHeader && !begin(client)) return false;
      continue;
    }
    const size_t part = size < client.left ? size : client.left;
    if (client.header[0] == kInput) {
      take_input(data, part);
    } else {
      memcpy(client.control + client.control_size, data, part);
      client.control_size += part;
    }
    data += part;
    size -= part;
    client.left -= static_cast<uint32_t>(part);
    if (client.left > 0) continue;
    client.header_size = 0;
    if (client.header[0] != kInput && !control(client)) return false;
    if (client.fd < 0) return true;
  }
  return true;
}

/** A header is complete. */
bool Console::begin(Client& client) {
  const uint32_t length = Number(client.header + 4, 4);
  const uint8_t type = static_cast<uint8_t>(client.header[0]);
  client.left = length;
  client.control_size = 0;
  if (type == kAttach ? length != 8 : type == kResize ? length != 4 : type == kCloseInput ? length != 0 : type != kInput) return false;
  if (length > kFrameMax) return false;
  if (length > 0) return true;
  client.header_size = 0;
  return type == kInput || control(client);
}

bool Console::control(Client& client) {
  const uint8_t type = static_cast<uint8_t>(client.header[0]);
  if (type == kCloseInput) {
    input_ends_ = true;
    return true;
  }
  if (type == kResize) {
    struct winsize size = {};
    size.ws_col = static_cast<unsigned short>(Number(client.control, 2));
    size.ws_row = static_cast<unsigned short>(Number(client.control + 2, 2));
    if (terminal_fd_ >= 0) ioctl(terminal_fd_, TIOCSWINSZ, &size);
    return true;
  }
  const uint32_t flags = Number(client.control + 4, 4);
  if (client.attached) return false;
  client.patient = (flags & kPatient) != 0;
  if ((flags & kWantsOutput) == 0) return true;
  replay(client, Number(client.control, 4));
  client.attached = true;
  return true;
}

/** There is room: clients are read only while nothing is pending, and never more than that. */
void Console::take_input(const char* data, size_t size) {
  if (input_ < 0 || input_ends_ || pending_from_ + pending_ + size > kInputBytes) return;
  memcpy(input + pending_from_ + pending_, data, size);
  pending_ += size;
}

void Console::flush_input() {
  while (pending_ > 0) {
    const ssize_t written = SendSome(input_, input + pending_from_, pending_);
    if (written == 0) return;
    if (written < 0) {
      // Nobody reads it any more.
      pending_ = 0;
      input_ends_ = true;
      break;
    }
    pending_from_ += static_cast<size_t>(written);
    pending_ -= static_cast<size_t>(written);
  }
  pending_from_ = 0;
  if (input_ends_) end_input();
}

/** A terminal stays open; the end of its input is a character, and it may be said again. */
void Console::end_input() {
  if (input_ < 0) return;
  if (terminal_) {
    SendSome(input_, &kEndOfInput, 1);
    input_ends_ = false;
    return;
  }
  close(input_);
  input_ = -1;
}

void Console::finish(int status) {
  const uint32_t number = static_cast<uint32_t>(status);
  const char payload[4] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
                           static_cast<char>(number)};
  for (Client& client : clients_) {
    if (client.fd < 0) continue;
    send(client, kEnded, payload, sizeof payload);
    if (client.fd >= 0) flush(client);
  }
  const int64_t start = MonotonicMs();
  for (;;) {
    struct pollfd waits[kClientsMax];
    int64_t wait = 0;
    for (int i = 0; i < kClientsMax; i++) {
      const Client& client = clients_[i];
      const int64_t left = (client.patient ? kFinishPatientMs : kFinishMs) - (MonotonicMs() - start);
      const bool waits_for = client.fd >= 0 && client.out.size() > 0 && left > 0;
      waits[i] = {waits_for ? client.fd : -1, POLLOUT, 0};
      if (waits_for && left > wait) wait = left;
    }
    if (wait == 0 || poll(waits, kClientsMax, static_cast<int>(wait)) == 0) return;
    for (int i = 0; i < kClientsMax; i++) {
      if (waits[i].fd >= 0 && waits[i].revents != 0) flush(clients_[i]);
    }
  }
}

void Console::remove(int directory) {
  if (listener_ >= 0 && directory >= 0) unlinkat(directory, "attach", 0);
}

void Output::use(Sink* log, Console* console, int stream) {
  log_ = log;
  console_ = console;
  stream_ = stream;
}

void Output::write(const char* data, size_t size) {
  if (log_ != nullptr) log_->write(data, size);
  if (console_ != nullptr) console_->write(stream_, data, size);
}

}  // namespace launcher
