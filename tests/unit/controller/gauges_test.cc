#include "controller/report/gauges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgrightsizer/telemetry/metrics.h"

namespace pgrightsizer::controller {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class GaugesTest : public testing::Test {
 protected:
  GaugesTest() {
    policy_.name_space = "shop";
    policy_.name = "shop-db";
    policy_.spec.mode = api::Mode::Apply;
    status_.instances = 50;
    status_.route = "Pooler";
    status_.current = api::Current{200, false, 197, 160, 81, 0, 150};
    status_.recommended = sizing::Plan{};
    status_.recommended->max_connections = 200;
    status_.recommended->uncapped_max_connections = 1050;
    status_.recommended->demand = 1000;
    status_.pooler = api::PoolerStatus{2, 1, 150, 75, 990, 3, 120};
    saturation_.now.used = 120;
    saturation_.now.limit = 150;
    saturation_.state = saturation::State{};
    saturation_.state->wait = std::chrono::milliseconds(250);
    saturation_.state->level = saturation::Level::WaitTooLong;
    status_.conditions = {{"Ready", "True", "InStep", "", 0, {}},
                          {"Stalled", "True", "Forbidden", "", 0, {}}};
  }
  void publish(const api::Status& before) {
    controller::publish(*registry_, policy_, before, status_, saturation_);
  }
  // Labels come in the order of their names.
  [[nodiscard]] testing::Matcher<std::string> has(const std::string& name, const std::string& more,
                                                  const std::string& value) const {
    return HasSubstr(name + "{" + more + "} " + value + "\n");
  }

  const std::string ours_ = R"(namespace="shop",policy="shop-db")";
  std::unique_ptr<telemetry::Registry> registry_ = telemetry::make_registry();
  api::ConnectionPolicy policy_;
  api::Status status_;
  Saturation saturation_;
};

TEST_F(GaugesTest, AStatusIsSeries) {
  publish({});
  const auto text = registry_->text();
  EXPECT_THAT(text, has("pgrightsizer_instances", ours_, "50"));
  EXPECT_THAT(text, has("pgrightsizer_max_connections", R"(kind="effective",)" + ours_, "200"));
  EXPECT_THAT(text, has("pgrightsizer_max_connections", R"(kind="uncapped",)" + ours_, "1050"));
  EXPECT_THAT(text, has("pgrightsizer_demand_connections", ours_, "1000"));
  EXPECT_THAT(text, has("pgrightsizer_sessions", ours_ + R"(,route="pooled")", "150"));
  EXPECT_THAT(text, has("pgrightsizer_route", ours_ + R"(,route="Pooler")", "1"));
  EXPECT_THAT(text, has("pgrightsizer_route", ours_ + R"(,route="Direct")", "0"));
  EXPECT_THAT(text, has("pgrightsizer_policy_info", R"(mode="Apply",)" + ours_, "1"));
  EXPECT_THAT(text, has("pgrightsizer_utilization_ratio", ours_, "0.8"));
  EXPECT_THAT(text, has("pgrightsizer_saturation", R"(level="WaitTooLong",)" + ours_, "1"));
  EXPECT_THAT(text, has("pgrightsizer_saturation", R"(level="Normal",)" + ours_, "0"));
  EXPECT_THAT(text, has("pgrightsizer_connection_wait_seconds", ours_, "0.25"));
  EXPECT_THAT(text, has("pgrightsizer_pool_wait_seconds", ours_, "0.12"));
  EXPECT_THAT(text, has("pgrightsizer_pooler_replicas", ours_ + R"(,state="ready")", "1"));
  EXPECT_THAT(text, has("pgrightsizer_policy_condition", ours_ + R"(,status="True",type="Ready")", "1"));
  EXPECT_THAT(text, has("pgrightsizer_policy_condition", ours_ + R"(,status="False",type="Ready")", "0"));
  EXPECT_THAT(text, has("pgrightsizer_restarts_total", ours_, "0"));
}

TEST_F(GaugesTest, WhatIsNotThereAnyMoreIsNotShown) {
  publish({});
  const auto before = status_;
  status_.pooler.reset();
  status_.conditions.pop_back();
  publish(before);
  const auto text = registry_->text();
  EXPECT_THAT(text, Not(HasSubstr("pgrightsizer_pool")));
  EXPECT_THAT(text, Not(HasSubstr("Stalled")));
  EXPECT_THAT(text, HasSubstr("type=\"Ready\""));
}

TEST_F(GaugesTest, WhatWasNotMeasuredIsNotShown) {
  status_.current.reset();
  saturation_ = {};
  publish({});
  const auto text = registry_->text();
  EXPECT_THAT(text, Not(HasSubstr("kind=\"effective\"")));
  EXPECT_THAT(text, Not(HasSubstr("utilization")));
}

TEST_F(GaugesTest, WhatIsNotMeasuredAnyMoreIsNotShown) {
  publish({});
  saturation_ = {};
  publish(status_);
  const auto text = registry_->text();
  EXPECT_THAT(text, Not(HasSubstr("utilization")));
  EXPECT_THAT(text, Not(HasSubstr("connection_wait")));
  EXPECT_THAT(text, has("pgrightsizer_saturation", R"(level="WaitTooLong",)" + ours_, "0"));
}

TEST_F(GaugesTest, StepsAndRestartsAreCounted) {
  const WallTime first{seconds(100)};
  status_.restarts = {{first, 250, 200, {}}};
  count_step(*registry_, policy_, "Restart", true, {}, status_);
  count_step(*registry_, policy_, "SetCap", false, status_, status_);
  auto later = status_;
  later.restarts.push_back({first + seconds(60), 200, 250, {}});
  count_step(*registry_, policy_, "Restart", true, status_, later);
  const auto text = registry_->text();
  EXPECT_THAT(text, has("pgrightsizer_restarts_total", ours_, "2"));
  EXPECT_THAT(text, has("pgrightsizer_steps_total", ours_ + R"(,result="success",step="Restart")", "2"));
  EXPECT_THAT(text, has("pgrightsizer_steps_total", ours_ + R"(,result="error",step="SetCap")", "1"));
}

TEST_F(GaugesTest, ErrorsAreCountedFromZero) {
  const std::string from = R"(,source="postgresql")";
  count_errors(*registry_, policy_, {});
  EXPECT_THAT(registry_->text(),
              has("pgrightsizer_connection_errors_total", R"(kind="refused",)" + ours_ + from, "0"));
  count_errors(*registry_, policy_, {{{kServer, postgres::ConnectionError::Refused}, 3}});
  count_errors(*registry_, policy_, {{{kServer, postgres::ConnectionError::Refused}, 2}});
  EXPECT_THAT(registry_->text(),
              has("pgrightsizer_connection_errors_total", R"(kind="refused",)" + ours_ + from, "5"));
  EXPECT_THAT(registry_->text(), Not(HasSubstr("source=\"probe\"")));
}

TEST_F(GaugesTest, OfADatabaseWithoutPodsProbesTell) {
  policy_.spec.database.provider = api::ProviderKind::External;
  count_errors(*registry_, policy_, {{{kProbe, postgres::ConnectionError::LoginFailed}, 1}});
  EXPECT_THAT(registry_->text(), has("pgrightsizer_connection_errors_total",
                                     R"(kind="login_failed",)" + ours_ + R"(,source="probe")", "1"));
  EXPECT_THAT(registry_->text(), Not(HasSubstr("source=\"postgresql\"")));
}

TEST_F(GaugesTest, APolicyThatIsGoneLeavesNothing) {
  publish({});
  count_step(*registry_, policy_, "Restart", true, {}, status_);
  count_errors(*registry_, policy_, {});
  policy_.name = "other";
  publish({});
  unpublish(*registry_, "shop", "shop-db");
  const auto text = registry_->text();
  EXPECT_THAT(text, Not(HasSubstr("policy=\"shop-db\"")));
  EXPECT_THAT(text, HasSubstr("policy=\"other\""));
}

}  // namespace
}  // namespace pgrightsizer::controller
