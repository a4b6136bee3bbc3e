#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

namespace launcher {
namespace {

bool SendDescriptor(int link, const Message& message, int descriptor) {
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  memset(control, 0, sizeof control);
  struct iovec part = {const_cast<Message*>(&message), sizeof message};
  struct msghdr header;
  memset(&header, 0, sizeof header);
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  return sendmsg(link, &header, 0) == sizeof message;
}

}  // namespace

bool OpenTerminal(const StreamSpec& spec, TaskContext& task, int link) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return Fail("make terminal", "open", "/dev/ptmx");
  int locked = 0;
  if (ioctl(master, TIOCSPTLCK, &locked) < 0) return Fail("make terminal", "ioctl", "TIOCSPTLCK");
  // By descriptor, not by name: what lies at /dev/pts here may be another file system's.
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return Fail("make terminal", "ioctl", "TIOCGPTPEER");
  struct winsize size = {};
  size.ws_col = static_cast<unsigned short>(spec.columns);
  size.ws_row = static_cast<unsigned short>(spec.rows);
  if (ioctl(slave, TIOCSWINSZ, &size) < 0) return Fail("make terminal", "ioctl", "TIOCSWINSZ");
  // A user that does not exist in here, or a caller who may not: then it stays the maker's, and is open already.
  if (fchown(slave, task.spec->uid, static_cast<gid_t>(-1)) < 0 && errno != EPERM && errno != EINVAL) {
    return Fail("make terminal", "fchown");
  }
  if (!SendDescriptor(link, NewMessage(Kind::terminal), master)) return Fail("make terminal", "sendmsg");
  close(master);
  CloseStreams(task);
  task.input = task.output = task.errors = slave;
  task.terminal = true;
  return true;
}

int ReceiveWithDescriptor(int link, Message& message, int& descriptor) {
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {&message, sizeof message};
  struct msghdr header;
  memset(&header, 0, sizeof header);
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  descriptor = -1;
  ssize_t size;
  // A peer that ended without reading all we sent is reported once before what it sent itself.
  do size = recvmsg(link, &header, MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size == 0) return 0;
  const struct cmsghdr* rights = size > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
  }
  return size == sizeof message ? 1 : -1;
}

}  // namespace launcher
