#include "sights.h"

namespace pgrightsizer::transition {

namespace {

sizing::Plan plan_for(Count instances, int present_tier) {
  sizing::Workload workload;
  workload.name = "api";
  workload.replicas = instances;
  return sizing::plan({workload}, {}, present_tier);
}

}  // namespace

void Sight::scale_to(Count instances) {
  const int tier = seen.pooler ? sizing::tier_of_pool({}, seen.pooler->pool_size) : 0;
  plan = plan_for(instances, tier);
  seen.direct_capacity = std::max(seen.direct_capacity, 20 * instances);
}

void PrintTo(const Step& step, std::ostream* out) {
  *out << to_string(step.kind) << "/" << to_string(step.topic) << " " << step.pod << " "
       << step.value << ": " << step.reason;
}

PoolerPod pooler_pod(std::string name, Count cap) {
  PoolerPod pod;
  pod.name = std::move(name);
  pod.ready = pod.console = true;
  pod.cap = pod.announced = cap;
  return pod;
}

Sight at_rest_direct(Count instances) {
  Sight sight;
  sight.plan = plan_for(instances, 0);
  Observation& seen = sight.seen;
  seen.database_up = true;
  seen.effective = seen.requested = 20 * instances + 50;
  seen.reserved = 3;
  seen.postmaster_start = sight.now - seconds{100'000};
  seen.checkpointed = true;
  seen.direct_sessions = seen.direct_capacity = seen.peak_direct_sessions = 20 * instances;
  seen.others = 3;
  seen.direct_login = Login::Ok;
  return sight;
}

Sight at_rest_pooled(Count instances) {
  Sight sight = at_rest_direct(instances);
  Observation& seen = sight.seen;
  seen.direct_sessions = seen.peak_direct_sessions = 0;
  seen.effective = seen.requested = sight.plan.max_connections;
  seen.route = Route::Pooler;
  seen.looks_without_direct = 3;
  seen.pooled_login = Login::Ok;
  Pooler pooler;
  pooler.pool_size = sight.plan.pool_size;
  pooler.boot_cap = 18;
  pooler.max_clients = 10'000;
  pooler.replicas = 2;
  seen.pooler = pooler;
  for (const char* name : {"a", "b"}) {
    seen.pods.push_back(pooler_pod(name, sight.plan.pool_size / 2));
    seen.pods.back().clients = 100;
  }
  return sight;
}

Sight just_switched(Count instances) {
  Sight sight = at_rest_pooled(instances);
  Observation& seen = sight.seen;
  seen.effective = seen.requested = 1030;
  seen.direct_sessions = seen.peak_direct_sessions = 980;
  seen.direct_capacity = 980;
  seen.looks_without_direct = 0;
  seen.pooler->boot_cap = 4;
  for (PoolerPod& pod : seen.pods) pod.cap = pod.announced = 4;
  return sight;
}

void pause(Sight& sight) {
  sight.seen.pooler->frozen = true;
  sight.seen.pause_is_ours = true;
  for (PoolerPod& pod : sight.seen.pods) {
    pod.paused = pod.held = true;
    pod.servers = 0;
  }
}

}  // namespace pgrightsizer::transition
