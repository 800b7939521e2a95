#include "turn.h"

namespace pgrightsizer::controller {

void tell(const Turn& turn, const Reason& reason, const char* action, const std::string& note) {
  const auto& policy = turn.policy;
  const runtime::Regarding about{api::kApiVersion, api::kKind, policy.name_space, policy.name, policy.uid};
  if (reason.type == EventType::Warning)
    turn.events.warning(about, reason.name, action, note);
  else
    turn.events.normal(about, reason.name, action, note);
}

Result<void> write_status(const Turn& turn, const api::Status& status) {
  auto& memory = turn.memory;
  const auto patch = api::status_patch(memory.status.value_or(api::Status{}), status);
  if (!patch.empty()) {
    const kube::Ref ref{kube::resources::kConnectionPolicy, turn.policy.name_space, turn.policy.name};
    const auto done = turn.sight.client.patch_status(ref, patch);
    if (!done) return fail(done.error());
    memory.status_written = turn.sight.clock.steady();
  }
  memory.status = status;
  return {};
}

}  // namespace pgrightsizer::controller
