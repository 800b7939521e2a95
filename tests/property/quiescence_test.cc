// From wherever a disturbed world was left: when it is quiet again, the operator comes to rest, and
// what it rests at is the plan or something that only time or people can change.
#include <set>

#include "check.h"
#include "real_size.h"

namespace pgrightsizer::property {
namespace {

using model::World;
using transition::Rules;
using transition::Step;
using transition::StepKind;
using transition::Topic;

World any_rest() {
  World world;
  world.instances = world.app_pods = *rc::gen::element(1, 10, 49, 60, 120);
  world.effective = world.requested = 70;
  return world;
}

// Any one thing that may happen, the operator's next effect included.
World disturb(const World& world, const Rules& rules) {
  std::vector<World> possible;
  for_each_event(world, kRealSize, {1, 5, 10, 12, 49, 50, 60, 100, 120},
                 [&](const char*, const World& next) { possible.push_back(next); });
  World next = world;
  if (next.busy()) {
    proceed(next);
  } else if (const Step step = next_of(next, rules); acts(step)) {
    begin(next, step);
  }
  // The operator is quick: it acts as often as all the rest together.
  if (possible.empty() || *rc::gen::arbitrary<bool>()) return next;
  return possible[*rc::gen::inRange<std::size_t>(0, possible.size())];
}

// False when it does not come to rest.
bool come_to_rest(World& world, const Rules& rules) {
  for (int i = 0; i < 2000; ++i) {
    while (world.busy()) proceed(world);
    const Step step = next_of(world, rules);
    const World before = world;
    if (acts(step)) begin(world, step);
    if (world == before && !calm_down(world, kRealSize)) return true;
  }
  return false;
}

Rules any_rules() {
  Rules rules = rules_of(kRealSize);
  rules.restart =
      *rc::gen::element(transition::RestartPolicy::Auto, transition::RestartPolicy::Immediate,
                        transition::RestartPolicy::Manual);
  return rules;
}

World disturbed(const Rules& rules) {
  World world = any_rest();
  world.budget = {3, 2, 1, 1, 1, 1};
  const int events = *rc::gen::inRange(0, 150);
  for (int i = 0; i < events; ++i) world = disturb(world, rules);
  return world;
}

void assert_planned(const World& world) {
  const sizing::Plan plan = plan_of(world);
  RC_ASSERT(world.effective == plan.max_connections);
  RC_ASSERT(world.requested == plan.max_connections);
  RC_ASSERT(world.route == plan.route);
  RC_ASSERT(world.pooler == (plan.route == sizing::Route::Pooler));
  RC_ASSERT(world.pod_count == (world.pooler ? 2 : 0));
  for (int i = 0; i < world.pod_count; ++i) {
    RC_ASSERT(world.pods[static_cast<std::size_t>(i)].cap == plan.pool_size / 2);
  }
  if (world.pooler) RC_ASSERT(world.boot_cap == 18);
  RC_ASSERT(excess_at(world, kRealSize, world.effective) <= 0);
}

TEST(Quiescence, AQuietWorldComesToRest) {
  holds("rest is reached, and no wait is one that nothing ends", [] {
    const Rules rules = any_rules();
    World world = disturbed(rules);
    RC_LOG() << describe(world) << "\n";
    RC_ASSERT(come_to_rest(world, rules));
    const Step step = next_of(world, rules);
    RC_LOG() << describe(world) << "\n" << to_string(step.topic) << ": " << step.reason << "\n";
    static const std::set<Topic> ends_by_time_or_people = {
        Topic::RestartPending, Topic::RestartRejected, Topic::PooledLogin, Topic::Database};
    RC_ASSERT(step.kind == StepKind::None || ends_by_time_or_people.contains(step.topic));
    if (step.topic == Topic::PooledLogin) RC_ASSERT(!world.login_works);
  });
}

TEST(Quiescence, WithRestartsAllowedItRestsAtThePlan) {
  holds("what rests is what was planned", [] {
    Rules rules = rules_of(kRealSize);
    rules.restart = transition::RestartPolicy::Immediate;
    World world = disturbed(rules);
    // What would hold it back is over.
    world.login_works = true;
    world.bad = world.rejected = 0;
    if (world.server == model::Server::Failing) world.server = model::Server::Down;
    RC_LOG() << describe(world) << "\n";
    RC_ASSERT(come_to_rest(world, rules));
    RC_LOG() << describe(world) << "\n" << next_of(world, rules).reason << "\n";
    assert_planned(world);
  });
}

}  // namespace
}  // namespace pgrightsizer::property
