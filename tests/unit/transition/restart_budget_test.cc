#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

// A raise that is requested, with direct traffic. 11 instances fit a server of 250, 12 do not.
Sight raise_to(Count instances) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(instances);
  sight.seen.requested = 20 * instances + 50;
  return sight;
}

void restarts_ago(Sight& sight, std::initializer_list<seconds> ages) {
  for (const seconds age : ages) {
    sight.history.restarts.push_back({sight.now - age, 230, 250, milliseconds{4000}});
  }
}

// ── Windows ─────────────────────────────────────────────────────────────────────────────────────

TEST(Windows, AutoUsesOneForWhatIsNotNeededYet) {
  Sight sight = raise_to(11);
  sight.rules.has_windows = true;
  sight.rules.windows = {{sight.now + seconds{60}, sight.now + seconds{120}}};
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_THAT(step.reason, HasSubstr("a window opens"));
  EXPECT_EQ(step.deadline, sight.now + seconds{60});
  sight.now += seconds{60};
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 270));
  sight.now += seconds{60};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending)) << "it closes at its last moment";
}

TEST(Windows, AutoLowersInOne) {
  Sight sight = at_rest_direct(12);
  sight.scale_to(10);
  sight.seen.direct_sessions = sight.seen.direct_capacity = sight.seen.peak_direct_sessions = 200;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.windows = {{sight.now - seconds{1}, sight.now + seconds{1}}};
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
  sight.seen.requested = 250;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 250));
}

TEST(Windows, InWindowWaitsEvenForWhatIsNeeded) {
  Sight sight = raise_to(12);
  sight.rules.restart = RestartPolicy::InWindow;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.windows = {{sight.now, sight.now + seconds{1}}};
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(Windows, InWindowWaitsEvenForWhatCostsNothing) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.pooler->pool_size = 200;
  sight.seen.requested = 250;
  sight.rules.restart = RestartPolicy::InWindow;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.windows = {{sight.now, sight.now + seconds{1}}};
  EXPECT_THAT(sight.next(), Is(StepKind::FreezePooler));
}

TEST(Windows, ARequestPassesThem) {
  Sight sight = raise_to(11);
  sight.rules.restart = RestartPolicy::InWindow;
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
}

TEST(Emergency, SaturationPassesThemOnlyWithOverride) {
  Sight sight = raise_to(12);
  sight.rules.restart = RestartPolicy::InWindow;
  sight.seen.saturated = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.emergency = Emergency::Override;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart));
  sight.seen.saturated = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(Emergency, IsNoReasonToLower) {
  Sight sight = at_rest_direct(12);
  sight.scale_to(10);
  sight.seen.direct_sessions = sight.seen.direct_capacity = sight.seen.peak_direct_sessions = 200;
  sight.rules.restart = RestartPolicy::InWindow;
  sight.rules.emergency = Emergency::Override;
  sight.seen.saturated = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

TEST(Emergency, ManualStaysManual) {
  Sight sight = raise_to(12);
  sight.rules.restart = RestartPolicy::Manual;
  sight.rules.emergency = Emergency::Override;
  sight.seen.saturated = true;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
}

// ── So many a day ───────────────────────────────────────────────────────────────────────────────

TEST(PerDay, TheBudgetOfTheLast24HoursCounts) {
  Sight sight = raise_to(12);
  sight.rules.max_per_day = 3;
  restarts_ago(sight, {hours{25}, hours{20}, hours{2}, hours{1}});
  const Step step = sight.next();
  EXPECT_THAT(step, WaitsFor(Topic::RestartPending));
  EXPECT_THAT(step.reason, HasSubstr("3 within 24 hours, and restart.maxPerDay is 3"));
  EXPECT_EQ(step.deadline, sight.now + hours{4});
  sight.now += hours{4};
  EXPECT_THAT(sight.next(), Is(StepKind::PatchMaxConnections)) << "one is left";
}

TEST(PerDay, TheLastOneGoesAsFarAsDirectTrafficCan) {
  Sight sight = raise_to(12);
  sight.rules.max_per_day = 2;
  restarts_ago(sight, {hours{1}});
  EXPECT_EQ(sight.plan.direct_ceiling, 1030);
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 1030));
  sight.seen.requested = 1030;
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 1030));
  restarts_ago(sight, {seconds{1}});
  sight.seen.effective = 1030;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending)) << "the way down waits";
}

TEST(PerDay, BehindThePoolerTheTiersOwnValueIsEnough) {
  Sight sight = at_rest_pooled(50);
  sight.scale_to(100);
  sight.seen.pooler->pool_size = 200;
  sight.rules.max_per_day = 1;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(PerDay, ARestartThatNeverBeganCostsNothing) {
  Sight sight = raise_to(12);
  sight.rules.max_per_day = 2;
  sight.rules.min_interval = seconds{0};
  sight.history.restarts = {{sight.now - hours{1}, 230, 250, std::nullopt}};
  sight.seen.postmaster_start = sight.now - hours{2};
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(PerDay, AnEmergencyDoesNotPassIt) {
  Sight sight = raise_to(12);
  sight.rules.max_per_day = 1;
  sight.rules.emergency = Emergency::Override;
  sight.seen.saturated = true;
  restarts_ago(sight, {hours{1}});
  EXPECT_THAT(sight.next(), WaitsFor(Topic::RestartPending));
  sight.rules.restart_now = sight.now;
  EXPECT_THAT(sight.next(), Is(StepKind::Restart)) << "a person does";
}

}  // namespace
}  // namespace pgrightsizer::transition
