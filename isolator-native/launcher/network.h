#pragma once

#include "spec.h"

namespace launcher {

/** Brings up the loopback of the network namespace that this process is in. */
bool LoopbackUp();

/** Enters the network namespace that `path` names. Not across user namespaces: call it before one is made. */
bool EnterNetwork(const char* path);

/** One piece of work on network namespaces, in this process because its caller, with threads, cannot; then it ends. */
[[noreturn]] void RunNetwork(const Spec& spec);

}  // namespace launcher
