#include "pgrightsizer/runtime/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
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
  void sync(const std::string& version = "10") {
    EXPECT_FALSE(reflector.bookmark("3", false));
    EXPECT_TRUE(reflector.bookmark(version, true));
  }
  // A server that has not got initial events.
  void refuse_initial_events() {
    reflector.watch_ended(error(ErrorKind::Invalid), milliseconds(1));
    EXPECT_EQ(reflector.next().kind, Kind::List);
  }
  void expect_watch_from(const std::string& version) {
    EXPECT_EQ(reflector.next().kind, Kind::Watch);
    EXPECT_THAT(reflector.next().path, HasSubstr("&resourceVersion=" + version));
    EXPECT_FALSE(reflector.next().begins);
  }
  void expect_beginning() {
    EXPECT_EQ(reflector.next().kind, Kind::Watch);
    EXPECT_THAT(reflector.next().path, HasSubstr("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
    EXPECT_THAT(reflector.next().path, Not(HasSubstr("resourceVersion=")));
    EXPECT_TRUE(reflector.next().begins);
  }

  double random = 0;
  Reflector reflector;
};

TEST_F(ReflectorTest, StartsWithTheInitialEventsOfAConsistentWatch) {
  expect_beginning();
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
  reflector.changed("7");  // in no order of versions
  EXPECT_FALSE(reflector.bookmark("8", false));
  EXPECT_FALSE(reflector.synced());
  EXPECT_TRUE(reflector.bookmark("10", true));
  EXPECT_TRUE(reflector.synced());
  expect_watch_from("10");
  EXPECT_THAT(reflector.next().path, HasSubstr("watch=true&allowWatchBookmarks=true"));
}

TEST_F(ReflectorTest, TheEndOfInitialEventsIsToldOnce) {
  sync();
  EXPECT_FALSE(reflector.bookmark("11", true));
}

TEST_F(ReflectorTest, ACutBeginningBeginsAgain) {
  reflector.changed("7");
  reflector.watch_ended(error(ErrorKind::Unavailable), milliseconds(500));
  expect_beginning();
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, AServerThatRefusesInitialEventsIsListedAtOnce) {
  refuse_initial_events();
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
  EXPECT_TRUE(reflector.next().begins);
}

TEST_F(ReflectorTest, AServerThatFallsSilentInItsInitialEventsIsListed) {
  EXPECT_TRUE(reflector.next().beginning);
  reflector.watch_begun();
  reflector.watch_ended(error(ErrorKind::Timeout), kLong);
  EXPECT_EQ(reflector.next().kind, Kind::List);
  EXPECT_FALSE(reflector.next().beginning);
}

TEST_F(ReflectorTest, AServerThatCannotBeReachedIsAskedForInitialEventsAgain) {
  for (int i = 0; i < 3; ++i) {
    reflector.watch_ended(error(ErrorKind::Timeout), kLong);
    expect_beginning();
    EXPECT_GE(reflector.next().delay, milliseconds(800));
  }
}

TEST_F(ReflectorTest, AServerThatCannotBeReachedAfterARefreshIsAskedForInitialEventsAgain) {
  reflector.watch_begun();
  EXPECT_TRUE(reflector.bookmark("5", true));
  reflector.begin_again();
  reflector.watch_ended(error(ErrorKind::Timeout), kLong);
  expect_beginning();
}

TEST_F(ReflectorTest, AServerThatTwiceEndsWithoutAnEndOfInitialEventsIsListed) {
  reflector.watch_ended(std::nullopt, kLong);
  expect_beginning();
  reflector.watch_ended(std::nullopt, kLong);
  EXPECT_EQ(reflector.next().kind, Kind::List);
}

TEST_F(ReflectorTest, AServerThatKeepsFailingInitialEventsIsListed) {
  int attempts = 0;
  while (reflector.next().kind == Kind::Watch && attempts < 100) {
    reflector.watch_ended(error(ErrorKind::Internal), milliseconds(1));
    ++attempts;
  }
  EXPECT_EQ(attempts, 5);
}

TEST_F(ReflectorTest, AfterFiveBrokenBeginningsItIsListedAndTheNextPictureIsABeginningAgain) {
  std::vector<long> delays;
  while (reflector.next().kind == Kind::Watch && delays.size() < 100) {
    reflector.changed("7");
    reflector.watch_ended(error(ErrorKind::Unavailable), kLong);
    delays.push_back(static_cast<long>(reflector.next().delay.count()));
  }
  EXPECT_THAT(delays, ElementsAre(800, 1600, 3200, 6400, 12800));
  EXPECT_TRUE(reflector.page_done("10", ""));
  expect_watch_from("10");
  reflector.watch_ended(error(ErrorKind::Gone), kLong);
  expect_beginning();
}

TEST_F(ReflectorTest, ABusyServerIsAskedForInitialEventsForEver) {
  for (int i = 0; i < 50; ++i) {
    reflector.watch_ended(error(ErrorKind::TooManyRequests), milliseconds(1));
    expect_beginning();
    EXPECT_GE(reflector.next().delay, milliseconds(800));
  }
}

TEST_F(ReflectorTest, TheLabelSelectorIsInEveryRequest) {
  auto with_selector = options();
  with_selector.label_selector = "app=a,b!=c";
  Reflector selective(with_selector);
  const auto has_selector = HasSubstr("&labelSelector=app%3Da%2Cb%21%3Dc");
  EXPECT_THAT(selective.next().path, has_selector);
  selective.watch_ended(error(ErrorKind::Invalid), milliseconds(1));
  EXPECT_THAT(selective.next().path, has_selector);
  EXPECT_TRUE(selective.page_done("1", ""));
  EXPECT_THAT(selective.next().path, has_selector);
}

TEST_F(ReflectorTest, FollowsThePagesThenWatchesFromTheListsVersion) {
  refuse_initial_events();
  EXPECT_FALSE(reflector.page_done("10", "to/ken"));
  EXPECT_FALSE(reflector.synced());
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500&continue=to%2Fken");
  EXPECT_FALSE(reflector.next().begins);
  EXPECT_TRUE(reflector.page_done("10", ""));
  EXPECT_TRUE(reflector.synced());
  expect_watch_from("10");
}

TEST_F(ReflectorTest, TheLengthOfAWatchVaries) {
  sync();
  EXPECT_THAT(reflector.next().path, HasSubstr("timeoutSeconds=270&"));
  random = 0.99;
  EXPECT_THAT(reflector.next().path, HasSubstr("timeoutSeconds=329&"));
}

TEST_F(ReflectorTest, EventsAndBookmarksAdvanceTheVersion) {
  sync();
  reflector.changed("11");
  expect_watch_from("11");
  EXPECT_FALSE(reflector.bookmark("15", false));
  reflector.watch_ended(std::nullopt, kLong);
  expect_watch_from("15");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
}

TEST_F(ReflectorTest, AnEventWithoutVersionDoesNotLoseTheLastOne) {
  sync();
  EXPECT_FALSE(reflector.bookmark("", false));
  expect_watch_from("10");
}

TEST_F(ReflectorTest, AnExpiredVersionAsksForAWholePicture) {
  sync();
  reflector.changed("11");
  reflector.watch_ended(error(ErrorKind::Gone), kLong);
  expect_beginning();
  EXPECT_TRUE(reflector.synced());  // the old picture stays in use
  EXPECT_TRUE(reflector.bookmark("20", true));
  expect_watch_from("20");
}

TEST_F(ReflectorTest, ARefusedVersionIsAskedForAfterAPause) {
  sync();
  reflector.watch_ended(error(ErrorKind::Gone), milliseconds(5));
  expect_beginning();
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, AServerThatIsBehindIsGivenAMinute) {
  sync();
  milliseconds waited{0};
  while (!reflector.next().begins && waited < seconds(600)) {
    waited += reflector.next().delay + seconds(3);
    reflector.watch_ended(error(ErrorKind::Behind), seconds(3));
  }
  EXPECT_GE(waited, seconds(60));
  EXPECT_LE(waited, seconds(95));  // 30 s is the longest pause
  expect_beginning();
}

TEST_F(ReflectorTest, AServerThatIsBehindAndSaysForHowLongIsAskedThen) {
  sync();
  Error behind = error(ErrorKind::Behind);
  behind.retry_after = seconds(1);
  milliseconds waited{0};
  while (!reflector.next().begins && waited < seconds(600)) {
    reflector.watch_ended(behind, milliseconds(1));
    EXPECT_EQ(reflector.next().delay, seconds(1));
    waited += reflector.next().delay;
  }
  EXPECT_GE(waited, seconds(60));
  EXPECT_LE(waited, seconds(62));
}

TEST_F(ReflectorTest, AServerWhoseCacheStaysBehindIsAskedForPages) {
  Error behind = error(ErrorKind::Behind);
  behind.retry_after = seconds(1);
  milliseconds waited{0};
  while (reflector.next().kind == Kind::Watch && waited < seconds(600)) {
    waited += reflector.next().delay + seconds(3);
    reflector.watch_ended(behind, seconds(3));
  }
  EXPECT_GE(waited, seconds(60));
  EXPECT_LE(waited, seconds(65));
  EXPECT_TRUE(reflector.next().begins);
  EXPECT_TRUE(reflector.page_done("10", ""));
  expect_watch_from("10");
  reflector.watch_ended(error(ErrorKind::Gone), kLong);
  expect_beginning();
}

TEST_F(ReflectorTest, ThePatienceOfAWatchIsNotSpentOnceMoreBeforePages) {
  sync();
  while (!reflector.next().begins) reflector.watch_ended(error(ErrorKind::Behind), seconds(3));
  expect_beginning();
  reflector.watch_ended(error(ErrorKind::Behind), seconds(3));
  EXPECT_EQ(reflector.next().kind, Kind::List);
}

TEST_F(ReflectorTest, AServerThatIsBehindIsGivenTwiceTheLongestPause) {
  auto hasty = options();
  hasty.backoff = {milliseconds(100), milliseconds(1'500)};
  reflector = Reflector(hasty);
  sync();
  Error behind = error(ErrorKind::Behind);
  behind.retry_after = seconds(1);
  for (int second = 0; second < 4; ++second) {
    EXPECT_FALSE(reflector.next().begins) << second;
    reflector.watch_ended(behind, milliseconds(1));
  }
  expect_beginning();
}

TEST_F(ReflectorTest, AServerThatCatchesUpKeepsItsPicture) {
  sync();
  for (int i = 0; i < 20; ++i) {
    reflector.watch_ended(error(ErrorKind::Behind), seconds(3));
    reflector.changed("11");
    reflector.watch_ended(std::nullopt, kLong);
    expect_watch_from("11");
  }
}

TEST_F(ReflectorTest, ALostConnectionIsWatchedAgainWithoutList) {
  sync();
  for (const auto kind : {ErrorKind::TooManyRequests, ErrorKind::Internal}) {
    EXPECT_FALSE(reflector.bookmark("30", false));
    reflector.watch_ended(error(kind), kLong);
    expect_watch_from("30");
    EXPECT_EQ(reflector.next().delay, milliseconds(800));
  }
}

TEST_F(ReflectorTest, AGoodStreamThatBreaksIsTriedAgainAtOnceAndThenWithPauses) {
  sync();
  random = 0.5;
  EXPECT_FALSE(reflector.bookmark("30", false));
  reflector.watch_ended(error(ErrorKind::Unavailable), kLong);
  expect_watch_from("30");
  EXPECT_EQ(reflector.next().delay, milliseconds(50));
  reflector.watch_ended(error(ErrorKind::Unavailable), milliseconds(1));
  expect_watch_from("30");
  EXPECT_EQ(reflector.next().delay, milliseconds(1'200));
}

TEST_F(ReflectorTest, AStreamThatBreaksBeforeItHasBroughtAnythingIsNotTriedAtOnce) {
  sync();
  reflector.watch_ended(error(ErrorKind::Unavailable), kLong);
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
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
  EXPECT_FALSE(reflector.bookmark("11", false));
  reflector.watch_ended(error(ErrorKind::Internal), kLong);
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
  for (int i = 0; i < 10; ++i) {
    reflector.watch_ended(busy, milliseconds(1));
    expect_watch_from("10");
    EXPECT_EQ(reflector.next().delay, seconds(7));
  }
  random = 0.5;
  reflector.watch_ended(busy, milliseconds(1));
  EXPECT_EQ(reflector.next().delay, milliseconds(7'875));  // not all who were refused at once
}

TEST_F(ReflectorTest, AServersOwnPauseIsAMinuteAtMost) {
  sync();
  for (const auto kind : {ErrorKind::TooManyRequests, ErrorKind::Unavailable}) {
    Error busy = error(kind);
    busy.retry_after = std::chrono::hours(24);
    reflector.watch_ended(busy, milliseconds(1));
    EXPECT_EQ(reflector.next().delay, seconds(60));
  }
}

TEST_F(ReflectorTest, APauseOfNothingIsNone) {
  sync();
  Error busy = error(ErrorKind::TooManyRequests);
  busy.retry_after = seconds(0);
  reflector.watch_ended(busy, milliseconds(1));
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
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
  reflector.changed("11");
  reflector.watch_ended(std::nullopt, milliseconds(3));
  EXPECT_EQ(reflector.next().delay, milliseconds(100));
}

TEST_F(ReflectorTest, AServerThatKeepsRefusingTheVersionIsAskedForAll) {
  sync();
  int watches = 0;
  while (!reflector.next().begins && watches < 100) {
    reflector.watch_ended(error(ErrorKind::Internal), milliseconds(1));
    ++watches;
  }
  EXPECT_EQ(watches, 5);
  expect_beginning();
}

TEST_F(ReflectorTest, AKindThatIsRemovedIsAskedForUntilItIsBack) {
  sync();
  for (int i = 0; i < 10; ++i) {
    reflector.watch_ended(error(ErrorKind::NotFound), milliseconds(1));
    expect_beginning();
    EXPECT_LE(reflector.next().delay, seconds(5));
    EXPECT_GT(reflector.next().delay, milliseconds(0));
  }
}

TEST_F(ReflectorTest, AFailedPageIsAskedForAgain) {
  refuse_initial_events();
  EXPECT_FALSE(reflector.page_done("10", "t"));
  reflector.list_failed(error(ErrorKind::Unavailable));
  EXPECT_THAT(reflector.next().path, HasSubstr("continue=t"));
  EXPECT_EQ(reflector.next().delay, milliseconds(800));
}

TEST_F(ReflectorTest, AnExpiredTokenBeginsTheListAgain) {
  refuse_initial_events();
  EXPECT_FALSE(reflector.page_done("10", "t"));
  reflector.list_failed(error(ErrorKind::Gone));
  EXPECT_EQ(reflector.next().path, "/api/v1/pods?limit=500");
  EXPECT_EQ(reflector.next().delay, milliseconds(0));
  EXPECT_TRUE(reflector.next().begins);
}

TEST_F(ReflectorTest, AForbiddenListIsTriedWithBackOffForEver) {
  refuse_initial_events();
  for (int i = 0; i < 50; ++i) {
    reflector.list_failed(error(ErrorKind::Forbidden));
    EXPECT_EQ(reflector.next().kind, Kind::List);
    EXPECT_GE(reflector.next().delay, milliseconds(800));
    EXPECT_LE(reflector.next().delay, seconds(30));
  }
}

}  // namespace
}  // namespace pgrightsizer::runtime
