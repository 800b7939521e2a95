#include "world.h"

#include <algorithm>

namespace pgrightsizer::replay {

namespace {

using sizing::Route;
using transition::Observation;
using transition::PoolerPod;
using transition::Step;
using transition::StepKind;

constexpr Count kReserved = 3;  // superuser_reserved_connections, PostgreSQL's default
constexpr transition::milliseconds kRestart{3'000};
constexpr std::size_t kRestartsKept = 64;

}  // namespace

World::World(const Policy& policy, Time start, Count max_connections)
    : policy_(policy),
      effective_(max_connections),
      requested_(max_connections),
      postmaster_start_(start - transition::seconds{1}) {}

Count World::usable() const { return effective_ - kReserved; }

Observation World::observe() const {
  Observation seen;
  seen.database_up = true;
  seen.effective = effective_;
  seen.reserved = kReserved;
  seen.requested = requested_;
  seen.postmaster_start = postmaster_start_;
  seen.checkpointed = true;
  seen.direct_capacity = demand_;
  const bool direct = route_ == Route::Direct;
  seen.direct_sessions = direct ? std::min(demand_, usable() - sizing::kOthersFloor) : 0;
  seen.peak_direct_sessions = seen.direct_sessions;
  seen.route = route_;
  seen.looks_without_direct = direct ? 0 : 3;
  seen.pooler = pooler_;
  seen.pods = pods_;
  for (PoolerPod& pod : seen.pods) pod.paused = pod.held = paused_;
  seen.pause_is_ours = paused_;
  seen.logins_past_pooler = 2;
  seen.direct_login = seen.pooled_login = transition::Login::Ok;
  return seen;
}

void World::settle(Time now) {
  history_ = transition::settle(std::move(history_), observe(), policy_.rules, now);
}

void World::restart(const Step& step, Time now, Report& report) {
  report.restarts.push_back({now, effective_, step.value, route_ == Route::Pooler, step.reason});
  effective_ = requested_;
  postmaster_start_ = now + transition::seconds{1};
  history_.restarts.push_back({now, step.old_value, step.value, kRestart});
  if (history_.restarts.size() > kRestartsKept) history_.restarts.erase(history_.restarts.begin());
}

void World::apply_pooler(const Step& step) {
  const Count replicas = policy_.rules.pooler_replicas;
  pooler_ = transition::Pooler{.pool_size = step.pool_size,
                               .boot_cap = step.boot_cap,
                               .unseen_cap = step.boot_cap,
                               .max_clients = step.max_clients,
                               .replicas = replicas};
  while (static_cast<Count>(pods_.size()) < replicas) {
    PoolerPod pod;
    pod.name = "pooler-" + std::to_string(pods_.size());
    pod.ready = pod.console = true;
    pod.cap = pod.announced = step.boot_cap;
    pods_.push_back(pod);
  }
}

void World::move(Route route, Time now, Report& report) {
  route_ = route;
  report.moves.push_back({now, route});
}

void World::execute(const Step& step, Time now, Report& report) {
  switch (step.kind) {
    case StepKind::PatchMaxConnections:
    case StepKind::RestoreMaxConnections: requested_ = step.value; break;
    case StepKind::Restart: restart(step, now, report); break;
    case StepKind::ApplyPooler: apply_pooler(step); break;
    case StepKind::SetCap:
      for (PoolerPod& pod : pods_)
        if (pod.name == step.pod) pod.cap = pod.announced = step.value;
      break;
    case StepKind::SwitchToPooler: move(Route::Pooler, now, report); break;
    case StepKind::SwitchToDirect:
    case StepKind::TurnBack: move(Route::Direct, now, report); break;
    case StepKind::RemovePooler:
      pooler_.reset();
      pods_.clear();
      break;
    case StepKind::FreezePooler:
    case StepKind::ThawPooler:
      if (pooler_) pooler_->frozen = step.kind == StepKind::FreezePooler;
      break;
    case StepKind::Pause: paused_ = true; break;
    case StepKind::Resume: paused_ = false; break;
    case StepKind::None:
    case StepKind::Wait:
    case StepKind::Checkpoint:
    case StepKind::EndTransactions:
    case StepKind::Reconnect:
    case StepKind::DrainDirect:
    case StepKind::DrainPooled:
    case StepKind::SetRoleLimit:
    case StepKind::PinStandby:
    case StepKind::RestartStandby:
    case StepKind::CheckpointStandby:
    case StepKind::WriteFile:
    case StepKind::ResetInstance: break;
  }
}

}  // namespace pgrightsizer::replay
