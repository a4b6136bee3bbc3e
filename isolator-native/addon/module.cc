#include <napi.h>

#include "errors.h"
#include "poll.h"
#include "process.h"
#include "state.h"

void ExportCgroups(Napi::Env env, Napi::Object exports);
void ExportProbe(Napi::Env env, Napi::Object exports);
void ExportSeccomp(Napi::Env env, Napi::Object exports);
void ExportFiles(Napi::Env env, Napi::Object exports);

namespace isolator {
namespace {

/** Runs before the environment's loop is closed: handles left open would make a worker's end an assertion. */
void CloseEverything(AddonState* state) {
  while (!state->polls.empty()) (*state->polls.begin())->close();
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  AddonState* state = new AddonState();
  env.SetInstanceData<AddonState>(state);
  env.AddCleanupHook(CloseEverything, state);
  ExportErrors(env, exports);
  ExportPoll(env, exports);
  ExportProcess(env, exports);
  ExportCgroups(env, exports);
  ExportProbe(env, exports);
  ExportSeccomp(env, exports);
  ExportFiles(env, exports);
  return exports;
}

}  // namespace
}  // namespace isolator

Napi::Object InitializeModule(Napi::Env env, Napi::Object exports) { return isolator::Initialize(env, exports); }

NODE_API_MODULE(isolator_native, InitializeModule)
