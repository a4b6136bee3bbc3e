#pragma once

#include "host_sources.h"
#include "spec.h"

namespace launcher {

/**
 * Everything the container's file systems need, done by its init in a mount namespace of its own. Order:
 * sources are taken from the host while it is in sight; the root becomes read-only or is pivoted to; hidden paths;
 * mounts in the order given; masked and read-only paths; at last what had to be writable for making mount points closes.
 * `taken`: those sources that the monitor took already. `own_user_namespace`: device nodes cannot be made there and are
 * shown from the host instead.
 */
bool SetUpMounts(const LaunchSpec& spec, const HostSources& taken, bool own_user_namespace);

}  // namespace launcher
