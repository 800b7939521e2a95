#include "run.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "api_server.h"
#include "informers.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/controller/reconciler.h"
#include "servers.h"

namespace pgrightsizer::simulation {

namespace {

using transition::StepKind;

constexpr milliseconds kFaultyFor{90'000};
constexpr milliseconds kConvergesWithin{900'000};
constexpr milliseconds kQuietFor{25'000};
constexpr milliseconds kPatience{10'000};

json spec_of(Dice& dice) {
  return {{"workloads", json::array({{{"name", "app"}, {"targetRef", {{"kind", "Deployment"}, {"name", "app"}}},
                                      {"connectionsPerInstance", kConnections}}})},
          {"database",
           {{"provider", "StatefulSet"},
            {"name", "postgres"},
            {"config", {{"configMapName", "config"}}},
            {"adminSecretName", "admin"},
            {"applicationSecrets", json::array({"app"})}}},
          {"sizing", {{"bufferConnections", 20}, {"minConnections", 20}}},
          {"pooler",
           {{"tiers", json::array({{{"instances", 5}, {"poolSize", 12}}, {{"instances", 10}, {"poolSize", 18}}})},
            {"hysteresisInstances", 1},
            {"replicas", kPoolerReplicas}}},
          {"routing", {{"onIncompatible", dice.one_in(2) ? "Hold" : "Move"},
                       {"drain", dice.one_in(2) ? "Wait" : "TerminateIdle"}}},
          {"behavior", {{"scaleDown", {{"stabilizationSeconds", 3}}}}},
          {"restart",
           {{"policy", dice.one_in(3) ? "Auto" : "Immediate"},
            {"maxPauseSeconds", kMaxPauseS},
            {"minIntervalSeconds", kInterval},
            {"maxPerDay", kPerDay}}}};
}

// The operator's process: dies with everything it remembers.
class Operator {
 public:
  Operator(World& world, ApiServer& api, Logger& logger, const controller::Options& options,
           Seen& seen, const InformerFlaws& flaws)
      : client_(api, logger), events_(client_, world.clock, logger, "simulation"),
        reconciler_(client_, stores_, events_, world.clock, logger, options),
        informers(world, api.watches, stores_, seen, flaws) {}

  milliseconds reconcile() {
    const auto outcome = reconciler_.reconcile(std::string(kNamespace) + "/" + kPolicy);
    if (outcome.failed) return milliseconds(500);
    return outcome.requeue_after.count() > 0 ? outcome.requeue_after : milliseconds(10'000);
  }

 private:
  kube::Client client_;
  runtime::EventRecorder events_;
  controller::Stores stores_;
  controller::Reconciler reconciler_;

 public:
  Informers informers;
};

class Run {
 public:
  Run(std::uint64_t seed, const Settings& settings)
      : chance_(seed), world_(chance_.next(), spec_of(chance_)), api_(world_), settings_(settings) {
    api_.reads_from_cache = settings_.reads_from_cache;
    api_.watches.forgets_silently = settings_.forgets_silently;
    options_.connect = connect_to(world_);
    options_.guard_image = "guard";
    options_.decide = [this](const auto& seen, const auto& plan, const auto& rules, const auto& history, auto now) {
      plan_ = plan;
      step_ = settings_.decide ? settings_.decide(seen, plan, rules, history, now)
                               : transition::next_step(seen, plan, rules, history, now);
      if (step_.kind == StepKind::Restart && step_.topic == transition::Topic::Database) rolling_back_ = true;
      if (step_.kind != StepKind::None && step_.kind != StepKind::Wait) ++steps_[transition::to_string(step_.kind)];
      if (settings_.trace)
        std::printf("%8.1f  %s/%s %s\n          %s\n", seconds(), transition::to_string(step_.kind),
                    transition::to_string(step_.topic), step_.reason.c_str(), world_.text().c_str());
      return step_;
    };
  }

  Outcome go() {
    world_.scale(chance_.between(1, 4));
    start();
    live(milliseconds(10'000), false);
    live(kFaultyFor, true);
    converge();
    Outcome out;
    out.violation = world_.violation;
    out.steps = steps_;
    out.faults = world_.fault_counts;
    out.restarts = static_cast<long>(world_.restarts.size());
    out.virtual_seconds = seconds();
    return out;
  }

 private:
  [[nodiscard]] double seconds() const {
    return static_cast<double>((world_.clock.elapsed() - milliseconds(1'000'000)).count()) / 1000;
  }
  void start() {
    operator_ = std::make_unique<Operator>(world_, api_, silent_, options_, seen_, settings_.informers);
    // The workers wait for the informers, but not for ever.
    next_ = world_.clock.elapsed() + kPatience;
    working_ = false;
  }

  void work() {
    operator_->informers.turn();
    const bool synced = operator_->informers.synced();
    if (!synced) alive_since_ = world_.clock.elapsed();
    if (world_.clock.elapsed() < next_ && !(synced && !working_)) return;
    working_ = true;
    try {
      next_ = world_.clock.elapsed() + std::min(operator_->reconcile(), milliseconds(2'000));
    } catch (const Crash&) {
      operator_.reset();
      back_at_ = world_.clock.elapsed() + milliseconds(world_.dice.between(200, world_.dice.one_in(8) ? 40'000 : 3'000));
    }
  }

  // One turn of the operator when it is due, and a little time.
  void turn(bool faulty) {
    if (faulty) api_.watches.misbehave();
    if (!operator_) {
      if (world_.clock.elapsed() >= back_at_) start();
    } else {
      work();
    }
    world_.pass(milliseconds(world_.dice.between(1, 3) * 100));
    if (world_.restarts.size() > checked_) check_restart();
  }

  void live(milliseconds time, bool faulty) {
    world_.faults.on = faulty;
    const auto end = world_.clock.elapsed() + time;
    while (world_.clock.elapsed() < end && world_.violation.empty()) {
      if (faulty && world_.dice.one_in(60)) world_.scale(world_.dice.between(0, 13));
      if (faulty && world_.dice.one_in(300)) world_.db.bad = world_.db.effective + world_.dice.between(1, 10);
      if (faulty && world_.dice.one_in(300)) world_.db.bad.reset();
      if (faulty && world_.dice.one_in(150)) replace_a_pooler();
      if (faulty && world_.dice.one_in(400)) world_.clock.jump(milliseconds(world_.dice.between(-900, 900)));
      turn(faulty);
    }
  }

  void replace_a_pooler() {
    for (auto& pod : world_.poolers)
      if (!pod.terminating && pod.ready) {
        pod.terminating = true;
        pod.change_at = world_.clock.elapsed() + milliseconds(world_.dice.between(500, 20'000));
        return;
      }
  }

  // A server that did not start is put back at once; any other two are apart.
  void check_restart() {
    checked_ = world_.restarts.size();
    const auto& all = world_.restarts;
    if (std::exchange(rolling_back_, false) || world_.db.bad) rolled_back_ = all.size();
    if (all.size() < 2 || rolled_back_ + 1 >= all.size()) return;
    // By the wall clock, as the operator spaces them; it may jump between decision and deletion.
    const auto apart = std::chrono::duration_cast<milliseconds>(all[all.size() - 1] - all[all.size() - 2]);
    if (apart < std::chrono::seconds(kInterval) - milliseconds(1'000))
      world_.violate("two restarts " + std::to_string(apart.count()) + " ms apart");
  }

  // With nothing wrong any more, whoever is there ends a pause long before the guard does.
  void check_pauses() {
    constexpr milliseconds kAtHand{8'000};
    const auto now = world_.clock.elapsed();
    const bool there = operator_ && now - std::max(alive_since_, calm_since_) > kAtHand &&
                       world_.db.state == Server::Up && world_.clock.now() - world_.db.started > kAtHand;
    if (!there) return;
    for (const auto& pod : world_.poolers)
      if (pod.paused && !pod.terminating && now - pod.paused_at > kAtHand)
        world_.violate("an operator leaves a pause to the guard");
  }

  [[nodiscard]] bool as_planned() const {
    if (!operator_ || world_.db.state != Server::Up) return false;
    const bool waits = step_.kind == StepKind::Wait && (step_.topic == transition::Topic::RestartPending ||
                                                       step_.topic == transition::Topic::RestartRejected);
    if (step_.kind != StepKind::None && !waits) return false;
    // A value that did not start once waits for the spec to change, wherever that leaves the route.
    if (plan_.hold || step_.topic == transition::Topic::RestartRejected) return true;
    const bool pooled = plan_.route == sizing::Route::Pooler;
    if (pooled != world_.pooled_route() || !world_.route_settled()) return false;
    int caps = 0;
    for (const auto& pod : world_.poolers) {
      if (pod.paused || pod.terminating) return false;
      caps += pod.cap;
    }
    if (!pooled) return world_.poolers.empty() && (waits || world_.db.effective == plan_.max_connections);
    return waits || (caps == plan_.pool_size && world_.db.effective == plan_.max_connections);
  }

  // Faults have ended: it gets where the plan wants it, and then leaves everything alone.
  void converge() {
    world_.faults.on = false;
    api_.watches.behave();
    calm_since_ = world_.clock.elapsed();
    world_.db.bad.reset();
    if (world_.replicas == 0) world_.scale(3);
    const auto deadline = world_.clock.elapsed() + kConvergesWithin;
    auto since = world_.clock.elapsed();  // it has been at rest ever since
    long writes = 0;
    while (world_.violation.empty()) {
      turn(false);
      // Until the informers have opened their watches again, faults are not over.
      if (operator_ && !operator_->informers.watching()) calm_since_ = world_.clock.elapsed();
      check_pauses();
      if (!as_planned() || writes != api_.writes) {
        since = world_.clock.elapsed();
        writes = api_.writes;
      } else if (world_.clock.elapsed() - since >= kQuietFor && operator_->informers.difference().empty()) {
        return;
      }
      if (world_.clock.elapsed() <= deadline) continue;
      if (const auto difference = operator_ ? operator_->informers.difference() : ""; !difference.empty())
        world_.violate("the stores do not become what the API server has: " + difference);
      else
        world_.violate("it does not come to rest: " + std::string(transition::to_string(step_.kind)) + "/" +
                       transition::to_string(step_.topic) + " " + step_.reason);
    }
  }

  Dice chance_;
  World world_;
  ApiServer api_;
  const Settings& settings_;
  Seen seen_;
  NullLogger silent_;
  controller::Options options_;
  std::unique_ptr<Operator> operator_;
  milliseconds next_{0};
  bool working_ = false;  // it has reconciled
  milliseconds back_at_{0};
  milliseconds alive_since_{0};
  milliseconds calm_since_{0};  // the last fault is over
  std::size_t checked_ = 0;
  bool rolling_back_ = false;
  std::size_t rolled_back_ = 0;  // restarts so far when a start failed last
  sizing::Plan plan_;
  transition::Step step_;
  std::map<std::string, long> steps_;
};

}  // namespace

Outcome run(std::uint64_t seed, const Settings& settings) { return Run(seed, settings).go(); }

}  // namespace pgrightsizer::simulation
