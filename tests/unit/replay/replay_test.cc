#include "pgrightsizer/replay/replay.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "pgrightsizer/replay/output.h"

namespace pgrightsizer::replay {
namespace {

using testing::HasSubstr;
using std::chrono::hours;
using std::chrono::minutes;

Time at(minutes time) { return Time(hours(1'000'000) + time); }

Trace trace_of(std::initializer_list<std::pair<minutes, Count>> rows) {
  Trace trace{{"api"}, {}};
  for (const auto& [time, count] : rows) trace.rows.push_back({at(time), {count}});
  return trace;
}

Policy policy() {
  Policy policy;
  sizing::Workload workload;
  workload.name = "api";
  policy.workloads = {workload};
  return policy;
}

Report replayed(const Trace& trace, const Policy& policy) {
  const auto report = replay(trace, policy);
  if (!report) throw std::runtime_error(report.error().message());
  return *report;
}

TEST(Replay, AConstantCountCostsNothing) {
  const auto report = replayed(trace_of({{minutes(0), 10}, {minutes(1440), 10}}), policy());
  EXPECT_TRUE(report.restarts.empty());
  EXPECT_EQ(report.exposed_minutes(), 0);
  EXPECT_DOUBLE_EQ(report.days, 1);
}

TEST(Replay, ThereAndBackIsWhatTheOperatorDoes) {
  const auto report = replayed(
      trace_of({{minutes(0), 10}, {minutes(60), 50}, {minutes(180), 10}, {minutes(600), 10}}), policy());
  ASSERT_EQ(report.moves.size(), 2U);
  EXPECT_EQ(report.moves[0].to, sizing::Route::Pooler);
  EXPECT_EQ(report.moves[0].time, at(minutes(60)));
  EXPECT_EQ(report.moves[1].to, sizing::Route::Direct);
  EXPECT_EQ(report.moves[1].time, at(minutes(185))) << "after the scale-down window";
  ASSERT_EQ(report.restarts.size(), 2U);
  EXPECT_EQ(report.restarts[0].to, 200);
  EXPECT_EQ(report.restarts[1].to, 250);
  EXPECT_EQ(report.pooled_restarts(), 2);
}

TEST(Replay, ARaiseThatComesTooLateIsAnExposedMinute) {
  const auto report =
      replayed(trace_of({{minutes(0), 10}, {minutes(60), 12}, {minutes(120), 12}}), policy());
  ASSERT_EQ(report.restarts.size(), 1U);
  EXPECT_FALSE(report.restarts[0].pooled);
  EXPECT_EQ(report.exposed_minutes(), 1);
  EXPECT_EQ(report.exposures[0].demand, 240);
  EXPECT_EQ(report.exposures[0].usable, 247);
}

TEST(Replay, ARestartThatMayNotBeDoneExposesForAsLongAsItWaits) {
  auto manual = policy();
  manual.rules.restart = transition::RestartPolicy::Manual;
  const auto report =
      replayed(trace_of({{minutes(0), 10}, {minutes(60), 12}, {minutes(120), 10}, {minutes(180), 10}}), manual);
  EXPECT_TRUE(report.restarts.empty());
  EXPECT_EQ(report.exposed_minutes(), 60);
  EXPECT_THAT(report.exposures[0].why, HasSubstr("Manual"));
}

TEST(Replay, WindowsOpenWhenTheySay) {
  auto waits = policy();
  waits.rules.restart = transition::RestartPolicy::InWindow;
  waits.windows = [](Time) {
    return std::vector<transition::Window>{{at(minutes(90)), at(minutes(95))}};
  };
  const auto report =
      replayed(trace_of({{minutes(0), 10}, {minutes(60), 12}, {minutes(180), 12}}), waits);
  ASSERT_EQ(report.restarts.size(), 1U);
  EXPECT_EQ(report.restarts[0].time, at(minutes(90)));
  EXPECT_EQ(report.exposed_minutes(), 30);
}

TEST(Replay, TheBudgetHolds) {
  auto exact = policy();
  exact.rules.restart = transition::RestartPolicy::Immediate;
  exact.rules.min_interval = std::chrono::seconds(0);
  exact.rules.max_per_day = 5;
  exact.behavior = {std::chrono::seconds(0), std::chrono::seconds(0)};
  Trace trace{{"api"}, {}};
  for (int i = 0; i < 3 * 1440; ++i) trace.rows.push_back({at(minutes(i)), {5 + i % 2}});
  const auto report = replayed(trace, exact);
  EXPECT_GT(report.restarts.size(), 10U);
  for (std::size_t i = 5; i < report.restarts.size(); ++i)
    EXPECT_GE(report.restarts[i].time - report.restarts[i - 5].time, hours(24));
}

TEST(Replay, SaysTheSameTwice) {
  const auto trace = trace_of({{minutes(0), 10}, {minutes(60), 50}, {minutes(600), 12}, {minutes(900), 12}});
  EXPECT_EQ(to_json(replayed(trace, policy())), to_json(replayed(trace, policy())));
}

TEST(Replay, AWorkloadWithoutAColumnIsNamed) {
  auto other = policy();
  other.workloads[0].name = "web";
  const auto report = replay(trace_of({{minutes(0), 1}, {minutes(1), 1}}), other);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("no column \"web\""));
  EXPECT_FALSE(replay(trace_of({{minutes(0), 1}}), policy())) << "a trace has a beginning and an end";
}

TEST(Output, EachFormHoldsTheFigures) {
  const auto report =
      replayed(trace_of({{minutes(0), 10}, {minutes(60), 12}, {minutes(1440), 12}}), policy());
  EXPECT_THAT(to_text(report), HasSubstr("1.0 days: 1 restarts (1.00 a day), 0 of them behind the pooler"));
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["restarts"][0]["from"], 250);
  EXPECT_EQ(json["restarts"][0]["to"], 290);
  EXPECT_EQ(json["exposedMinutes"], 1);
  const auto svg = to_svg(report);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, HasSubstr("1 restarts"));
  EXPECT_THAT(to_svg(Report{}), HasSubstr("</svg>")) << "nothing happened";
}

}  // namespace
}  // namespace pgrightsizer::replay
