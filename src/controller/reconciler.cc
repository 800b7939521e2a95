#include "pgrightsizer/controller/reconciler.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "execute.h"
#include "memory.h"
#include "observe.h"
#include "pace.h"
#include "report.h"
#include "routing.h"

namespace pgrightsizer::controller {

namespace {

using std::chrono::milliseconds;
using transition::Step;
using transition::StepKind;
using transition::Topic;

transition::RestartPolicy policy_of(api::RestartPolicy policy) {
  switch (policy) {
    case api::RestartPolicy::Auto: return transition::RestartPolicy::Auto;
    case api::RestartPolicy::Immediate: return transition::RestartPolicy::Immediate;
    case api::RestartPolicy::InWindow: return transition::RestartPolicy::InWindow;
    case api::RestartPolicy::Manual: return transition::RestartPolicy::Manual;
  }
  return transition::RestartPolicy::Manual;
}

transition::Rules rules_of(const api::ConnectionPolicy& policy) {
  transition::Rules rules;
  const auto& spec = policy.spec;
  rules.restart = policy_of(spec.restart.policy);
  rules.restart_now = policy.restart_now;
  rules.min_interval = spec.restart.min_interval;
  rules.switch_route = route_can_switch(policy);
  rules.drain = spec.routing.drain == api::DrainMode::TerminateIdle     ? transition::Drain::TerminateIdle
                : spec.routing.drain == api::DrainMode::RolloutRestart ? transition::Drain::RolloutRestart
                                                                       : transition::Drain::Wait;
  rules.drain_timeout = spec.routing.drain_timeout;
  rules.buffer = spec.sizing.buffer;
  rules.pooler_replicas = spec.sizing.pooler_replicas;
  return rules;
}

bool draining(const Step& step) {
  return step.topic == Topic::DirectDraining || step.topic == Topic::PooledDraining;
}

// What only a person can mend; anything else is tried again and may never be noticed.
std::optional<Memory::Refusal> refusal_of(const Result<void>& done) {
  if (done) return std::nullopt;
  const auto& error = done.error();
  if (error.kind == ErrorKind::Forbidden) return Memory::Refusal{"Forbidden", error.message()};
  if (error.kind == ErrorKind::Invalid) return Memory::Refusal{"WriteRefused", error.message()};
  return std::nullopt;
}

// The objects that applications use, the poolers' users, then the one step.
Result<void> act(const Turn& turn, const Step& step, api::Status& status) {
  Front front;
  front.exists = turn.facts.front_exists;
  front.route = turn.facts.seen.route;
  if (auto done = ensure_routing(turn.sight.client, turn.policy, turn.facts.logins, turn.facts.plan, front);
      !done)
    return done;
  if (auto more = refresh_users(turn); !more) return fail(more.error());
  if (step.kind != StepKind::None && step.kind != StepKind::Wait)
    turn.sight.logger.info(step.reason, {{"policy", turn.policy.key()},
                                         {"step", transition::to_string(step.kind)},
                                         {"pod", step.pod},
                                         {"from", std::to_string(step.old_value)},
                                         {"to", std::to_string(step.value)}});
  return execute(turn, step, status);
}

}  // namespace

Reconciler::Reconciler(kube::Client& client, const Stores& stores, runtime::EventRecorder& events,
                       const Clock& clock, Logger& logger, Options options)
    : client_(client),
      stores_(stores),
      events_(events),
      clock_(clock),
      logger_(logger),
      options_(std::move(options)) {}

Reconciler::~Reconciler() = default;

std::shared_ptr<Memory> Reconciler::memory_of(const std::string& key) {
  std::scoped_lock lock(mutex_);
  auto& memory = memories_[key];
  if (!memory) memory = std::make_shared<Memory>();
  return memory;
}

void Reconciler::forget(const std::string& key) {
  std::scoped_lock lock(mutex_);
  memories_.erase(key);
}

Reconciler::Outcome Reconciler::reconcile(const std::string& key) {
  const auto text = stores_.policies.get(key);
  if (!text) {
    // Deleted: what runs stays as it is, and nothing of it is remembered.
    forget(key);
    return {};
  }
  const auto object = nlohmann::json::parse(*text, nullptr, false);
  auto policy = api::parse(object);
  const auto metadata = policy ? *policy : api::parse_metadata(object);
  if (metadata.deleting) return {};
  const auto memory = memory_of(key);
  if (memory->uid != metadata.uid) {
    *memory = Memory{};
    memory->uid = metadata.uid;
  }

  if (!memory->status) memory->status = metadata.status;

  const Sight sight{client_, stores_, clock_, logger_, options_};
  Facts facts;
  const Turn turn{sight, metadata, *memory, facts, events_};
  const api::Status before = memory->status.value_or(metadata.status);
  if (!policy) {
    if (memory->told.insert("invalid/" + std::to_string(metadata.generation)).second)
      tell(turn, "InvalidSpec", "Parse", policy.error().message(), true);
    const auto done = write_status(turn, invalid_status(metadata, policy.error(), before, clock_.now()));
    return {milliseconds(0), !done};
  }

  facts = observe(sight, *policy, *memory);
  api::Status status = before;
  auto history = history_of(status);
  history.put_back = memory->request.put_back;
  history = transition::settle(std::move(history), facts.seen);
  set_history(status, history);
  const bool acting = policy->spec.mode == api::Mode::Apply && !policy->spec.suspend;
  const bool may_act = acting && !facts.blocked();
  const Step step =
      transition::next_step(facts.seen, facts.plan, rules_of(*policy), history, clock_.now());
  if (draining(step) && !status.drain_since) status.drain_since = clock_.now();

  status = build_status(turn, step, status);
  tell_changes(turn, before, status);
  Result<void> done = report(turn, step, status);
  const bool was_refused = memory->refusal.has_value();
  if (!may_act) memory->refusal.reset();
  if (done && may_act) {
    done = act(turn, step, status);
    memory->refusal = refusal_of(done);
  }
  if (!done) {
    const bool conflict = done.error().kind == ErrorKind::Conflict;
    logger_.write(conflict ? LogLevel::Info : LogLevel::Warning, done.error().message(),
                  {{"policy", key}, {"step", transition::to_string(step.kind)}});
    return {milliseconds(0), true};
  }
  if (was_refused) return {milliseconds(50), false};  // say that it is over
  if (!may_act) return {options_.resync, false};
  const Pace pace{status.route == "Moving", facts.stabilizing, options_.resync, options_.transition};
  return {until_next(step, pace, clock_.now()), false};
}

}  // namespace pgrightsizer::controller
