#include "reread.h"

#include <nlohmann/json.hpp>

namespace pgrightsizer::controller {

namespace {

using transition::StepKind;
namespace res = kube::resources;

Result<void> is_still(kube::Client& client, const kube::Ref& ref, const std::string& uid,
                      std::int64_t generation) {
  const auto live = client.get(ref);
  if (!live) return fail(live.error());
  if (live->value("/metadata/uid"_json_pointer, std::string()) == uid &&
      live->value("/metadata/generation"_json_pointer, std::int64_t{0}) == generation)
    return {};
  return fail(ErrorKind::Conflict, "has changed, and its watch has not told so yet", ref.text());
}

}  // namespace

bool cannot_be_taken_back(const transition::Step& step) {
  switch (step.kind) {
    case StepKind::Pause:
    case StepKind::Restart:
    case StepKind::RestartStandby:
    case StepKind::EndTransactions:
    case StepKind::SwitchToPooler:
    case StepKind::SwitchToDirect:
    case StepKind::TurnBack:
    case StepKind::DrainDirect:
    case StepKind::DrainPooled:
    case StepKind::RemovePooler: return true;
    case StepKind::PatchMaxConnections: return step.value < step.old_value;
    default: return false;
  }
}

Result<void> reread(const Turn& turn) {
  auto& client = turn.sight.client;
  const auto& policy = turn.policy;
  const kube::Ref itself{res::kConnectionPolicy, policy.name_space, policy.name};
  if (auto same = is_still(client, itself, policy.uid, policy.generation); !same) return same;
  for (const auto& seen : turn.facts.seen_workloads)
    if (auto same = is_still(client, seen.ref, seen.uid, seen.generation); !same) return same;
  return {};
}

}  // namespace pgrightsizer::controller
