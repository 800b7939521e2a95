#include "bench/burst.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pgrightsizer::bench {
namespace {

using std::chrono::milliseconds;

class BurstTest : public testing::Test {
 protected:
  void pass(int ms) { now_ += milliseconds(ms); }
  void change(const std::string& key) { burst_.changed(key, now_); }
  // -1: act now.
  long long wait(const std::string& key) {
    const auto wait = burst_.wait(key, now_);
    return wait ? wait->count() : -1;
  }
  // Two keys, each changed and written, and changed again.
  void begin() {
    for (const auto* key : {"a", "b"}) {
      change(key);
      EXPECT_EQ(wait(key), -1);
      burst_.acted(key);
    }
    pass(2);
    change("a");
    change("b");
  }

  Burst burst_;
  Burst::Instant now_ = Burst::Instant{} + std::chrono::hours(1);
};

TEST_F(BurstTest, AChangeThatComesAloneIsActedOnAtOnce) {
  for (int i = 0; i < 3; ++i) {
    change("a");
    EXPECT_EQ(wait("a"), -1);
    burst_.acted("a");
    pass(400);
  }
}

TEST_F(BurstTest, OfAnotherKeyThatChangesOnlyNowNothingIsExpected) {
  begin();
  change("c");
  EXPECT_EQ(wait("c"), -1);
}

TEST_F(BurstTest, ABurstIsWaitedFor) {
  begin();
  EXPECT_EQ(wait("a"), 16);
  pass(10);
  EXPECT_EQ(wait("a"), 6);
  change("b");
  EXPECT_EQ(wait("a"), 16);
}

TEST_F(BurstTest, OneGoesFirstAndTheOthersWhenItIsAnswered) {
  begin();
  pass(16);
  EXPECT_EQ(wait("b"), -1);
  EXPECT_EQ(wait("a"), 1);
  pass(2);
  EXPECT_EQ(wait("a"), 1);
  burst_.acted("b");
  EXPECT_EQ(wait("a"), -1);
}

TEST_F(BurstTest, AServerThatIsHeldUpIsNotTakenForTheEnd) {
  begin();
  pass(16);
  EXPECT_EQ(wait("b"), -1);
  pass(30);
  change("a");
  burst_.acted("b");  // sent before the change: tells nothing
  EXPECT_EQ(wait("a"), 18);
  pass(18);
  EXPECT_EQ(wait("a"), -1);
  EXPECT_EQ(wait("b"), 1);
}

TEST_F(BurstTest, AWrongGuessDoublesTheSilence) {
  begin();
  pass(16);
  EXPECT_EQ(wait("b"), -1);
  burst_.acted("b");
  EXPECT_EQ(wait("a"), -1);
  change("a");
  EXPECT_EQ(wait("a"), 32);
}

TEST_F(BurstTest, TheNextBurstBeginsAnew) {
  begin();
  pass(16);
  EXPECT_EQ(wait("b"), -1);
  change("a");
  EXPECT_EQ(wait("a"), 18);
  pass(400);
  begin();
  EXPECT_EQ(wait("a"), 16);
}

TEST_F(BurstTest, PatienceEnds) {
  begin();
  for (int i = 0; i < 199; ++i) {
    pass(10);
    change("a");
    ASSERT_GT(wait("a"), 0) << i;
  }
  pass(10);
  change("a");
  EXPECT_EQ(wait("a"), -1);
}

// A thousand changes of ten keys in 800 ms, held up for 30 ms five times.
TEST_F(BurstTest, AThousandChangesAreAFewWrites) {
  std::vector<bool> dirty(10);
  int writes = 0;
  const auto look = [&](bool answers) {
    for (std::size_t i = 0; i < dirty.size(); ++i) {
      const auto key = std::to_string(i);
      if (!dirty[i] || wait(key) != -1) continue;
      ++writes;
      dirty[i] = false;
      if (answers) burst_.acted(key);
    }
  };
  for (std::size_t i = 0; i < 1'000; ++i) {
    change(std::to_string(i % 10));
    dirty[i % 10] = true;
    look(true);
    if (i % 5 < 4) pass(1);
    for (int j = 0; i % 200 == 199 && i < 999 && j < 30; ++j) {
      pass(1);
      look(false);
    }
  }
  int late = 0;
  for (; std::count(dirty.begin(), dirty.end(), true) > 0; ++late) {
    pass(1);
    look(true);
  }
  EXPECT_EQ(writes, 10 + 4 + 10);
  EXPECT_LE(late, 40);
}

}  // namespace
}  // namespace pgrightsizer::bench
