// A restart's record in the status, which the next one is spaced by.
#include "controller/execute/restart.h"

#include <array>

#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using std::chrono::seconds;

class CountingProvider final : public providers::Provider {
 public:
  Result<providers::Database> observe() override { return providers::Database{}; }
  [[nodiscard]] std::optional<providers::Override> overridden(const postgres::Settings&,
                                                              const providers::Database&) const override {
    return std::nullopt;
  }
  Result<void> request(std::int64_t, postgres::Session*) override { return {}; }
  Result<void> write_place(std::int64_t) override { return {}; }
  Result<void> restart(const providers::Database&, postgres::Session*) override {
    ++restarts;
    if (refusal) return fail(*refusal, "no");
    return {};
  }
  int restarts = 0;
  std::optional<ErrorKind> refusal;
};

class RestartRecord : public TurnTest {
 protected:
  RestartRecord() {
    transport_.on_call = [](const kube::Request&) { return kube::Response{200, "{}", {}, {}}; };
    auto provider = std::make_unique<CountingProvider>();
    provider_ = provider.get();
    memory_.provider = std::move(provider);
    step_.kind = transition::StepKind::Restart;
    step_.old_value = 290;
    step_.value = 250;
  }
  void restart() { ASSERT_TRUE(controller::restart(turn_, step_, status_)); }

  api::Status status_;
  transition::Step step_;
  CountingProvider* provider_ = nullptr;
};

TEST_F(RestartRecord, IsMadeBeforeTheRestart) {
  restart();
  ASSERT_EQ(status_.restarts.size(), 1U);
  EXPECT_EQ(status_.restarts[0], (api::RestartRecord{clock_.time, 290, 250, std::nullopt}));
  EXPECT_EQ(provider_->restarts, 1);
}

// Found by tests/simulation: the next restart came 15 s after this one, with an interval of 20 s.
TEST_F(RestartRecord, OfOneThatIsTriedAgainHasTheLaterTime) {
  restart();
  clock_.time += seconds(30);
  restart();
  ASSERT_EQ(status_.restarts.size(), 1U);
  EXPECT_EQ(status_.restarts[0].time, clock_.time);
}

TEST_F(RestartRecord, OfAnotherValueIsAnother) {
  restart();
  step_.value = 270;
  restart();
  EXPECT_EQ(status_.restarts.size(), 2U);
}

class RestartAnswered : public RestartRecord {
 protected:
  void answered(ErrorKind kind) {
    facts_.database.pod_uid = "pod";
    memory_.restart.paused = clock_.steady();
    provider_->refusal = kind;
    EXPECT_EQ(controller::restart(turn_, step_, status_).error().kind, kind);
  }
};

constexpr std::array kRefusals{ErrorKind::Unauthorized, ErrorKind::Forbidden, ErrorKind::Invalid,
                              ErrorKind::TooManyRequests};

TEST_F(RestartAnswered, WithARefusalLetsGoWhoWaitsForIt) {
  for (const auto kind : kRefusals) {
    answered(kind);
    EXPECT_EQ(memory_.restart.begun_uid, "") << to_string(kind);
    EXPECT_FALSE(memory_.restart.paused) << to_string(kind);
    EXPECT_TRUE(status_.restarts.empty()) << to_string(kind);
  }
}

TEST_F(RestartAnswered, WithRefusalsIsTriedMoreAndMoreRarely) {
  for (const int after : {5, 10, 20, 40, 80, 160, 320, 320}) {
    answered(ErrorKind::Forbidden);
    EXPECT_EQ(memory_.restart.retry_at, clock_.time + seconds(after));
  }
  provider_->refusal.reset();
  restart();
  answered(ErrorKind::Forbidden);
  EXPECT_EQ(memory_.restart.retry_at, clock_.time + seconds(5));
}

TEST_F(RestartAnswered, ThatThePodIsAnotherHasNotBegun) {
  answered(ErrorKind::Conflict);
  EXPECT_EQ(memory_.restart.begun_uid, "");
  EXPECT_TRUE(memory_.restart.paused);
}

TEST_F(RestartAnswered, WithNothingCertainMayBeUnderWay) {
  for (const auto kind : {ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Internal}) {
    answered(kind);
    EXPECT_EQ(memory_.restart.begun_uid, "pod") << to_string(kind);
    EXPECT_TRUE(memory_.restart.paused) << to_string(kind);
    EXPECT_EQ(status_.restarts.size(), 1U) << to_string(kind);
  }
}

}  // namespace
}  // namespace pgrightsizer::controller
