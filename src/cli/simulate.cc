#include "simulate.h"

#include <fstream>

#include "pgrightsizer/controller/rules.h"
#include "pgrightsizer/replay/output.h"
#include "pgrightsizer/schedule/schedule.h"
#include "policy_file.h"

namespace pgrightsizer::cli {

namespace {

Result<std::vector<schedule::Schedule>> schedules_of(const api::RestartSpec& restart) {
  std::vector<schedule::Schedule> out;
  for (std::size_t i = 0; i < restart.windows.size(); ++i) {
    const auto& window = restart.windows[i];
    auto one = schedule::Schedule::parse(window.schedule, window.duration, window.time_zone);
    if (!one)
      return fail(ErrorKind::Invalid,
                  "spec.restart.windows[" + std::to_string(i) + "]: " + one.error().message());
    out.push_back(*one);
  }
  return out;
}

Result<replay::Policy> replay_policy(const api::ConnectionPolicy& policy) {
  const auto& spec = policy.spec;
  if (spec.workload_selector)
    return fail(ErrorKind::Invalid, "spec.workloadSelector says nothing about the columns of a trace",
                policy.text(), "list spec.workloads, named as the columns are");
  auto schedules = schedules_of(spec.restart);
  if (!schedules) return fail(std::move(schedules.error()));
  replay::Policy out;
  for (const auto& entry : spec.workloads) {
    sizing::Workload workload;
    workload.name = entry.name;
    workload.connections_per_instance = entry.connections_per_instance;
    workload.concurrent_requests = entry.concurrent_requests;
    out.workloads.push_back(std::move(workload));
  }
  out.settings = spec.sizing;
  out.behavior = {spec.behavior.scale_up, spec.behavior.scale_down};
  out.rules = controller::rules_of(policy);
  out.windows = [schedules = std::move(*schedules)](replay::Time now) {
    std::vector<transition::Window> windows;
    for (const auto& one : schedule::windows(schedules, now)) windows.push_back({one.from, one.to});
    return windows;
  };
  return out;
}

}  // namespace

Result<std::string> simulate(const SimulateOptions& options) {
  const auto policy = read_policy(options.policy);
  if (!policy) return fail(policy.error());
  std::ifstream file(options.trace);
  if (!file) return fail(ErrorKind::NotFound, "it cannot be read", options.trace, "give the path of a CSV file");
  const auto trace = replay::read_trace(file, options.trace);
  if (!trace) return fail(trace.error());
  const auto converted = replay_policy(*policy);
  if (!converted) return fail(converted.error());
  const auto report = replay::replay(*trace, *converted);
  if (!report) return fail(report.error());
  if (options.format == "json") return replay::to_json(*report);
  if (options.format == "svg") return replay::to_svg(*report);
  return replay::to_text(*report);
}

}  // namespace pgrightsizer::cli
