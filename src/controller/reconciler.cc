#include "pgrightsizer/controller/reconciler.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "execute/execute.h"
#include "execute/finalizer.h"
#include "execute/pooler.h"
#include "execute/reread.h"
#include "execute/role.h"
#include "execute/routing.h"
#include "execute/users.h"
#include "observe/observe.h"
#include "pace.h"
#include "pgrightsizer/controller/rules.h"
#include "report/events.h"
#include "report/gauges.h"
#include "report/history.h"
#include "report/report.h"
#include "report/status.h"
#include "turn/routes.h"
#include "turn/turn.h"

namespace pgrightsizer::controller {

namespace {

using std::chrono::milliseconds;
using transition::Step;
using transition::StepKind;
using transition::Topic;

// What the application's role may hold while direct; absent when it is not to be limited.
std::optional<transition::Count> role_limit_wanted(const api::ConnectionPolicy& policy,
                                                   const Facts& facts) {
  if (policy.spec.sizing.enforce != sizing::Enforce::RoleConnectionLimit) return std::nullopt;
  return sizing::saturating_add(
      sizing::surge_demand(facts.workloads, policy.spec.sizing.environment),
      sizing::kRoleLimitSpare);
}

// With what was observed.
transition::Rules rules_now(const api::ConnectionPolicy& policy, const Facts& facts) {
  auto rules = rules_of(policy);
  rules.windows = facts.windows;
  rules.role_limit = role_limit_wanted(policy, facts);
  return rules;
}

bool draining(const Step& step) {
  return step.topic == Topic::DirectDraining || step.topic == Topic::PooledDraining;
}

// A pause and a freeze are ours, and are taken back whatever the policy says meanwhile.
bool undoes_our_own(const Step& step) {
  return step.kind == StepKind::Resume || step.kind == StepKind::ThawPooler;
}

// What only a person can mend; anything else is tried again and may never be noticed.
std::optional<Memory::Refusal> refusal_of(const Result<void>& done) {
  if (done) return std::nullopt;
  const auto& error = done.error();
  if (error.kind == ErrorKind::Forbidden) return Memory::Refusal{kForbidden, error.message()};
  if (error.kind == ErrorKind::Invalid) return Memory::Refusal{kWriteRefused, error.message()};
  return std::nullopt;
}

bool about_a_restart(const Step& step) {
  return step.topic == Topic::RestartPending || step.topic == Topic::Checkpoint ||
         step.topic == Topic::PauseHeldUp || step.topic == Topic::Paused || undoes_our_own(step);
}

// That of a restart is told until one goes through, whatever does on the way there.
void remember_refusal(Memory& memory, std::optional<Memory::Refusal> refusal, const Step& step) {
  if (!refusal && memory.restart.refusals > 0 && about_a_restart(step)) return;
  memory.refusal = std::move(refusal);
}

// A step that makes a pooler writes all of it anew.
bool must_sweep(const Turn& turn, StepKind step) {
  return turn.facts.pooler_gone && !turn.memory.pooler_swept && step != StepKind::ApplyPooler;
}

// A policy that is being deleted goes when there is nothing left to take back, or nobody who may.
// Absent while there is something to do; a policy that is not being deleted gets the finalizer it
// needs.
std::optional<Reconciler::Outcome> let_go_of(const Turn& turn, bool acting, api::Status status) {
  auto& client = turn.sight.client;
  const auto& policy = turn.policy;
  const auto outcome = [&](const Result<void>& done) {
    if (done) return Reconciler::Outcome{};
    const auto why = done.error().message();
    turn.sight.logger.warning(why, {{"policy", policy.key()}});
    // Of what passes by itself, as a conflict does, nobody needs to hear.
    if (policy.deleting && done.error().kind != ErrorKind::Conflict &&
        turn.memory.told.insert("deletion").second)
      tell(turn, kDeletionWaits, "Unwind",
           why + "; until then the policy stays; to let it go without that, remove its finalizer " +
               api::kFinalizer);
    return Reconciler::Outcome{milliseconds(0), true};
  };
  if (!policy.deleting) {
    if (!acting || needs_finalizer(policy, status) == policy.has_finalizer()) return std::nullopt;
    if (auto set = set_finalizer(client, policy, !policy.has_finalizer()); !set) return outcome(set);
    return std::nullopt;
  }
  const auto terminating = namespace_is_terminating(client, policy.name_space);
  if (!terminating) return outcome(fail(terminating.error()));
  const bool unwind = policy.spec.deletion == api::DeletionPolicy::Unwind;
  if (acting && !*terminating && unwind && !unwound(turn.facts)) return std::nullopt;
  if (acting && !*terminating && unwind && must_sweep(turn, StepKind::None))
    if (auto swept = sweep_pooler(turn); !swept) return outcome(swept);
  if (acting && !*terminating && unwind)
    if (auto removed = remove_routing(client, policy); !removed) return outcome(removed);
  // A database that is gone has no role to restore.
  if (acting && !*terminating && !turn.facts.database.host.empty())
    if (auto restored = restore_role(turn, status); !restored) return outcome(restored);
  return outcome(set_finalizer(client, policy, false));
}

// The objects that applications use, the poolers' users, then the one step.
Result<void> act(const Turn& turn, const Step& step, api::Status& status) {
  // An External host name cannot be put behind the front Service: that leads to the pooler always.
  const auto route = route_can_switch(turn.policy) ? turn.facts.seen.route : transition::Route::Pooler;
  if (auto done = ensure_routing(turn.sight.client, turn.policy, turn.facts, route); !done)
    return done;
  if (auto done = refresh_users(turn); !done) return done;
  if (must_sweep(turn, step.kind))
    if (auto swept = sweep_pooler(turn); !swept) return swept;
  // A role that cannot be reached now must not hold up the step that brings PostgreSQL back.
  if (role_is_left_over(turn.policy, turn.facts, status))
    if (auto restored = restore_role(turn, status); !restored)
      turn.sight.logger.warning(restored.error().message(), {{"policy", turn.policy.key()}});
  if (step.kind != StepKind::None && step.kind != StepKind::Wait)
    turn.sight.logger.info(step.reason, {{"policy", turn.policy.key()},
                                         {"step", transition::to_string(step.kind)},
                                         {"pod", step.pod},
                                         {"from", std::to_string(step.old_value)},
                                         {"to", std::to_string(step.value)}});
  if (cannot_be_taken_back(step))
    if (auto same = reread(turn); !same) return same;
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
  // Ends sessions and logs that are read, which the others need not wait for.
  std::shared_ptr<Memory> gone;
  std::scoped_lock lock(mutex_);
  const auto found = memories_.find(key);
  if (found == memories_.end()) return;
  gone = std::move(found->second);
  memories_.erase(found);
}

Reconciler::Outcome Reconciler::reconcile(const std::string& key) {
  const auto text = stores_.policies.get(key);
  if (!text) {
    // Deleted: what runs stays as it is, and nothing of it is remembered.
    forget(key);
    const auto slash = key.find('/');
    unpublish(*options_.metrics, key.substr(0, slash), key.substr(slash + 1));
    return {};
  }
  const auto object = nlohmann::json::parse(*text, nullptr, false);
  auto policy = api::parse(object);
  const auto metadata = policy ? *policy : api::parse_metadata(object);
  if (metadata.deleting && !metadata.has_finalizer()) return {};
  const auto memory = memory_of(key);
  if (memory->uid != metadata.uid) {
    *memory = Memory{};
    memory->uid = metadata.uid;
  }
  if (!memory->status) {
    // Another process may have written it a moment ago, and the store not have heard of it yet.
    const auto live = client_.get({kube::resources::kConnectionPolicy, metadata.name_space, metadata.name});
    if (!live) {
      logger_.warning(live.error().message(), {{"policy", key}});
      return {milliseconds(0), true};
    }
    const auto read = api::parse_metadata(*live);
    if (read.uid != metadata.uid) return {milliseconds(0), true};  // another by now: the store will tell
    memory->status = read.status;
  }

  const Sight sight{client_, stores_, clock_, logger_, options_};
  if (!policy) return refuse(sight, metadata, *memory, policy.error());
  if (policy->deleting) policy = unwinding(*std::move(policy));
  return turn(sight, *policy, *memory);
}

Reconciler::Outcome Reconciler::refuse(const Sight& sight, const api::ConnectionPolicy& metadata,
                                       Memory& memory, const Error& error) {
  const Facts nothing;
  const Turn turn{sight, metadata, memory, nothing, events_};
  if (memory.told.insert("invalid/" + std::to_string(metadata.generation)).second)
    tell(turn, kInvalidSpec, "Parse", error.message());
  // Nobody can tell what to take back: a policy that makes no sense does not hold up its deletion.
  if (metadata.deleting) return {milliseconds(0), !set_finalizer(client_, metadata, false)};
  const api::Status before = memory.status.value_or(metadata.status);
  const api::Status status = invalid_status(metadata, error, before, clock_.now());
  publish(*options_.metrics, metadata, before, status, {});
  return {milliseconds(0), !write_status(turn, status)};
}

Reconciler::Outcome Reconciler::turn(const Sight& sight, const api::ConnectionPolicy& policy,
                                     Memory& memory) {
  Facts facts = observe(sight, policy, memory);
  const Turn turn{sight, policy, memory, facts, events_};
  const api::Status before = memory.status.value_or(policy.status);
  const bool acting = policy.spec.mode == api::Mode::Apply && !policy.spec.suspend;
  if (const auto let_go = let_go_of(turn, acting, before)) return *let_go;

  api::Status status = before;
  auto history = history_of(status);
  history.put_back = memory.request.put_back;
  const auto rules = rules_now(policy, facts);
  const auto now = clock_.now();
  history = transition::settle(std::move(history), facts.seen, rules, now);
  set_history(status, history);
  const bool free_to_act = acting && !facts.blocked();
  // Who may not restart ends a pause instead of using it.
  if (!free_to_act) facts.seen.pause_is_ours = false;
  const Step step = options_.decide(facts.seen, facts.plan, rules, history, now);
  const bool may_act = free_to_act || undoes_our_own(step);
  if (draining(step) && !status.drain_since) status.drain_since = now;

  status = build_status(turn, step, status);
  tell_changes(turn, before, status);
  publish(*options_.metrics, policy, before, status, facts.saturation);
  count_errors(*options_.metrics, policy, facts.errors.fresh);
  Result<void> done = report(turn, step, status);
  const bool was_refused = memory.refusal.has_value();
  if (!may_act) memory.refusal.reset();
  if (done && may_act) {
    done = free_to_act ? act(turn, step, status) : execute(turn, step, status);
    remember_refusal(memory, refusal_of(done), step);
    if (step.kind != StepKind::None && step.kind != StepKind::Wait)
      count_step(*options_.metrics, policy, transition::to_string(step.kind), done.has_value(),
                 before, status);
  }
  if (!done) {
    const bool conflict = done.error().kind == ErrorKind::Conflict;
    logger_.write(conflict ? LogLevel::Info : LogLevel::Warning, done.error().message(),
                  {{"policy", policy.key()}, {"step", transition::to_string(step.kind)}});
    return {milliseconds(0), true};
  }
  if (was_refused && !memory.refusal) return {milliseconds(50), false};  // say that it is over
  const auto rest = std::min<milliseconds>(options_.resync, policy.spec.saturation.sample);
  if (!may_act) return {rest, false};
  const Pace pace{status.route == "Moving", facts.stabilizing, rest, options_.transition};
  return {until_next(step, pace, clock_.now()), false};
}

}  // namespace pgrightsizer::controller
