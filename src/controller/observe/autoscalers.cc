#include "../turn/targets.h"
#include "inputs.h"

namespace pgrightsizer::controller {

void read_autoscalers(kube::Client& client, const api::ConnectionPolicy& policy, const Stores& stores,
                      Facts& facts) {
  if (policy.spec.sizing.count_instances != sizing::CountInstances::AutoscalerMax) return;
  const auto found = client.list(kube::resources::kHorizontalPodAutoscaler, policy.name_space, "");
  if (!found) {
    facts.problems.push_back({kAutoscalersUnreadable, found.error().message()});
    return;
  }
  const auto targets = targets_of(policy, stores);
  for (const auto& autoscaler : *found) {
    const auto target = autoscaler.value("/spec/scaleTargetRef"_json_pointer, kube::Json::object());
    for (std::size_t i = 0; i < targets.size() && i < facts.workloads.size(); ++i)
      if (target.value("kind", std::string()) == targets[i].kind &&
          target.value("name", std::string()) == targets[i].name)
        facts.workloads[i].autoscaler_max =
            autoscaler.value("/spec/maxReplicas"_json_pointer, sizing::Count{0});
  }
}

}  // namespace pgrightsizer::controller
