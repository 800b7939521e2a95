// Any observation at all, consistent or not: no step may make the invariant worse, as far as the
// observation tells.
#include <algorithm>

#include "check.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::property {
namespace {

using namespace transition;  // NOLINT: the module under test

Login any_login() {
  return *rc::gen::element(Login::Unknown, Login::Ok, Login::ServerFull, Login::Failing);
}

PoolerPod any_pod(int index) {
  PoolerPod pod;
  pod.name = std::string(1, static_cast<char>('a' + index));
  pod.terminating = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  pod.ready = !pod.terminating && *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  pod.console = pod.ready && *rc::gen::weightedElement<bool>({{9, true}, {1, false}});
  pod.cap = *rc::gen::inRange<Count>(2, 120);
  pod.announced = *rc::gen::oneOf(rc::gen::just(pod.cap), rc::gen::inRange<Count>(0, 120));
  pod.servers = *rc::gen::inRange<Count>(0, 120);
  pod.clients = *rc::gen::element<Count>(0, 0, 50);
  return pod;
}

Observation any_observation(Time now) {
  Observation seen;
  seen.database_up = true;
  seen.reserved = *rc::gen::inRange<Count>(0, 10);
  seen.effective = *rc::gen::inRange<Count>(50, 1200);
  seen.requested =
      *rc::gen::oneOf(rc::gen::just(seen.effective), rc::gen::inRange<Count>(50, 1200));
  seen.postmaster_start = now - seconds{10'000};
  seen.operator_restarts = *rc::gen::arbitrary<bool>();
  seen.direct_capacity = *rc::gen::element<Count>(0, 100, 200, 400, 800, 1000);
  seen.direct_sessions = *rc::gen::oneOf(rc::gen::just<Count>(0), rc::gen::inRange<Count>(0, 1000));
  seen.peak_direct_sessions = seen.direct_sessions;
  seen.others = *rc::gen::inRange<Count>(0, 40);
  seen.route = *rc::gen::element(Route::Direct, Route::Pooler);
  seen.route_settled = *rc::gen::arbitrary<bool>();
  seen.looks_without_direct = seen.direct_sessions == 0 ? *rc::gen::element(0, 3) : 0;
  if (*rc::gen::weightedElement<bool>({{4, true}, {1, false}})) {
    Pooler pooler;
    pooler.pool_size = *rc::gen::element<Count>(100, 150, 200);
    pooler.boot_cap = *rc::gen::inRange<Count>(2, 20);
    pooler.max_clients = 10'000;
    pooler.replicas = 2;
    pooler.current = *rc::gen::weightedElement<bool>({{5, true}, {1, false}});
    seen.pooler = pooler;
  }
  const int pods = *rc::gen::inRange(0, 5);
  for (int i = 0; i < pods; ++i) seen.pods.push_back(any_pod(i));
  seen.direct_login = any_login();
  seen.pooled_login = any_login();
  if (seen.pooled_login == Login::Failing) {
    seen.pooled_login_failing_since = now - seconds{*rc::gen::inRange(0, 60)};
  }
  seen.stabilized = *rc::gen::arbitrary<bool>();
  return seen;
}

struct Case {
  Time now{seconds{1'000'000}};
  Observation seen = any_observation(now);
  sizing::Plan plan;
  Rules rules;
  History history;

  Case() {
    sizing::Workload workload;
    workload.name = "api";
    workload.replicas = *rc::gen::inRange<Count>(0, 130);
    sizing::Settings settings;
    settings.provision = *rc::gen::element(sizing::Provision::Auto, sizing::Provision::Always);
    plan = sizing::plan({workload}, settings, *rc::gen::inRange(0, 3));
    rules.restart =
        *rc::gen::element(RestartPolicy::Auto, RestartPolicy::Immediate, RestartPolicy::Manual);
    rules.drain = *rc::gen::element(Drain::Wait, Drain::TerminateIdle, Drain::RolloutRestart);
    if (*rc::gen::arbitrary<bool>()) rules.restart_now = now;
    if (*rc::gen::arbitrary<bool>()) {
      history.retry_at = now + seconds{*rc::gen::inRange(-100, 100)};
      history.turned_back_since = now - seconds{400};
    }
    if (*rc::gen::weightedElement<bool>({{1, true}, {4, false}})) {
      history.rejected = Rejected{*rc::gen::inRange<Count>(50, 1200), "memory"};
    }
  }
  [[nodiscard]] Step next() const { return next_step(seen, plan, rules, history, now); }
};

// The observation as it would be when the step has been done and nothing else has happened.
Observation after(Observation seen, const Step& step) {
  switch (step.kind) {
    case StepKind::PatchMaxConnections:
      seen.requested = step.value;
      break;
    case StepKind::Checkpoint:
      seen.checkpointing = true;
      break;
    case StepKind::Restart:
      seen.effective = seen.requested;
      break;
    case StepKind::SetCap:
      for (PoolerPod& pod : seen.pods)
        if (pod.name == step.pod) pod.cap = pod.announced = step.value;
      break;
    case StepKind::ApplyPooler: {
      Pooler pooler;
      pooler.pool_size = step.pool_size;
      pooler.boot_cap = step.boot_cap;
      pooler.max_clients = step.max_clients;
      pooler.replicas = 2;
      seen.pooler = pooler;
      break;
    }
    case StepKind::SwitchToPooler:
      seen.route = Route::Pooler;
      seen.route_settled = false;
      break;
    case StepKind::SwitchToDirect:
    case StepKind::TurnBack:
      seen.route = Route::Direct;
      seen.route_settled = false;
      break;
    case StepKind::RemovePooler:
      seen.pooler.reset();
      for (PoolerPod& pod : seen.pods) pod.terminating = true;
      break;
    default:
      break;
  }
  return seen;
}

void say_case(const Case& one, const Step& step) {
  RC_LOG() << to_string(step.kind) << "/" << to_string(step.topic) << " " << step.reason
           << "\nbefore: " << one.seen.direct_sessions << " direct, capacity "
           << one.seen.direct_capacity << ", effective " << one.seen.effective << ", pooled "
           << one.seen.pooled_room() << ", replacements " << one.seen.replacement_room()
           << ", excess " << excess(one.seen) << "\n";
}

TEST(StepProperty, NoStepRaisesTheExcess) {
  holds("excess does not rise", [] {
    const Case one;
    const Step step = one.next();
    say_case(one, step);
    const Observation then = after(one.seen, step);
    RC_ASSERT(excess(then) <= std::max(Count{0}, excess(one.seen)));
  });
}

TEST(StepProperty, ASmallerServerIsRequestedOnlyWhenEverythingPromisedFits) {
  holds("lowering cuts nobody off", [] {
    const Case one;
    const Step step = one.next();
    // Rare: hence the many cases that CMakeLists.txt asks for.
    if (step.kind != StepKind::PatchMaxConnections || step.value >= one.seen.effective) return;
    say_case(one, step);
    Observation then = one.seen;
    then.effective = step.value;
    RC_ASSERT(excess(then) <= 0);
    RC_ASSERT(then.direct_sessions + then.others <= then.usable());
    RC_ASSERT(step.value > one.seen.reserved);
  });
}

TEST(StepProperty, ARejectedValueIsNeverRequestedNorRestarted) {
  holds("rejected stays rejected", [] {
    const Case one;
    if (!one.history.rejected || one.seen.effective == one.history.rejected->value) return;
    const Step step = one.next();
    const bool requests =
        step.kind == StepKind::PatchMaxConnections || step.kind == StepKind::Restart;
    RC_ASSERT(!requests || step.value != one.history.rejected->value);
  });
}

TEST(StepProperty, CapsAreNeverBelowTwoAndBootCapsNeverAboveTheShare) {
  holds("caps", [] {
    const Case one;
    const Step step = one.next();
    if (step.kind == StepKind::SetCap) RC_ASSERT(step.value >= sizing::kMinimumCap);
    if (step.kind != StepKind::ApplyPooler) return;
    RC_ASSERT(step.boot_cap >= sizing::kMinimumCap);
    RC_ASSERT(step.boot_cap <= sizing::pool_share(step.pool_size, 2));
    RC_ASSERT(step.max_clients >= 10'000);
  });
}

TEST(StepProperty, ADoneStepIsNotRepeated) {
  holds("each step changes what is decided next", [] {
    const Case one;
    const Step step = one.next();
    const bool acts = step.kind != StepKind::None && step.kind != StepKind::Wait;
    const bool repeatable = step.kind == StepKind::Reconnect ||
                            step.kind == StepKind::DrainDirect ||
                            step.kind == StepKind::DrainPooled;
    RC_PRE(acts && !repeatable);
    Case then = one;
    then.seen = after(one.seen, step);
    if (step.kind == StepKind::TurnBack) then.history.retry_at = step.deadline;
    const Step next = then.next();
    say_case(one, step);
    RC_ASSERT(next.kind != step.kind || next.pod != step.pod || next.value != step.value ||
              next.boot_cap != step.boot_cap || next.pool_size != step.pool_size);
  });
}

TEST(StepProperty, EveryStepAndEveryWaitSaysWhy) {
  holds("reasons", [] {
    const Case one;
    const Step step = one.next();
    RC_ASSERT(step.kind == StepKind::None || !step.reason.empty());
    RC_ASSERT(step.kind != StepKind::Wait || step.topic != Topic::None);
  });
}

}  // namespace
}  // namespace pgrightsizer::property
