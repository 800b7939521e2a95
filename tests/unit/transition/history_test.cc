#include "sights.h"

namespace pgrightsizer::transition {
namespace {

History settled(const Sight& sight) { return settle(sight.history, sight.seen, sight.rules, sight.now); }

struct Restarted {
  Sight sight = at_rest_direct(10);
  Time began = sight.now - seconds{60};
  Restarted() { sight.history.restarts = {{began, 230, 250, std::nullopt}}; }
  History settled() { return settle(sight.history, sight.seen, sight.rules, sight.now); }
};

TEST(Settle, CompletesARestartWhenTheServerCameUpSince) {
  Restarted world;
  world.sight.seen.postmaster_start = world.began + milliseconds{3640};
  EXPECT_EQ(world.settled().restarts.back().duration, milliseconds{3640});
}

TEST(Settle, ToleratesASecondOfClockSkew) {
  Restarted world;
  world.sight.seen.postmaster_start = world.began - milliseconds{900};
  EXPECT_EQ(world.settled().restarts.back().duration, milliseconds{0});
}

TEST(Settle, LeavesARestartOpenWhileTheOldServerRunsOrNoneDoes) {
  Restarted world;
  world.began = world.sight.history.restarts.back().time = world.sight.now - seconds{29};
  world.sight.seen.postmaster_start = world.began - seconds{60};
  EXPECT_EQ(world.settled().restarts.back().duration, std::nullopt);
  world.sight.seen.postmaster_start = world.began + seconds{2};
  world.sight.seen.database_up = false;
  EXPECT_EQ(world.settled().restarts.back().duration, std::nullopt);
}

TEST(Settle, DropsARestartThatNeverBegan) {
  Restarted world;
  world.sight.seen.postmaster_start = world.began - seconds{60};
  world.sight.seen.database_stopping = true;
  EXPECT_EQ(world.settled().restarts.size(), 1U) << "its pod is being deleted";
  world.sight.seen.database_stopping = false;
  EXPECT_TRUE(world.settled().restarts.empty());
}

TEST(Settle, ALaterOutageIsNotARestartThatNeverBegan) {
  Restarted world;
  world.sight.seen.postmaster_start = world.began - seconds{60};
  world.sight.history = world.settled();
  world.sight.seen.database_up = false;
  EXPECT_EQ(world.sight.next().reason, "PostgreSQL cannot be reached");
}

TEST(Settle, CompletesARestartThatSomethingElseOverrode) {
  Restarted world;
  world.sight.seen.postmaster_start = world.began + seconds{4};
  world.sight.seen.effective = 100;
  EXPECT_TRUE(world.settled().restarts.back().duration.has_value());
}

TEST(Settle, DoesNotTouchACompletedRestart) {
  Restarted world;
  world.sight.history.restarts.back().duration = milliseconds{5};
  EXPECT_EQ(world.settled().restarts.back().duration, milliseconds{5});
}

TEST(Settle, EndsADrainWhenNobodyIsLeft) {
  Sight sight = just_switched(50);
  sight.history.drain_since = sight.now;
  EXPECT_TRUE(settled(sight).drain_since.has_value());
  sight.seen.direct_sessions = 0;
  EXPECT_TRUE(settled(sight).drain_since.has_value()) << "three looks first";
  sight.seen.looks_without_direct = 3;
  EXPECT_FALSE(settled(sight).drain_since.has_value());
}

TEST(Settle, EndsTheDrainOfThePoolerWithItsLastClient) {
  Sight sight = at_rest_pooled(50);
  sight.seen.route = Route::Direct;
  sight.history.drain_since = sight.now;
  EXPECT_TRUE(settled(sight).drain_since.has_value());
  for (PoolerPod& pod : sight.seen.pods) pod.clients = 0;
  EXPECT_FALSE(settled(sight).drain_since.has_value());
}

TEST(Settle, ForgetsATurnBackOnlyWhenAMoveCameThrough) {
  Sight sight = just_switched(50);
  sight.history.turned_back_since = sight.now - seconds{400};
  sight.history.retry_at = sight.now - seconds{100};
  EXPECT_TRUE(settled(sight).retry_at.has_value());
  const auto after = [&](const Observation& seen) { return settle(sight.history, seen, sight.rules, sight.now); };
  const History arrived = after(at_rest_pooled(50).seen);
  EXPECT_FALSE(arrived.retry_at.has_value());
  EXPECT_FALSE(arrived.turned_back_since.has_value());
  EXPECT_FALSE(after(at_rest_direct(10).seen).retry_at.has_value());
}

TEST(Settle, KeepsTheRejectedValue) {
  Sight sight = at_rest_direct(10);
  sight.history.rejected = Rejected{290, "memory"};
  EXPECT_EQ(settled(sight).rejected, sight.history.rejected);
}

}  // namespace
}  // namespace pgrightsizer::transition
