#include "pgrightsizer/runtime/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "pgrightsizer/telemetry/metrics.h"

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

TEST(WorkQueue, HandsOutInTheOrderOfAddingAndOnlyOnce) {
  WorkQueue queue;
  queue.add("b");
  queue.add("a");
  queue.add("b");
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.get(), "b");
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(WorkQueue, AKeyThatIsWorkedOnWaitsUntilItIsDone) {
  WorkQueue queue;
  queue.add("a");
  ASSERT_EQ(queue.get(), "a");
  queue.add("a");
  queue.add("a");
  EXPECT_EQ(queue.size(), 0u);
  queue.done("a");
  EXPECT_EQ(queue.size(), 1u);
  ASSERT_EQ(queue.get(), "a");
  queue.done("a");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(WorkQueue, FirstPicturesGiveWayToWhatChanges) {
  WorkQueue queue;
  queue.add_after("a", std::chrono::hours(1));
  for (const char* key : {"a", "b", "c"}) queue.add_last(key);
  queue.add("d");
  queue.add("c");
  EXPECT_EQ(queue.get(), "c");  // which has waited longer
  EXPECT_EQ(queue.get(), "d");
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(), "b");
}

TEST(WorkQueue, WhatIsDueLaterDoesNotHoldUpAFirstPicture) {
  WorkQueue queue;
  queue.add_after("later", milliseconds(50));
  queue.add_last("a");
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(), "later");
}

TEST(WorkQueue, AKeyThatIsWorkedOnKeepsItsTurn) {
  WorkQueue queue;
  queue.add("a");
  ASSERT_EQ(queue.get(), "a");
  queue.add_last("a");
  queue.add("a");
  queue.add_last("b");
  queue.done("a");
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(), "b");
}

TEST(WorkQueue, TheEarlierTimeWins) {
  WorkQueue queue;
  queue.add_after("a", std::chrono::hours(1));
  queue.add_after("a", milliseconds(20));
  queue.add_after("a", std::chrono::hours(2));
  const auto begin = steady_clock::now();
  EXPECT_EQ(queue.get(), "a");
  EXPECT_GE(steady_clock::now() - begin, milliseconds(15));
}

TEST(WorkQueue, TheEarlierTimeWinsAlsoWhileBeingWorkedOn) {
  WorkQueue queue;
  queue.add("a");
  ASSERT_EQ(queue.get(), "a");
  queue.add_after("a", std::chrono::hours(1));
  queue.add("a");
  queue.done("a");
  EXPECT_EQ(queue.get(), "a");
}

// How long it took until "a" was handed out, from the begin on.
milliseconds handed_out(WorkQueue& queue, steady_clock::time_point begin) {
  EXPECT_EQ(queue.get(), "a");
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
}

TEST(WorkQueue, ChangesThatGoOnAreGathered) {
  WorkQueue queue;
  const auto begin = steady_clock::now();
  queue.add_gathered("a", milliseconds(20), std::chrono::hours(1));
  queue.add_gathered("a", milliseconds(100), std::chrono::hours(1));
  EXPECT_GE(handed_out(queue, begin), milliseconds(99));
}

TEST(WorkQueue, ButNotForEver) {
  WorkQueue queue;
  const auto begin = steady_clock::now();
  queue.add_gathered("a", milliseconds(20), milliseconds(60));
  queue.add_gathered("a", std::chrono::hours(1), std::chrono::hours(2));
  EXPECT_GE(handed_out(queue, begin), milliseconds(59));
}

TEST(WorkQueue, ChangesDoNotPutOffWhatWasPlannedOtherwise) {
  WorkQueue queue;
  queue.add_after("a", milliseconds(20));
  queue.add_gathered("a", std::chrono::hours(1), std::chrono::hours(2));
  EXPECT_EQ(queue.get(), "a");
  queue.done("a");
  queue.add_gathered("a", milliseconds(20), std::chrono::hours(2));
  queue.add_after("a", std::chrono::hours(1));
  EXPECT_EQ(queue.get(), "a");
  queue.done("a");
  queue.add_last("a");
  queue.add_gathered("a", std::chrono::hours(1), std::chrono::hours(2));
  EXPECT_EQ(queue.get(), "a");
}

TEST(WorkQueue, ChangesAreGatheredAlsoWhileTheKeyIsWorkedOn) {
  WorkQueue queue;
  queue.add("a");
  ASSERT_EQ(queue.get(), "a");
  const auto begin = steady_clock::now();
  queue.add_gathered("a", milliseconds(20), std::chrono::hours(1));
  queue.add_gathered("a", milliseconds(100), std::chrono::hours(1));
  queue.done("a");
  EXPECT_GE(handed_out(queue, begin), milliseconds(99));
}

TEST(WorkQueue, AThousandChangesOfTenKeysAreTenTurns) {
  WorkQueue queue;
  for (int i = 0; i < 1'000; ++i)
    queue.add_gathered(std::to_string(i % 10), milliseconds(200), std::chrono::hours(1));
  std::map<std::string, int> turns;
  for (int i = 0; i < 10; ++i) ++turns[queue.get().value_or("none")];
  EXPECT_EQ(turns.size(), 10u);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(WorkQueue, AnEarlierKeyWakesAWorkerThatWaitsForALaterOne) {
  WorkQueue queue;
  queue.add_after("late", std::chrono::hours(1));
  std::thread adder([&queue] { queue.add("now"); });
  EXPECT_EQ(queue.get(), "now");
  adder.join();
}

// The pause after each of some failures, measured.
milliseconds pause_after_failure(WorkQueue& queue) {
  queue.add_backed_off("a");
  const auto begin = steady_clock::now();
  EXPECT_EQ(queue.get(), "a");
  queue.done("a");
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
}

TEST(WorkQueue, FailuresBackOffUntilForgotten) {
  WorkQueue queue({milliseconds(20), milliseconds(80)});
  EXPECT_GE(pause_after_failure(queue), milliseconds(19));
  EXPECT_GE(pause_after_failure(queue), milliseconds(39));
  EXPECT_GE(pause_after_failure(queue), milliseconds(79));
  EXPECT_GE(pause_after_failure(queue), milliseconds(79));
  queue.forget("a");
  EXPECT_LT(pause_after_failure(queue), milliseconds(79));
}

TEST(WorkQueue, ShutDownWakesEverybodyAndLeavesTheRest) {
  WorkQueue queue;
  std::vector<std::thread> workers;
  std::atomic<int> ended{0};
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      EXPECT_EQ(queue.get(), std::nullopt);
      ++ended;
    });
  }
  queue.shut_down();
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(ended, 4);
  queue.add("a");
  EXPECT_EQ(queue.get(), std::nullopt);
}

// Many adders and workers: no key is ever with two workers, and no add is lost: the last look at a
// key begins after its last add.
TEST(WorkQueue, UnderConcurrencyNoKeyIsSharedAndNoneIsLost) {
  constexpr int kKeys = 8;
  constexpr int kAdds = 2000;
  WorkQueue queue;
  std::vector<std::atomic<int>> holders(kKeys);
  std::vector<std::atomic<int>> added(kKeys);
  std::vector<std::atomic<int>> seen(kKeys);
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&] {
      while (const auto key = queue.get()) {
        const auto k = static_cast<std::size_t>(std::stoi(*key));
        EXPECT_EQ(holders[k]++, 0);
        seen[k] = added[k].load();
        holders[k]--;
        queue.done(*key);
      }
    });
  }
  std::vector<std::thread> adders;
  for (int a = 0; a < 3; ++a) {
    adders.emplace_back([&, a] {
      for (int i = 0; i < kAdds; ++i) {
        const auto k = static_cast<std::size_t>((i * 7 + a) % kKeys);
        ++added[k];
        queue.add(std::to_string(k));
      }
    });
  }
  for (auto& adder : adders) adder.join();
  const auto all_seen = [&] {
    for (std::size_t k = 0; k < kKeys; ++k) {
      if (seen[k] != added[k]) return false;
    }
    return true;
  };
  const auto deadline = steady_clock::now() + std::chrono::seconds(20);
  while (!all_seen() && steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(all_seen());
  queue.shut_down();
  for (auto& worker : workers) worker.join();
}

TEST(WorkQueue, TellsHowItIsDoing) {
  const auto metrics = telemetry::make_registry();
  WorkQueue queue({milliseconds(1), milliseconds(1)}, *metrics);
  queue.add("a");
  queue.add("a");
  queue.add("b");
  queue.add_after("later", std::chrono::hours(1));
  EXPECT_THAT(metrics->text(), HasSubstr("workqueue_adds_total{name=\"connectionpolicy\"} 3\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("workqueue_depth{name=\"connectionpolicy\"} 2\n"));
  const auto key = queue.get();
  ASSERT_TRUE(key);
  EXPECT_THAT(metrics->text(), HasSubstr("workqueue_depth{name=\"connectionpolicy\"} 1\n"));
  queue.add_backed_off(*key);
  queue.done(*key);
  const auto text = metrics->text();
  EXPECT_THAT(text, HasSubstr("workqueue_retries_total{name=\"connectionpolicy\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("workqueue_queue_duration_seconds_count{name=\"connectionpolicy\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("workqueue_work_duration_seconds_count{name=\"connectionpolicy\"} 1\n"));
}

}  // namespace
}  // namespace pgrightsizer::runtime
