#include "sights.h"

namespace pgrightsizer::transition {
namespace {

TEST(Invariant, UsableIsWhatOrdinaryRolesGet) { EXPECT_EQ(at_rest_direct(10).seen.usable(), 247); }

TEST(Invariant, HoldsAtRest) {
  EXPECT_EQ(excess(at_rest_direct(10).seen), 200 + 10 - 247);
  EXPECT_EQ(excess(at_rest_pooled(50).seen), 150 + 10 - 197);
}

TEST(Invariant, CountsWhatDirectPodsMayStillOpen) {
  Observation seen = at_rest_direct(10).seen;
  seen.direct_sessions = 120;
  EXPECT_EQ(seen.direct_room(), 80);
  EXPECT_EQ(seen.committed(), 210);
  seen.direct_sessions = 230;
  EXPECT_EQ(seen.direct_room(), 0) << "more than expected are counted as they are";
  EXPECT_EQ(seen.committed(), 240);
}

TEST(Invariant, RoomOnTheDirectRouteCountsUntilTheRouteHasSettled) {
  Observation seen = just_switched(50).seen;
  seen.direct_sessions = 900;
  seen.route_settled = false;
  EXPECT_EQ(seen.direct_room(), 80);
  seen.route_settled = true;
  EXPECT_EQ(seen.direct_room(), 0);
}

TEST(Invariant, OthersAreMeasuredWithAFloorOfTen) {
  Observation seen = at_rest_direct(10).seen;
  EXPECT_EQ(seen.others_kept(), 10);
  seen.others = 25;
  EXPECT_EQ(seen.others_kept(), 25);
}

TEST(Invariant, APoolerPodCountsWithTheLargestOfCapAnnouncementAndServers) {
  PoolerPod pod = pooler_pod("a", 18);
  EXPECT_EQ(pod.counted(), 18);
  pod.announced = 75;
  EXPECT_EQ(pod.counted(), 75);
  pod.servers = 80;
  EXPECT_EQ(pod.counted(), 80);
}

TEST(Invariant, TheMinimumCapIsGrantedOutOfWhatIsKeptForOthers) {
  PoolerPod pod = pooler_pod("a", 2);
  EXPECT_EQ(pod.room(), 2);
  EXPECT_EQ(pod.counted(), 0);
  pod.servers = 9;
  EXPECT_EQ(pod.counted(), 7) << "what it was not granted counts";
}

// PgBouncer takes no limit below one server for each database.
TEST(Invariant, APoolerOfManyDatabasesCountsWithOneServerOfEach) {
  PoolerPod pod = pooler_pod("a", 2);
  pod.least = 8;
  EXPECT_EQ(pod.counted(), 6) << "two of them are granted";
  pod.cap = 5;
  EXPECT_EQ(pod.counted(), 8);
  pod.cap = 9;
  EXPECT_EQ(pod.counted(), 9);
  Observation seen = at_rest_pooled(50).seen;
  seen.pods.pop_back();
  seen.pooler->least = 8;
  seen.pooler->boot_cap = seen.pooler->unseen_cap = 2;
  EXPECT_EQ(seen.pooled_room(), 75 + 6);
  EXPECT_EQ(seen.replacement_room(), 6);
}

TEST(Invariant, TerminatingPoolerPodsCountLikeAllOthers) {
  Observation seen = at_rest_pooled(50).seen;
  seen.pods.push_back(pooler_pod("old", 75));
  seen.pods.back().terminating = true;
  EXPECT_EQ(seen.pooled_room(), 225);
}

TEST(Invariant, PodsThatAreAboutToBeCreatedCountWithTheBootCap) {
  Observation seen = at_rest_pooled(50).seen;
  seen.pods.back().terminating = true;
  EXPECT_EQ(seen.pooled_room(), 150 + 18);
  EXPECT_EQ(seen.replacement_room(), 18);
}

TEST(Invariant, APodThatIsNotSeenYetMayHaveStartedBeforeTheFileWasChanged) {
  Observation seen = at_rest_pooled(50).seen;
  seen.pods.pop_back();
  seen.pooler->boot_cap = 2;
  seen.pooler->unseen_cap = 18;
  EXPECT_EQ(seen.pooled_room(), 75 + 18);
  EXPECT_EQ(seen.replacement_room(), 0) << "what is created from now on has the present one";
}

TEST(Invariant, EveryLivePodMayBeReplacedAtOnce) {
  Observation seen = at_rest_pooled(50).seen;
  EXPECT_EQ(seen.replacement_room(), 36);
  EXPECT_LE(seen.committed() + seen.replacement_room(), seen.usable());
  seen.pooler->boot_cap = 2;
  EXPECT_EQ(seen.replacement_room(), 0);
}

TEST(Names, EveryStepAndTopicHasOne) {
  for (int i = 0; i <= static_cast<int>(StepKind::RemovePooler); ++i) {
    EXPECT_STRNE(to_string(static_cast<StepKind>(i)), "Unknown") << i;
  }
  for (int i = 0; i <= static_cast<int>(Topic::Overridden); ++i) {
    EXPECT_STRNE(to_string(static_cast<Topic>(i)), "Unknown") << i;
  }
}

}  // namespace
}  // namespace pgrightsizer::transition
