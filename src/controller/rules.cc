#include "pgrightsizer/controller/rules.h"

#include "turn/routes.h"

namespace pgrightsizer::controller {

namespace {

transition::RestartPolicy restart_of(api::RestartPolicy policy) {
  switch (policy) {
    case api::RestartPolicy::Auto:
      return transition::RestartPolicy::Auto;
    case api::RestartPolicy::Immediate:
      return transition::RestartPolicy::Immediate;
    case api::RestartPolicy::InWindow:
      return transition::RestartPolicy::InWindow;
    case api::RestartPolicy::Manual:
      return transition::RestartPolicy::Manual;
  }
  return transition::RestartPolicy::Manual;
}

transition::Drain drain_of(api::DrainMode mode) {
  switch (mode) {
    case api::DrainMode::Wait:
      return transition::Drain::Wait;
    case api::DrainMode::TerminateIdle:
      return transition::Drain::TerminateIdle;
    case api::DrainMode::RolloutRestart:
      return transition::Drain::RolloutRestart;
  }
  return transition::Drain::Wait;
}

}  // namespace

transition::Rules rules_of(const api::ConnectionPolicy& policy) {
  const auto& spec = policy.spec;
  const auto& restart = spec.restart;
  transition::Rules rules;
  rules.restart = restart_of(restart.policy);
  rules.restart_now = policy.restart_now;
  rules.min_interval = restart.min_interval;
  rules.max_per_day = restart.max_per_day;
  rules.has_windows = !restart.windows.empty();
  rules.emergency = restart.emergency == api::Emergency::Override ? transition::Emergency::Override
                                                                  : transition::Emergency::Wait;
  rules.long_transactions = restart.long_transactions == api::LongTransactions::Terminate
                                ? transition::LongTransactions::Terminate
                                : transition::LongTransactions::Wait;
  rules.long_transaction = restart.long_transaction;
  rules.switch_route = route_can_switch(policy);
  rules.look_at_sessions = spec.routing.on_incompatible == api::OnIncompatible::Hold;
  rules.drain = drain_of(spec.routing.drain);
  rules.drain_timeout = spec.routing.drain_timeout;
  rules.buffer = spec.sizing.buffer;
  rules.pooler_replicas = spec.sizing.pooler_replicas;
  return rules;
}

}  // namespace pgrightsizer::controller
