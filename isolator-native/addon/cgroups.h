#pragma once

#include <napi.h>

/**
 * Cgroup files in batches: one call per operation on a container, whatever the number of files. All paths are absolute.
 *   `applyCgroupFiles([kind, path, text, …])`  kinds: `make`, `write`, `write?` (a missing file is skipped);
 *                                              on an error the directories made by this call are gone again
 *   `readCgroupFiles(paths) → (string | errno)[]`
 *   `listCgroups(directory) → names`           directories directly below; none when it does not exist
 *   `cgroupProcesses(directories) → pids`      nested ones included; 0 stands for processes of a foreign pid namespace
 *   `signalCgroups(directories, signal) → pids` the same, and each gets the signal
 *   `removeCgroups(directories, nested) → [path, errno, …]` deepest first; gives what stays
 *   `openOomEvents(directory) → fd`            v1: an eventfd that is readable after each OOM
 */
void ExportCgroups(Napi::Env env, Napi::Object exports);
