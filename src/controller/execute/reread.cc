#include "reread.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "../turn/names.h"
#include "pgrightsizer/kube/objects.h"

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

// One that was replaced meanwhile is two, and each of them holds connections.
Result<void> pooler_pods_are_still(const Turn& turn) {
  using Pods = std::set<std::pair<std::string, bool>>;  // uid, terminating
  const auto& policy = turn.policy;
  const auto live = turn.sight.client.list(
      res::kPod, policy.name_space,
      std::string(kPolicyLabel) + "=" + policy.name + "," + kComponentLabel + "=pooler");
  if (!live) return fail(live.error());
  Pods now;
  for (const auto& object : *live)
    if (const auto pod = kube::decode_pod(object); !pod.gone()) now.emplace(pod.meta.uid, pod.meta.deleting);
  Pods seen;
  for (const auto& one : turn.facts.pods) seen.emplace(one.pod->meta.uid, one.pod->meta.deleting);
  if (now == seen) return {};
  return fail(ErrorKind::Conflict, "have changed, and their watch has not told so yet",
              "the pooler's pods of " + policy.text());
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
    case StepKind::SetCap: return step.value > step.old_value;
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
  if (turn.facts.seen.pooler || !turn.facts.pods.empty()) return pooler_pods_are_still(turn);
  return {};
}

}  // namespace pgrightsizer::controller
