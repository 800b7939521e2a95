#include "probes.h"

#include <charconv>
#include <set>

namespace pgrightsizer::cli {

namespace {

constexpr Metric kBuild{MetricKind::Gauge, "pgrightsizer_build_info", "1, with the version."};
constexpr Metric kStarted{MetricKind::Gauge, "process_start_time_seconds",
                          "When the process was started, in seconds since 1970."};

Result<telemetry::ServerOptions> options_of(const std::string& text) {
  telemetry::ServerOptions options;
  const auto colon = text.rfind(':');
  const auto* end = text.data() + text.size();
  if (colon != std::string::npos) {
    const auto read = std::from_chars(text.data() + colon + 1, end, options.port);
    options.address = text.substr(0, colon);
    if (options.address.starts_with('[') && options.address.ends_with(']'))
      options.address = options.address.substr(1, options.address.size() - 2);
    if (read.ec == std::errc{} && read.ptr == end && !options.address.empty()) return options;
  }
  return fail(ErrorKind::Invalid, "\"" + text + "\" is not ADDRESS:PORT", "--metrics-address",
              "write it as 0.0.0.0:8080 or [::]:8080");
}

// Why a kind has been listed nowhere yet. One namespace will do: with another that is gone, or whose
// Role is, this process can work all the same.
std::string trouble_of(const runtime::Manager& manager, const std::string& kind) {
  std::string out;
  for (const auto& now : manager.informers()) {
    if (now.kind != kind) continue;
    if (now.synced) return {};
    if (out.empty()) out = now.trouble.empty() ? "not listed yet" : now.trouble;
  }
  return out;
}

// One check for each kind: which of them is late is what one wants to know.
std::vector<telemetry::Check> ready_checks(const runtime::Manager& manager) {
  std::vector<telemetry::Check> checks;
  std::set<std::string> kinds;
  for (const auto& informer : manager.informers()) {
    if (!kinds.insert(informer.kind).second) continue;
    checks.push_back(
        {"informer-" + informer.kind, [&manager, kind = informer.kind] { return trouble_of(manager, kind); }});
  }
  return checks;
}

}  // namespace

Result<std::unique_ptr<telemetry::Server>> serve_probes(const std::string& address,
                                                        const runtime::Manager& manager,
                                                        const runtime::LeaderElector& elector,
                                                        telemetry::Registry& metrics,
                                                        telemetry::ProcessLog& logger) {
  const auto options = options_of(address);
  if (!options) return fail(options.error());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  metrics.set(kBuild, {{"version", PGRS_VERSION}}, 1);
  metrics.set(kStarted, {}, std::chrono::duration<double>(now).count());
  telemetry::ServerContent content;
  content.ready = ready_checks(manager);
  content.ready.push_back({"lease", [&elector] { return elector.trouble(); }});
  content.metrics = [&metrics] { return metrics.text(); };
  content.log_level = [&logger] { return logger.level(); };
  content.set_log_level = [&logger](LogLevel level) {
    logger.set_level(level);
    logger.info("the log level was set", {{"now", std::string(telemetry::to_string(level))}});
  };
  return telemetry::start_server(*options, std::move(content), logger);
}

}  // namespace pgrightsizer::cli
