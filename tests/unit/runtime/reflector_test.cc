#include "pgrightsizer/runtime/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Kind = Reflector::Action::Kind;

constexpr milliseconds kLong{60'000};

class ReflectorTest : public ::testing::Test {
 protected:
  ReflectorTest() : reflector(options()) {}

  ReflectorOptions options() {
    ReflectorOptions out;
    out.path = "/api/v1/pods";
    out.random = [this] { return random; };
    return out;
  }
  static Error error(ErrorKind kind) { return {kind, "because", {}, {}}; }
  void sync(const std::vector<std::string>& keys = {}, const std::string& version = "10") {
    for (const auto& key : keys) reflector.listed(key);
    EXPECT_THAT(reflector.page_done(version, ""), IsEmpty());
  }
  void expect_watch_from(const std::string& version) {
    EXPECT_EQ(reflector.next().kind, Kind::Watch);
    EXPECT_THAT(reflector.next().path, HasSubstr("&resourceVersion=" + version));
  }

  double random = 0;
  Reflector reflector;
};

TEST_F(ReflectorTest, StartsWithAConsistentPagedList) {
  EXPECT_EQ(reflector.next().kind, Kind::List);
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
}

TEST_F(ReflectorTest, TheLabelSelectorIsInListAndWatch) {
  auto with_selector = options();
  with_selector.label_selector = "app=a,b!=c";
  Reflector selective(with_selector);
  EXPECT_THAT(selective.next().path, HasSubstr("&labelSelector=app%3Da%2Cb%21%3Dc"));
  EXPECT_THAT(selective.page_done("1", ""), IsEmpty());
  EXPECT_THAT(selective.next().path, HasSubstr("&labelSelector=app%3Da%2Cb%21%3Dc"));
}

TEST_F(ReflectorTest, FollowsThePagesThenWatchesFromTheListsVersion) {
  reflector.listed("a/1");
  EXPECT_THAT(reflector.page_done("10", "to/ken"), IsEmpty());
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500&continue=to%2Fken");
  reflector.listed("a/2");
  EXPECT_THAT(reflector.page_done("10", ""), IsEmpty());
  EXPECT_TRUE(reflector.synced());
  expect_watch_from("10");
  EXPECT_THAT(reflector.next().path, HasSubstr("watch=true&allowWatchBookmarks=true"));
}

TEST_F(ReflectorTest, TheLengthOfAWatchVaries) {
  sync();
  EXPECT_THAT(reflector.next().path, HasSubstr("timeoutSeconds=270&"));
  random = 0.99;
  EXPECT_THAT(reflector.next().path, HasSubstr("timeoutSeconds=329&"));
}

TEST_F(ReflectorTest, EventsAndBookmarksAdvanceTheVersion) {
  sync();
  reflector.watched("a/1", false, "11");
  expect_watch_from("11");
  reflector.bookmark("15");
  reflector.watch_ended(std::nullopt, kLong);
  expect_watch_from("15");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
}

TEST_F(ReflectorTest, AnEventWithoutVersionDoesNotLoseTheLastOne) {
  sync();
  reflector.bookmark("");
  expect_watch_from("10");
}

TEST_F(ReflectorTest, AnExpiredVersionAsksForAListAndFindsWhatIsGone) {
  sync({"a/1", "a/2", "a/3"});
  reflector.watched("a/4", false, "11");
  reflector.watched("a/3", true, "12");
  reflector.watch_ended(error(ErrorKind::Gone), kLong);
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500");
  EXPECT_TRUE(reflector.synced());  // the old picture stays in use
  reflector.listed("a/2");
  reflector.listed("a/5");
  EXPECT_THAT(reflector.page_done("20", ""), UnorderedElementsAre("a/1", "a/4"));
  EXPECT_EQ(reflector.size(), 2u);
  expect_watch_from("20");
}

TEST_F(ReflectorTest, ARefusedVersionIsListedAfterAPause) {
  sync();
  reflector.watch_ended(error(ErrorKind::Gone), milliseconds(5));
  EXPECT_EQ(reflector.next().kind, Kind::List);
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, ALostConnectionIsWatchedAgainWithoutList) {
  sync();
  for (const auto kind :
       {ErrorKind::Unavailable, ErrorKind::TooManyRequests, ErrorKind::Internal}) {
    reflector.bookmark("30");
    reflector.watch_ended(error(kind), kLong);
    expect_watch_from("30");
    EXPECT_EQ(reflector.next().delay, milliseconds(800));
  }
}

TEST_F(ReflectorTest, BackOffDoublesUpToItsLimitAndEndsWithProgress) {
  sync();
  std::vector<long> delays;
  for (int i = 0; i < 8; ++i) {
    reflector.watch_ended(error(ErrorKind::Unavailable), milliseconds(1));
    expect_watch_from("10");
    delays.push_back(static_cast<long>(reflector.next().delay.count()));
  }
  EXPECT_THAT(delays, ElementsAre(800, 1600, 3200, 6400, 12800, 25600, 30000, 30000));
  reflector.bookmark("11");
  reflector.watch_ended(error(ErrorKind::Unavailable), kLong);
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, JitterAtMostDoublesAPause) {
  sync();
  random = 0.5;
  reflector.watch_ended(error(ErrorKind::Unavailable), milliseconds(1));
  EXPECT_EQ(reflector.next().delay, milliseconds(1200));
}

TEST_F(ReflectorTest, TheServersOwnPauseIsKept) {
  sync();
  Error busy = error(ErrorKind::TooManyRequests);
  busy.retry_after = seconds(7);
  reflector.watch_ended(busy, milliseconds(1));
  expect_watch_from("10");
  EXPECT_EQ(reflector.next().delay, seconds(7));
}

TEST_F(ReflectorTest, ASilentStreamIsOpenedAgainAtOnce) {
  sync();
  reflector.watch_ended(error(ErrorKind::Timeout), milliseconds(90'000));
  expect_watch_from("10");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
}

TEST_F(ReflectorTest, WatchesThatEndAtOnceDoNotSpin) {
  sync();
  reflector.watch_ended(std::nullopt, milliseconds(3));
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
  reflector.watched("a/1", false, "11");
  reflector.watch_ended(std::nullopt, milliseconds(3));
  EXPECT_EQ(reflector.next().delay, milliseconds(100));
}

TEST_F(ReflectorTest, AServerThatKeepsRefusingTheVersionIsListedAnew) {
  sync();
  int watches = 0;
  while (reflector.next().kind == Kind::Watch && watches < 100) {
    reflector.watch_ended(error(ErrorKind::Internal), milliseconds(1));
    ++watches;
  }
  EXPECT_EQ(watches, 5);
  EXPECT_THAT(reflector.next().path, Not(HasSubstr("continue")));
}

TEST_F(ReflectorTest, AKindThatIsRemovedIsListedUntilItIsBack) {
  sync({"a/1"});
  reflector.watch_ended(error(ErrorKind::NotFound), milliseconds(1));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(reflector.next().kind, Kind::List);
    reflector.list_failed(error(ErrorKind::NotFound));
    EXPECT_LE(reflector.next().delay, seconds(5));
    EXPECT_GT(reflector.next().delay, milliseconds(0));
  }
  EXPECT_THAT(reflector.page_done("40", ""), ElementsAre("a/1"));
}

TEST_F(ReflectorTest, AFailedPageIsAskedForAgain) {
  reflector.listed("a/1");
  EXPECT_THAT(reflector.page_done("10", "t"), IsEmpty());
  reflector.list_failed(error(ErrorKind::Unavailable));
  EXPECT_THAT(reflector.next().path, HasSubstr("continue=t"));
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, AnExpiredTokenBeginsTheListAgain) {
  reflector.listed("a/1");
  EXPECT_THAT(reflector.page_done("10", "t"), IsEmpty());
  reflector.list_failed(error(ErrorKind::Gone));
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
  // Delivered from the old list, and gone in the new one.
  reflector.listed("a/2");
  EXPECT_THAT(reflector.page_done("12", ""), ElementsAre("a/1"));
}

TEST_F(ReflectorTest, AForbiddenListIsTriedWithBackOffForEver) {
  for (int i = 0; i < 50; ++i) {
    reflector.list_failed(error(ErrorKind::Forbidden));
    EXPECT_EQ(reflector.next().kind, Kind::List);
    EXPECT_GE(reflector.next().delay, milliseconds(800));
    EXPECT_LE(reflector.next().delay, seconds(30));
  }
}

}  // namespace
}  // namespace pgrightsizer::runtime
