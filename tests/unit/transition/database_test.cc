#include "sights.h"

namespace pgrightsizer::transition {
namespace {

using testing::HasSubstr;

Sight down() {
  Sight sight = at_rest_direct(10);
  sight.scale_to(12);
  sight.seen.requested = 290;
  sight.seen.database_up = false;
  sight.seen.postmaster_start.reset();
  sight.history.restarts = {{sight.now - seconds{5}, 250, 290, std::nullopt}};
  return sight;
}

TEST(Database, ThatCannotBeReachedStopsEverything) {
  Sight sight = at_rest_direct(10);
  sight.scale_to(50);
  sight.seen.database_up = false;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
}

TEST(Database, WhoseSizeWasNeverSeenStopsEverything) {
  Sight sight = at_rest_direct(10);
  sight.seen.effective = 0;
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
}

TEST(Database, ARestartInFlightIsWaitedFor) {
  EXPECT_THAT(down().next(), WaitsFor(Topic::Database));
}

TEST(Database, AServerThatHasNotStoppedYetIsWaitedFor) {
  Sight sight = down();
  sight.seen.database_up = true;
  sight.seen.postmaster_start = sight.now - seconds{1000};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
}

TEST(Database, ARestartThatWasRememberedButNeverBegunIsDecidedAnew) {
  Sight sight = down();
  sight.seen.database_up = true;
  sight.seen.postmaster_start = sight.now - seconds{1000};
  sight.now += seconds{30};
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
  sight.scale_to(10);
  sight.seen.direct_capacity = 200;
  EXPECT_THAT(sight.next(), Does(StepKind::PatchMaxConnections, 250));
}

TEST(Database, ARestartIsDecidedAnewNoSoonerThanItsDeletionMustBeKnown) {
  Sight sight = down();
  sight.seen.database_up = true;
  sight.seen.postmaster_start = sight.now - seconds{1000};
  sight.now = sight.history.restarts.back().time + seconds{3};
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
  sight.rules.deletion_grace = seconds{3};
  EXPECT_THAT(sight.next(), Does(StepKind::Restart, 290));
}

TEST(FailedStart, RestoresTheValueThatRanBefore) {
  Sight sight = down();
  sight.seen.start_failure = "could not map anonymous shared memory";
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::RestoreMaxConnections, 250));
  EXPECT_EQ(step.old_value, 290);
  EXPECT_THAT(step.reason, HasSubstr("could not map anonymous shared memory"));
}

TEST(FailedStart, RestartsWithTheRestoredValueWhateverTheInterval) {
  Sight sight = down();
  sight.seen.start_failure = "memory";
  sight.seen.requested = 250;
  sight.rules.restart = RestartPolicy::Manual;
  const Step step = sight.next();
  EXPECT_THAT(step, Does(StepKind::Restart, 250));
  EXPECT_EQ(step.old_value, 250);
}

TEST(FailedStart, DoesNotLoopWhenTheRestoredValueDoesNotStartEither) {
  Sight sight = down();
  sight.seen.start_failure = "the disk is full";
  sight.seen.requested = 250;
  sight.history.restarts.push_back({sight.now - seconds{1}, 250, 250, std::nullopt});
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
    sight.now += seconds{600};
  }
}

TEST(FailedStart, OfAServerThatRestartedByItselfRestoresTheLastValueSeen) {
  Sight sight = down();
  sight.history.restarts.clear();
  sight.seen.start_failure = "memory";
  EXPECT_THAT(sight.next(), Does(StepKind::RestoreMaxConnections, 250));
}

TEST(FailedStart, WithNothingKnownIsForPeople) {
  Sight sight = down();
  sight.history.restarts.clear();
  sight.seen.effective = 0;
  sight.seen.start_failure = "memory";
  EXPECT_THAT(sight.next(), WaitsFor(Topic::Database));
}

TEST(FailedStart, IsMendedEvenWhenNoInstancesAreLeft) {
  Sight sight = down();
  sight.seen.start_failure = "memory";
  sight.plan = sizing::plan({}, {}, 0);
  EXPECT_THAT(sight.next(), Is(StepKind::RestoreMaxConnections));
}

}  // namespace
}  // namespace pgrightsizer::transition
