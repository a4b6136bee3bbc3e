#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "logs.h"
#include "spec.h"

namespace launcher {

/** Bytes in a circle, in memory that belongs to somebody else. */
class Ring {
 public:
  void use(char* memory, size_t capacity);
  size_t size() const { return size_; }
  size_t room() const { return capacity_ - size_; }
  /** There must be room. */
  void put(const char* data, size_t size);
  /** Copies from `offset` on; that much must be there. */
  void copy(size_t offset, char* to, size_t size) const;
  /** What can be read in one piece from `offset` on. */
  size_t piece(size_t offset, const char*& from) const;
  void drop(size_t size);

 private:
  char* memory_ = nullptr;
  size_t capacity_ = 0;
  size_t head_ = 0;
  size_t size_ = 0;
};

/**
 * The task's terminal or pipes, shared by any number of clients that come and go. Output goes to all of them, input may
 * come from any. Every client has a buffer of its own; one that does not read is dropped after a bounded time, in which
 * alone the task may have to wait for it. README.md has the frames.
 */
class Console {
 public:
  static constexpr int kClientsMax = 16;
  /** Of `fill`: the clients, the socket that they connect to, the task's input. */
  static constexpr int kWaitsMax = kClientsMax + 2;

  explicit Console(const StreamSpec& spec) : spec_(spec) {}

  /** Makes the socket `attach` in the directory, only for this process's user. */
  bool listen(int directory);
  /** Takes a client that is connected already, gets everything from the start and may slow the task down. */
  void adopt(int socket);
  /** Makes the pipe whose read end is the task's standard input. */
  bool open_input(int& read_end);
  /** From here on input and size are the terminal's. The descriptor stays that of the stream that reads it. */
  void use_terminal(int master);
  /** In a child: nothing of the console may stay open there. */
  void close_all();

  /** One piece of output, of stream 1 or 2. */
  void write(int stream, const char* data, size_t size);
  /** A client has no room, and is still waited for. */
  bool full() const;
  /** Waits until there may be room again. False: nobody is waited for. */
  bool make_room();

  /** Fills in what to poll for, `kWaitsMax` entries. */
  void fill(struct pollfd* waits);
  /** How long to poll at most; -1: for ever. */
  int wait_ms() const;
  /** After the poll. */
  void handle(const struct pollfd* waits);

  /** Tells all clients how it ended, once they have all that was written; waits for the slow ones, but not for ever. */
  void finish(int status);
  /** Removes the socket. */
  void remove(int directory);

 private:
  struct Client {
    int fd = -1;
    bool attached = false;
    bool patient = false;
    Ring out;
    /** Since when it has had no room; 0: it has. */
    int64_t full_since = 0;
    /** How much longer it may be waited for in its life. */
    int64_t patience_ms = 0;
    char header[8];
    size_t header_size = 0;
    /** Of the frame that is being read. */
    uint32_t left = 0;
    char control[8];
    size_t control_size = 0;
  };

  void accept_client();
  void add(int socket, bool attached, bool patient);
  void drop(Client& client);
  void flush(Client& client);
  void send(Client& client, uint8_t type, const char* data, size_t size);
  void keep(uint8_t type, const char* data, size_t size);
  void replay(Client& client, size_t bytes);
  void read(Client& client);
  bool take(Client& client, const char* data, size_t size);
  bool begin(Client& client);
  bool control(Client& client);
  void take_input(const char* data, size_t size);
  void flush_input();
  void end_input();
  void check_patience();
  bool has_room(const Client& client) const;

  const StreamSpec& spec_;
  int listener_ = -1;
  int input_ = -1;
  int terminal_fd_ = -1;
  bool terminal_ = false;
  bool input_ends_ = false;
  size_t pending_ = 0;
  size_t pending_from_ = 0;
  Ring history_;
  Client clients_[kClientsMax];
};

/** Output that goes to a log, to the console, or to both. */
class Output final : public Sink {
 public:
  void use(Sink* log, Console* console, int stream);
  void write(const char* data, size_t size) override;
  bool full() const override { return console_ != nullptr && console_->full(); }

 private:
  Sink* log_ = nullptr;
  Console* console_ = nullptr;
  int stream_ = 0;
};

}  // namespace launcher
