#include "pgrightsizer/runtime/leader_elector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "pgrightsizer/telemetry/metrics.h"
#include "unit/kube/recording_logger.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// ── The rule ────────────────────────────────────────────────────────────────────────────────────

class LeaseRuleTest : public testing::Test {
 protected:
  LeaseAction look(seconds at, const std::string& holder, const std::string& renewed) {
    return rule_.decide({holder, seconds(15), "", renewed, 0}, LeaseRule::Instant{} + seconds(1000) + at);
  }
  LeaseRule rule_{"me"};
};

TEST_F(LeaseRuleTest, ALeaseThatWasGivenBackIsTaken) {
  EXPECT_EQ(look(seconds(0), "", "a"), LeaseAction::Take);
}

TEST_F(LeaseRuleTest, OurOwnIsRenewedHoweverOld) {
  EXPECT_EQ(look(seconds(0), "me", "a"), LeaseAction::Renew);
  EXPECT_EQ(look(seconds(500), "me", "a"), LeaseAction::Renew);
}

TEST_F(LeaseRuleTest, AHolderThatRenewsIsWaitedFor) {
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(look(seconds(10 * i), "other", std::to_string(i)), LeaseAction::Wait) << i;
}

TEST_F(LeaseRuleTest, AHolderIsDeadWhenItsRecordStaysForItsDuration) {
  EXPECT_EQ(look(seconds(0), "other", "long ago"), LeaseAction::Wait) << "clocks may differ";
  EXPECT_EQ(look(seconds(15), "other", "long ago"), LeaseAction::Wait);
  EXPECT_EQ(look(seconds(16), "other", "long ago"), LeaseAction::Take);
}

TEST_F(LeaseRuleTest, AnotherHolderGetsItsOwnTime) {
  EXPECT_EQ(look(seconds(0), "first", "a"), LeaseAction::Wait);
  EXPECT_EQ(look(seconds(14), "second", "a"), LeaseAction::Wait);
  EXPECT_EQ(look(seconds(29), "second", "a"), LeaseAction::Wait);
  EXPECT_EQ(look(seconds(30), "second", "a"), LeaseAction::Take);
}

// ── The elector ─────────────────────────────────────────────────────────────────────────────────

// An API server with one Lease; whoever asks while it is `away` gets no answer.
class LeaseServer final : public kube::Transport {
 public:
  Result<kube::Response> call(const kube::Request& request, milliseconds) override {
    std::scoped_lock lock(mutex_);
    if (away) return fail(ErrorKind::Unavailable, "connection refused");
    if (request.method == kube::Method::Get) return lease_.is_null() ? status(404, "NotFound") : now();
    if (steal.exchange(false)) {
      lease_["spec"]["holderIdentity"] = "thief";
      (void)written();
    }
    const auto body = json::parse(request.body);
    if (request.method == kube::Method::Post) {
      if (!lease_.is_null()) return status(409, "AlreadyExists");
      lease_ = body;
      return written();
    }
    if (body["metadata"]["resourceVersion"] != lease_["metadata"]["resourceVersion"])
      return status(409, "Conflict");
    lease_.merge_patch(body);
    return written();
  }
  Result<kube::Response> stream(const kube::Request&, const std::function<void(std::string_view)>&,
                                milliseconds, const std::stop_token&) override {
    return fail(ErrorKind::Internal, "not here");
  }
  void change(const json& patch) {
    std::scoped_lock lock(mutex_);
    lease_.merge_patch(patch);
    (void)written();
  }
  [[nodiscard]] json spec() {
    std::scoped_lock lock(mutex_);
    return lease_.is_null() ? json::object() : lease_["spec"];
  }
  [[nodiscard]] std::string holder() { return spec().value("holderIdentity", "nobody"); }

  std::atomic<bool> away{false};
  std::atomic<bool> steal{false};  // when it is about to be renewed

 private:
  kube::Response now() { return {200, lease_.dump(), {}, {}}; }
  kube::Response written() {
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
    return now();
  }
  static kube::Response status(int code, const char* reason) {
    return {code, json{{"kind", "Status"}, {"reason", reason}, {"message", reason}}.dump(), {}, {}};
  }

  std::mutex mutex_;
  json lease_;
  int version_ = 0;
};

class LeaderElectorTest : public testing::Test {
 protected:
  struct Process {
    std::atomic<int> elected{0};
    std::atomic<int> lost{0};
    std::unique_ptr<LeaderElector> elector;
  };

  std::unique_ptr<Process> start(const std::string& identity) {
    auto process = std::make_unique<Process>();
    LeaderElectorOptions options;
    options.name_space = "system";
    options.identity = identity;
    options.duration = duration_;
    options.renew_deadline = renew_deadline_;
    options.retry = milliseconds(5);
    process->elector = std::make_unique<LeaderElector>(server_, clock_, logger_, *metrics_, options);
    process->elector->start([p = process.get()] { ++p->elected; }, [p = process.get()] { ++p->lost; });
    return process;
  }

  LeaseServer server_;
  SystemClock clock_;
  RecordingLogger logger_;
  std::unique_ptr<telemetry::Registry> metrics_ = telemetry::make_registry();
  seconds duration_{60};
  milliseconds renew_deadline_{300};
};

TEST_F(LeaderElectorTest, TheFirstMakesTheLeaseAndLeads) {
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  EXPECT_EQ(server_.holder(), "first");
  EXPECT_EQ(server_.spec()["leaseTransitions"], 0);
  EXPECT_THAT(metrics_->text(), HasSubstr("leader_election_master_status{name=\"pg-rightsizer\"} 1"));
}

TEST_F(LeaderElectorTest, OneThatStopsGivesItBackAndTheOtherLeads) {
  auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  const auto second = start("second");
  ASSERT_TRUE(eventually([&] { return server_.spec()["renewTime"] != server_.spec()["acquireTime"]; }));
  EXPECT_EQ(second->elected, 0);
  first->elector->stop();
  EXPECT_EQ(first->lost, 0);
  ASSERT_TRUE(eventually([&] { return second->elected == 1; }));
  EXPECT_EQ(server_.holder(), "second");
  EXPECT_EQ(server_.spec()["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, OneThatDiesIsFollowedWhenItsTimeIsOver) {
  server_.change({{"metadata", {{"name", "pg-rightsizer"}}},
                  {"spec", {{"holderIdentity", "dead"}, {"leaseDurationSeconds", 1}}}});
  const auto second = start("second");
  ASSERT_TRUE(eventually([&] { return second->elected == 1; }));
  EXPECT_EQ(server_.holder(), "second");
}

TEST_F(LeaderElectorTest, OneThatCannotRenewStopsBeforeAnotherMayLead) {
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  server_.away = true;
  ASSERT_TRUE(eventually([&] { return first->lost == 1; }));
  EXPECT_EQ(logger_.count("the lease is lost"), 1);
  EXPECT_GE(logger_.count("connection refused"), 1);
}

TEST_F(LeaderElectorTest, OneWhoseLeaseIsStolenAsItRenewsLooksAgainAtOnce) {
  renew_deadline_ = milliseconds(60'000);
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  server_.steal = true;
  ASSERT_TRUE(eventually([&] { return first->lost == 1; }));
  EXPECT_EQ(server_.holder(), "thief");
  EXPECT_EQ(logger_.count("leader election"), 0) << "it has waited for the next renewal";
}

TEST_F(LeaderElectorTest, SaysWhatKeepsItFromTheLeaseUntilItHasSeenIt) {
  server_.away = true;
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return !first->elector->trouble().empty(); }));
  EXPECT_THAT(first->elector->trouble(), HasSubstr("Lease system/pg-rightsizer: connection refused"));
  server_.away = false;
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  EXPECT_EQ(first->elector->trouble(), "");
  server_.away = true;
  ASSERT_TRUE(eventually([&] { return first->lost == 1; }));
  EXPECT_EQ(first->elector->trouble(), "") << "an outage does not take it out of the Services";
}

TEST_F(LeaderElectorTest, AShortOutageCostsNothing) {
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  server_.away = true;
  ASSERT_TRUE(eventually([&] { return logger_.count("connection refused") >= 1; }));
  server_.away = false;
  const auto before = server_.spec();
  ASSERT_TRUE(eventually([&] { return server_.spec() != before; }));
  EXPECT_EQ(first->lost, 0);
}

TEST_F(LeaderElectorTest, AStolenLeaseIsLostAtOnce) {
  renew_deadline_ = seconds(60);  // not that which ends it
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  server_.change({{"spec", {{"holderIdentity", "thief"}}}});
  ASSERT_TRUE(eventually([&] { return first->lost == 1; }));
  EXPECT_EQ(server_.holder(), "thief");
}

TEST_F(LeaderElectorTest, SomebodyElsesLabelIsNoLoss) {
  const auto first = start("first");
  ASSERT_TRUE(eventually([&] { return first->elected == 1; }));
  for (int i = 0; i < 20; ++i) {
    server_.change({{"metadata", {{"labels", {{"n", std::to_string(i)}}}}}});
    const auto before = server_.spec();
    ASSERT_TRUE(eventually([&] { return server_.spec() != before; }));
  }
  EXPECT_EQ(first->lost, 0);
}

TEST_F(LeaderElectorTest, OfManyOneLeads) {
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 5; ++i) all.push_back(start(std::to_string(i)));
  const auto elected = [&] {
    int sum = 0;
    for (const auto& one : all) sum += one->elected;
    return sum;
  };
  ASSERT_TRUE(eventually([&] { return elected() == 1; }));
  for (int round = 2; round <= 5; ++round) {
    for (const auto& one : all)
      if (one->elected == 1) one->elector->stop();
    ASSERT_TRUE(eventually([&] { return elected() == round; })) << round;
  }
}

}  // namespace
}  // namespace pgrightsizer::runtime
