#include "pgrightsizer/replay/replay.h"

#include <algorithm>

#include "world.h"

namespace pgrightsizer::replay {

namespace {

using sizing::Route;
using std::chrono::minutes;
using transition::Step;
using transition::StepKind;

// More than any transition takes: a core that goes in circles must not hang us.
constexpr int kMostSteps = 500;

// Which column of the trace is which workload of the policy.
Result<std::vector<std::size_t>> columns_of(const Trace& trace, const Policy& policy) {
  std::vector<std::size_t> columns;
  for (const auto& workload : policy.workloads) {
    const auto found = std::find(trace.workloads.begin(), trace.workloads.end(), workload.name);
    if (found == trace.workloads.end())
      return fail(ErrorKind::Invalid, "no column \"" + workload.name + "\"", "the trace",
                  "name its columns as spec.workloads names the workloads");
    columns.push_back(static_cast<std::size_t>(found - trace.workloads.begin()));
  }
  return columns;
}

class Run {
 public:
  Run(const Policy& policy, std::vector<std::size_t> columns, const Row& first)
      : policy_(policy), columns_(std::move(columns)), world_(policy, first.time, at_rest(first)) {}

  // Everything from this moment until `until`, with the counts of the row.
  void follow(const Row& row, Time until) {
    row_ = &row;
    Time now = row.time;
    while (now < until) {
      const Time next = std::clamp(turn(now), now + transition::milliseconds{1}, until);
      count_exposure(next);
      now = next;
    }
  }

  [[nodiscard]] Report take(Time start, Time end) {
    report_.days = std::chrono::duration<double, std::ratio<86'400>>(end - start).count();
    return std::move(report_);
  }

 private:
  [[nodiscard]] std::vector<sizing::Workload> workloads(const Row& row) const {
    auto all = policy_.workloads;
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].replicas = all[i].pods_not_gone = row.replicas[columns_[i]];
      all[i].max_surge_percent = 25;
    }
    return all;
  }

  // As the policy counts them; a trace knows no autoscaler.
  [[nodiscard]] std::vector<sizing::Workload> counted(const Row& row) const {
    auto all = workloads(row);
    for (auto& one : all)
      one.replicas = sizing::counted_instances(one, policy_.settings.count_instances);
    return all;
  }

  [[nodiscard]] Count at_rest(const Row& row) const {
    return std::max(Count{25}, sizing::plan(counted(row), policy_.settings, 0).max_connections);
  }

  // Steps until the operator waits; the time at which it would look again by itself.
  Time turn(Time now) {
    const auto all = counted(*row_);
    world_.demand(demand());
    begin_exposure(now);
    Time next = Time::max();
    for (int i = 0; i < kMostSteps; ++i) {
      world_.settle(now);
      auto seen = world_.observe();
      const auto counted = stabilizer_.observe(
          transition::Stabilizer::Instant(now.time_since_epoch()), all, seen.direct_sessions,
          policy_.behavior);
      seen.stabilized = counted.stabilized;
      seen.peak_direct_sessions = std::max(counted.peak_sessions, seen.direct_sessions);
      next = counted.wait.count() > 0 ? now + counted.wait : Time::max();
      const auto plan =
          sizing::plan(counted.workloads, policy_.settings,
                       sizing::tier_of_pool(policy_.settings, world_.pool_size()));
      auto rules = policy_.rules;
      if (policy_.windows) rules.windows = policy_.windows(now);
      const Step step = transition::next_step(seen, plan, rules, world_.history(), now);
      if (step.kind == StepKind::None || step.kind == StepKind::Wait) {
        if (step.deadline && *step.deadline > now) next = std::min(next, *step.deadline);
        judge_exposure(step.reason);
        break;
      }
      world_.execute(step, now, report_);
    }
    note_point(now);
    return next;
  }

  [[nodiscard]] bool fits() const {
    return world_.route() == Route::Pooler || demand() + sizing::kOthersFloor <= world_.usable();
  }
  [[nodiscard]] Count demand() const {
    return sizing::direct_demand(workloads(*row_), policy_.settings.environment);
  }

  // Before the operator acts: what it mends at once has still been there for a moment.
  void begin_exposure(Time now) {
    if (exposed_ || fits()) return;
    report_.exposures.push_back({now, 1, demand(), world_.usable(), "a restart made room at once"});
    exposed_ = true;
  }
  // When it has come to rest.
  void judge_exposure(const std::string& why) {
    if (exposed_ && !fits()) report_.exposures.back().why = why;
    exposed_ = exposed_ && !fits();
  }
  // What is not mended at once lasts until the next moment at which anything changes.
  void count_exposure(Time next) {
    if (!exposed_) return;
    auto& last = report_.exposures.back();
    last.minutes = static_cast<int>(std::chrono::ceil<minutes>(next - last.from).count());
  }

  void note_point(Time now) {
    Count instances = 0;
    for (const auto& one : workloads(*row_)) instances = sizing::saturating_add(instances, one.replicas);
    const Point point{now, instances, demand(), world_.effective(), world_.route()};
    const bool same = !report_.points.empty() && report_.points.back().instances == point.instances &&
                      report_.points.back().demand == point.demand &&
                      report_.points.back().max_connections == point.max_connections &&
                      report_.points.back().route == point.route;
    if (!same) report_.points.push_back(point);
  }

  const Policy& policy_;
  std::vector<std::size_t> columns_;
  const Row* row_ = nullptr;
  World world_;
  transition::Stabilizer stabilizer_;
  Report report_;
  bool exposed_ = false;
};

}  // namespace

double Report::restarts_per_day() const {
  return days > 0 ? static_cast<double>(restarts.size()) / days : 0;
}

int Report::pooled_restarts() const {
  return static_cast<int>(std::count_if(restarts.begin(), restarts.end(),
                                        [](const Restart& one) { return one.pooled; }));
}

int Report::exposed_minutes() const {
  int sum = 0;
  for (const auto& one : exposures) sum += one.minutes;
  return sum;
}

Result<Report> replay(const Trace& trace, const Policy& policy) {
  if (trace.rows.size() < 2)
    return fail(ErrorKind::Invalid, "fewer than two rows", "the trace",
                "give a row for each change of a count, and one for the end");
  auto columns = columns_of(trace, policy);
  if (!columns) return fail(std::move(columns.error()));
  Run run(policy, std::move(*columns), trace.rows.front());
  for (std::size_t i = 0; i + 1 < trace.rows.size(); ++i)
    run.follow(trace.rows[i], trace.rows[i + 1].time);
  return run.take(trace.rows.front().time, trace.rows.back().time);
}

}  // namespace pgrightsizer::replay
