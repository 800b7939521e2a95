// Probes, metrics and the log level over HTTP, for the kubelet, Prometheus and people.
//
//   GET /healthz     200 "ok", or 500 and one line per check that fails
//   GET /readyz      the same; ?verbose lists the checks that pass, too
//   GET /metrics     Prometheus's text format
//   GET /log-level   "info"; PUT sets it, from the pod itself only (kubectl port-forward)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/result.h"

namespace pgrightsizer::telemetry {

// `trouble` says what is wrong and what to do; empty while all is well. It must not block.
struct Check {
  std::string name;
  std::function<std::string()> trouble;
};

struct ServerContent {
  std::vector<Check> health;  // a process that fails one is restarted
  std::vector<Check> ready;
  std::function<std::string()> metrics;
  std::function<LogLevel()> log_level;
  std::function<void(LogLevel)> set_log_level;
};

struct ServerOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 8080;  // 0: any free one
  // A request, or an answer, that takes longer is cut off.
  std::chrono::milliseconds request_timeout{5'000};
  // Between two requests on one connection.
  std::chrono::milliseconds idle_timeout{90'000};
  // One more than this closes the connection on which nothing was heard for the longest time, so
  // that somebody who holds all of them does not hold off the probes.
  std::size_t max_connections = 64;
};

// One thread of its own, which runs the checks too. Lives from start() to its destructor.
class Server {
 public:
  virtual ~Server() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

// Invalid for an address or a port that cannot be listened on.
[[nodiscard]] Result<std::unique_ptr<Server>> start_server(const ServerOptions& options,
                                                           ServerContent content, Logger& logger);

}  // namespace pgrightsizer::telemetry
