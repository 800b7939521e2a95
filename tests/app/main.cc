// A service as the operator meets them: a fixed pool of connections and a steady stream of small
// transactions, every one of which is accounted for. See README.md.

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "app/config.h"
#include "app/http.h"
#include "app/record.h"
#include "app/service.h"

namespace pgrightsizer::app {
namespace {

using nlohmann::json;

constexpr Duration kRecordEvery = std::chrono::seconds(10);
constexpr Duration kDrainAtMost = std::chrono::seconds(20);

int termination_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

std::int64_t from_parameter(const std::string& query) {
  std::int64_t from = 0;
  if (query.starts_with("from=")) {
    std::from_chars(query.data() + 5, query.data() + query.size(), from);
  }
  return from;
}

HttpAnswer answer(const Service& service, std::int64_t start_ms, const std::string& path,
                  const std::string& query) {
  if (path == "/stats") return {.body = stats_json(service, start_ms).dump()};
  if (path == "/acked") return {.body = acked_json(service, from_parameter(query)).dump()};
  if (path == "/timeline") {
    return {.body = timeline_json(service.stats(), from_parameter(query)).dump()};
  }
  if (path == "/healthz") return {.body = R"({"ok":true})"};
  if (path == "/readyz") {
    const bool ready = service.open_connections() > 0;
    return {.status = ready ? 200 : 503, .body = ready ? R"({"ok":true})" : R"({"ok":false})"};
  }
  return {.status = 404, .body = R"({"error":"no such path"})"};
}

void wait(std::vector<pollfd>& fds, TimePoint until) {
  const Duration left = std::max(until - std::chrono::steady_clock::now(), Duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  timespec timeout{};
  timeout.tv_sec = seconds.count();
  timeout.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count();
  if (ppoll(fds.data(), fds.size(), &timeout, nullptr) >= 0) return;
  for (pollfd& fd : fds) fd.revents = 0;
}

// Serves until told to stop, then at most until the running transactions are done.
void run(Service& service, HttpServer& http, int signals, std::int64_t start_ms) {
  std::vector<pollfd> fds;
  TimePoint record_at = std::chrono::steady_clock::now() + kRecordEvery;
  TimePoint stop_at = kNever;
  const std::string& dir = service.config().final_dir;
  while (true) {
    TimePoint now = std::chrono::steady_clock::now();
    service.tick(now);
    if (stop_at != kNever && (service.drained() || stop_at <= now)) return;
    if (!dir.empty() && record_at <= now) {
      write_record(dir, service, record_json(service, start_ms, false));
      record_at = now + kRecordEvery;
    }
    fds.assign(1, {.fd = signals, .events = POLLIN, .revents = 0});
    service.wanted(fds);
    http.wanted(fds);
    const TimePoint wakeups[] = {service.next_wakeup(now), http.next_wakeup(), stop_at,
                                 dir.empty() ? kNever : record_at};
    wait(fds, *std::min_element(std::begin(wakeups), std::end(wakeups)));
    now = std::chrono::steady_clock::now();
    service.handle(fds, now);
    http.handle(fds, now);
    if (fds[0].revents != 0 && stop_at == kNever) {
      signalfd_siginfo info;
      if (read(signals, &info, sizeof info) <= 0) continue;
      service.drain();
      stop_at = now + kDrainAtMost;
    }
  }
}

int serve(const Config& config) {
  const int signals = termination_signals();
  const std::int64_t start_ms = wall_ms();
  Service service(config, std::chrono::steady_clock::now());
  HttpServer http(config.listen_host, config.listen_port, [&](const auto& path, const auto& query) {
    return answer(service, start_ms, path, query);
  });
  std::fprintf(stderr, "%s-%s: %d connections to %s:%s, %.2f transactions/s, JSON on port %d\n",
               config.pod.c_str(), service.nonce().c_str(), config.connections, config.host.c_str(),
               config.port.c_str(), config.rate_per_s, http.port());
  // At once: a volume that is not there must not be found out at the end.
  const std::string& dir = config.final_dir;
  if (!dir.empty() && !write_record(dir, service, record_json(service, start_ms, false))) {
    return EXIT_FAILURE;
  }
  run(service, http, signals, start_ms);
  service.shut_down();
  const json record = record_json(service, start_ms, true);
  std::printf("APP-FINAL %s\n", record.dump().c_str());
  std::fflush(stdout);
  if (dir.empty()) return EXIT_SUCCESS;
  return write_record(dir, service, record) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace pgrightsizer::app

int main(int argc, char** argv) {
  using namespace pgrightsizer::app;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    std::fputs(usage().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  try {
    return serve(parse_config(arguments, [](const char* name) { return std::getenv(name); }));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "app: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
