#pragma once

#include "task.h"

namespace launcher {

/**
 * Makes a terminal from the /dev of this process, in its size and owned by the task's user, gives it to the task as all
 * three streams, and sends its other side over `link` (a `terminal` message).
 */
bool OpenTerminal(const StreamSpec& spec, TaskContext& task, int link);

/** Like Receive; `descriptor` becomes what came with the message, or -1. */
int ReceiveWithDescriptor(int link, Message& message, int& descriptor);

}  // namespace launcher
