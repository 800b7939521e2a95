#include "world.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::model {

using std::chrono::seconds;
using transition::Time;

int World::live_pods() const {
  return static_cast<int>(std::count_if(pods.begin(), pods.begin() + pod_count,
                                        [](const Pod& pod) { return !pod.terminating; }));
}

void World::remove_pod(int index) {
  for (int i = index; i + 1 < pod_count; ++i) {
    pods[static_cast<std::size_t>(i)] = pods[static_cast<std::size_t>(i) + 1];
  }
  pods[static_cast<std::size_t>(--pod_count)] = Pod{};
}

void World::sort_pods() { std::sort(pods.begin(), pods.begin() + pod_count); }

bool World::busy() const {
  if (pending != Pending::None) return true;
  return std::any_of(pods.begin(), pods.begin() + pod_count,
                     [](const Pod& pod) { return pod.pending != PodPending::None; });
}

namespace {

int full_boot_cap(const Scale& scale) {
  return static_cast<int>(sizing::boot_cap(scale.buffer, scale.reserved, scale.pooler_replicas));
}

int counted(int allowed, int servers) {
  const int minimum = static_cast<int>(sizing::kMinimumCap);
  if (allowed <= minimum) return std::max(0, servers - minimum);
  return std::max(allowed, servers);
}

int direct_capacity(const World& world, const Scale& scale) {
  return scale.connections * std::max(world.instances, world.app_pods);
}

transition::PoolerPod seen_pod(const World& world, const Scale& scale, int index) {
  const Pod& pod = world.pods[static_cast<std::size_t>(index)];
  transition::PoolerPod seen;
  seen.name = std::string(1, static_cast<char>('a' + index));
  seen.ready = pod.ready && !pod.terminating;
  seen.console = seen.ready;
  seen.terminating = pod.terminating;
  const int unknown = pod.announced > 0 ? pod.announced : full_boot_cap(scale);
  seen.cap = seen.console ? pod.cap : std::max(unknown, world.boot_cap);
  seen.announced = pod.announced;
  seen.servers = pod.servers;
  seen.paused = seen.held = seen.console && pod.paused;
  seen.clients = world.clients && !pod.terminating ? 1 : 0;
  return seen;
}

}  // namespace

int sessions(const World& world, const Scale& scale) {
  int sum = world.direct + scale.others;
  for (int i = 0; i < world.pod_count; ++i) sum += world.pods[static_cast<std::size_t>(i)].servers;
  return sum;
}

int excess_at(const World& world, const Scale& scale, int max_connections) {
  const bool closed = world.route == Route::Pooler && world.settled;
  int sum = closed ? world.direct : std::max(world.direct, direct_capacity(world, scale));
  for (int i = 0; i < world.pod_count; ++i) {
    const Pod& pod = world.pods[static_cast<std::size_t>(i)];
    sum += counted(std::max(pod.cap, pod.announced), pod.servers);
  }
  // Pods that Kubernetes is about to start for the Deployment are promises, too.
  const int missing = world.pooler ? std::max(0, scale.pooler_replicas - world.live_pods()) : 0;
  sum += missing * counted(world.boot_cap, 0);
  sum += std::max(static_cast<int>(sizing::kOthersFloor), scale.others);
  return sum - (max_connections - scale.reserved);
}

Time model_now() { return Time{seconds{1'000'000}}; }

transition::Rules rules_of(const Scale& scale) {
  transition::Rules rules;
  rules.min_interval = seconds{0};
  rules.buffer = scale.buffer;
  rules.pooler_replicas = scale.pooler_replicas;
  return rules;
}

Observation observe(const World& world, const Scale& scale) {
  Observation seen;
  seen.database_up = world.server == Server::Up;
  seen.effective = world.effective;
  seen.reserved = scale.reserved;
  seen.requested = world.requested;
  // Long ago; a restart in flight was remembered later and has not come back.
  if (seen.database_up) seen.postmaster_start = model_now() - seconds{100'000};
  if (world.server == Server::Failing) seen.start_failure = "could not map memory";
  seen.direct_sessions = world.direct;
  seen.direct_capacity = direct_capacity(world, scale);
  seen.peak_direct_sessions = world.direct;
  seen.others = scale.others;
  seen.route = world.route;
  seen.route_settled = world.settled;
  seen.looks_without_direct = world.looked && world.direct == 0 ? 3 : 0;
  if (world.pooler) {
    transition::Pooler pooler;
    pooler.pool_size = world.pool_size;
    pooler.boot_cap = world.boot_cap;
    pooler.max_clients = 10'000;
    pooler.replicas = scale.pooler_replicas;
    pooler.frozen = world.frozen;
    seen.pooler = pooler;
  }
  seen.checkpointed = true;
  seen.pause_is_ours = world.pause_is_ours;
  seen.logins_past_pooler = seen.database_up ? 2 : 0;
  seen.pods.reserve(static_cast<std::size_t>(world.pod_count));
  for (int i = 0; i < world.pod_count; ++i) seen.pods.push_back(seen_pod(world, scale, i));
  seen.direct_login = transition::Login::Ok;
  seen.pooled_login = world.login_works ? transition::Login::Ok : transition::Login::Failing;
  if (!world.login_works) seen.pooled_login_failing_since = model_now() - seconds{1000};
  return seen;
}

transition::History history_of(const World& world) {
  transition::History history;
  if (world.flight != Flight::None) {
    transition::Restart restart;
    restart.time = model_now() - seconds{50'000};
    restart.from = world.flight_from;
    restart.to = world.flight_to;
    history.restarts.push_back(restart);
  }
  if (world.rejected != 0) history.rejected = transition::Rejected{world.rejected, "memory"};
  if (world.retry != Retry::None) {
    history.turned_back_since = model_now() - seconds{400};
    history.retry_at = model_now() + seconds{world.retry == Retry::Later ? 100 : -100};
  }
  return history;
}

namespace {

void begin_set_cap(World& world, const Step& step) {
  Pod& pod = world.pods[static_cast<std::size_t>(step.pod[0] - 'a')];
  const int value = static_cast<int>(step.value);
  if (value > pod.announced) {
    pod.announced = value;
    pod.pending = PodPending::Set;
  } else {
    // All that it was allowed may be busy, and stays until the transactions end: an event.
    if (value < pod.cap) pod.servers = std::max(pod.servers, pod.cap);
    pod.cap = value;
    pod.pending = PodPending::Announce;
  }
}

void switch_route(World& world, Route route) {
  world.route = route;
  world.settled = false;
}

void delete_server(World& world) {
  world.server = Server::Down;
  world.flight = Flight::Deleted;
  world.direct = 0;
  for (Pod& pod : world.pods) pod.servers = 0;
}

// PAUSE closes what is idle and waits for the rest; a pod without a console cannot be told.
void pause(World& world) {
  for (Pod& pod : world.pods) {
    if (!pod.ready || pod.terminating) continue;
    pod.paused = true;
    pod.servers = 0;
  }
  world.pause_is_ours = true;
}

void resume(World& world) {
  for (Pod& pod : world.pods) {
    if (pod.ready && !pod.terminating) pod.paused = false;
  }
  world.pause_is_ours = false;
}

void leave_pending(World& world, Pending pending, Count value) {
  world.pending = pending;
  world.pending_value = static_cast<int>(value);
}

}  // namespace

void begin(World& world, const Step& step) {
  using transition::StepKind;
  switch (step.kind) {
    case StepKind::PatchMaxConnections:
      world.requested = static_cast<int>(step.value);
      break;
    case StepKind::Restart:
      world.flight = Flight::Remembered;
      world.flight_from = static_cast<int>(step.old_value);
      world.flight_to = static_cast<int>(step.value);
      leave_pending(world, Pending::DeletePod, 0);
      break;
    case StepKind::FreezePooler:
      world.frozen = true;
      break;
    case StepKind::ThawPooler:
      world.frozen = false;
      break;
    case StepKind::Pause:
      pause(world);
      break;
    case StepKind::Resume:
      resume(world);
      break;
    case StepKind::RestoreMaxConnections:
      world.rejected = static_cast<int>(step.old_value);
      leave_pending(world, Pending::PatchAfterRejection, step.value);
      break;
    case StepKind::ApplyPooler:
      world.boot_cap = static_cast<int>(step.boot_cap);
      leave_pending(world, Pending::ApplyDeployment, step.pool_size);
      break;
    case StepKind::SetCap:
      begin_set_cap(world, step);
      break;
    case StepKind::SwitchToPooler:
      switch_route(world, Route::Pooler);
      break;
    case StepKind::SwitchToDirect:
      switch_route(world, Route::Direct);
      break;
    case StepKind::TurnBack:
      switch_route(world, Route::Direct);
      world.retry = Retry::Later;
      break;
    case StepKind::RemovePooler:
      world.pooler = world.frozen = false;
      world.pool_size = 0;
      world.boot_cap = 0;
      for (int i = 0; i < world.pod_count; ++i) {
        world.pods[static_cast<std::size_t>(i)].terminating = true;
      }
      break;
    case StepKind::None:
    case StepKind::Wait:
    case StepKind::Reconnect:
    case StepKind::Checkpoint:
    case StepKind::EndTransactions:
    case StepKind::SetRoleLimit:
    case StepKind::DrainDirect:
    case StepKind::DrainPooled:
    case StepKind::PinStandby:  // with standbys: a world of its own, standbys.cc
    case StepKind::RestartStandby:
    case StepKind::CheckpointStandby:
    case StepKind::WriteFile:
    case StepKind::ResetInstance:
      break;
  }
  world.sort_pods();
}

void proceed(World& world) {
  const Pending pending = std::exchange(world.pending, Pending::None);
  const int value = std::exchange(world.pending_value, 0);
  switch (pending) {
    case Pending::None:
      break;
    case Pending::DeletePod:
      delete_server(world);
      break;
    case Pending::PatchAfterRejection:
      world.requested = value;
      break;
    case Pending::ApplyDeployment:
      world.pooler = true;
      world.pool_size = value;
      break;
  }
  for (Pod& pod : world.pods) {
    const PodPending left = std::exchange(pod.pending, PodPending::None);
    if (left == PodPending::Set) pod.cap = pod.announced;
    if (left == PodPending::Announce) pod.announced = pod.cap;
  }
  world.sort_pods();
}

void crash(World& world) {
  world.pending = Pending::None;
  world.pending_value = 0;
  world.looked = false;
  world.pause_is_ours = false;
  for (Pod& pod : world.pods) pod.pending = PodPending::None;
  world.sort_pods();
}

std::string describe(const World& w) {
  std::string text = "instances " + std::to_string(w.instances) + " pods " +
                     std::to_string(w.app_pods) + " direct " + std::to_string(w.direct) +
                     (w.route == Route::Pooler ? " route pooler" : " route direct") +
                     (w.settled ? "" : " (not settled)") + " max_connections " +
                     std::to_string(w.effective);
  if (w.requested != w.effective) text += " requested " + std::to_string(w.requested);
  if (w.server == Server::Down) text += " DOWN";
  if (w.server == Server::Failing) text += " FAILING";
  if (w.flight == Flight::Remembered) text += " restart remembered";
  if (w.rejected != 0) text += " rejected " + std::to_string(w.rejected);
  if (w.pooler) {
    text += " pool " + std::to_string(w.pool_size) + " boot " + std::to_string(w.boot_cap);
  }
  for (int i = 0; i < w.pod_count; ++i) {
    const Pod& pod = w.pods[static_cast<std::size_t>(i)];
    text += std::string(" [") +
            (pod.terminating ? "terminating "
             : pod.ready     ? ""
                             : "starting ") +
            "cap " + std::to_string(pod.cap) + " announced " + std::to_string(pod.announced) +
            " servers " + std::to_string(pod.servers) + (pod.paused ? " paused" : "") +
            (pod.pending != PodPending::None ? " half-done]" : "]");
  }
  if (w.frozen) text += " frozen";
  if (w.clients) text += " clients";
  if (w.looked) text += " looked";
  if (!w.login_works) text += " logins-fail";
  if (w.retry != Retry::None) text += w.retry == Retry::Later ? " retry-later" : " retry-due";
  if (w.pending != Pending::None) text += " half-done";
  return text;
}

}  // namespace pgrightsizer::model
