#include "runtime/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "unit/kube/recording_logger.h"

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kLong{60'000};

std::string event(const std::string& type, const std::string& name, int version) {
  return R"({"type":")" + type + R"(","object":{"metadata":{"namespace":"shop","name":")" + name +
         R"(","resourceVersion":")" + std::to_string(version) +
         R"(","annotations":{"k8s.io/initial-events-end":"true"}}}})" + "\n";
}

// After its first picture, with the next watch under way.
class MirrorTest : public ::testing::Test {
 protected:
  MirrorTest() {
    static_cast<void>(mirror.begin());
    feed(event("BOOKMARK", "", 10));
    next(Response{200, {}, {}, {}});
  }
  using Response = kube::Response;

  void feed(const std::string& text) { EXPECT_TRUE(mirror.feed(text)); }
  // Ends the watch so, and begins another, which is returned.
  std::string next(const Result<Response>& end) {
    mirror.ended(end, kLong);
    return mirror.begin().request.path;
  }

  RecordingLogger logger;
  InformerOptions options{kube::resources::kConnectionPolicy, "", ""};
  std::function<void(const std::string&)> on_object = [](const std::string&) {};
  Mirror mirror{logger, options, [] { return 0.0; },
                [this](const std::string& key, const nlohmann::json*) { on_object(key); },
                [] { return std::vector<std::string>(); }, [] {}};
};

TEST_F(MirrorTest, NobodyWaitsForEventsOfAWatchThatIsQuiet) {
  next(Response{503, R"({"message":"shutting down"})", {}, {}});
  EXPECT_THAT(mirror.trouble(), HasSubstr("shutting down"));
  feed({});
  EXPECT_EQ(mirror.trouble(), "");
}

TEST_F(MirrorTest, ThatItWorksAgainIsToldWhenSomethingComesAndNotBefore) {
  for (int i = 0; i < 3; ++i) {  // it says yes, and then fails
    next(Response{503, R"({"message":"shutting down"})", {}, {}});
    feed({});
  }
  EXPECT_EQ(logger.count("shutting down"), 1);
  EXPECT_EQ(logger.count("works again"), 0);
  feed(event("BOOKMARK", "", 11));
  EXPECT_EQ(logger.count("works again"), 1);
  next(Response{503, R"({"message":"shutting down"})", {}, {}});
  EXPECT_EQ(logger.count("shutting down"), 2);
}

TEST_F(MirrorTest, TheEndOfATroubleThatWasNotToldIsNotToldEither) {
  next(fail(ErrorKind::Timeout, "silent"));
  EXPECT_THAT(mirror.trouble(), HasSubstr("silent"));
  feed({});
  feed(event("BOOKMARK", "", 11));
  EXPECT_EQ(mirror.trouble(), "");
  EXPECT_EQ(logger.count("works again"), 0);
}

TEST_F(MirrorTest, TheEndOfATroubleThatWasToldIsToldThoughOthersCameBetween) {
  next(fail(ErrorKind::Unavailable, "cut off"));
  next(fail(ErrorKind::Timeout, "silent"));
  feed({});
  feed(event("ADDED", "a", 11));
  EXPECT_EQ(logger.count("works again"), 1);
}

TEST_F(MirrorTest, AnObjectWhoseReceiverThrowsIsAskedForAgain) {
  feed(event("ADDED", "a", 11));
  on_object = [](const std::string&) { throw std::runtime_error("full"); };
  EXPECT_THROW(static_cast<void>(mirror.feed(event("ADDED", "b", 12))), std::runtime_error);
  EXPECT_THAT(next(fail(ErrorKind::Internal, "the reader failed")), HasSubstr("&resourceVersion=11"));
}

}  // namespace
}  // namespace pgrightsizer::runtime
