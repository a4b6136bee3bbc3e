#pragma once

#include <napi.h>

#include <set>

namespace isolator {

class Poll;

/** What belongs to one JavaScript environment (the main thread, or one worker). */
struct AddonState {
  Napi::FunctionReference error_class;
  /** Descriptors watched on this environment's loop; closed when it ends. */
  std::set<Poll*> polls;

  static AddonState& of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }
};

}  // namespace isolator
