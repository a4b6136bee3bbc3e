#pragma once

#include <stdint.h>

#include "spec.h"

namespace launcher {

/** A new file system, not attached anywhere yet. `options` are pairs of name and value and end with a null. -1: failed. */
int NewFileSystem(const char* type, const char* const* options, uint64_t attributes, const char* step, const char* path);

/** A copy of the mount (or part of a mount) at `path`, not attached anywhere yet. -1: failed, with errno only. */
int CopyMount(const char* path, bool recursive);

/**
 * The layers as one file system, not attached anywhere. -1: failed. Leaves the working directory in the layers' directory:
 * that of the overlay, or `taken`, a mount of it that the init inherited.
 */
int NewOverlay(const OverlaySpec& overlay, int taken, uint64_t attributes, const char* step, const char* path = nullptr);

/** A file in memory with the mount's content, mode and owner, not attached anywhere. `scratch` is any directory. -1: failed. */
int NewFile(const MountSpec& mount, const char* scratch);

/** From now on it hears of its source's mounts, and its source not of its. */
bool MakeSlave(int mount, const char* step, const char* path);

/** Attaches it at `target`. */
bool Attach(int mount, const char* target, const char* step);

/**
 * Adds and takes away attributes (kMount*) of an attached mount; with `recursive` of all mounts below too. What it has
 * besides stays: in a user namespace those flags are locked, and a remount that forgot one would fail.
 */
bool ChangeAttributes(int mount, uint64_t add, uint64_t remove, bool recursive, const char* step, const char* path);

/** Makes a directory (or, for a file, an empty file) and the directories above it, where missing. */
bool MakeTarget(const char* path, bool directory);

}  // namespace launcher
