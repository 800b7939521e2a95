// The benchmark's job with this project's runtime: watch all Deployments, keep one ConfigMap per
// database with the sum of replicas.
//
//     bench_ours PREFIX
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "burst.h"
#include "cli/memory.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/manager.h"
#include "pgrightsizer/runtime/work_queue.h"

namespace {

using namespace pgrightsizer;
using bench::Burst;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kDatabaseLabel = "example.com/database";

// The sums, kept as the Deployments change.
class Sums {
 public:
  // Returns the databases concerned, "" for none: the one it has left, the one it is in.
  std::pair<std::string, std::string> change(const std::string& key, const json* object) {
    std::scoped_lock lock(mutex_);
    const std::string before = forget(key);
    if (object == nullptr) return {before, {}};
    const std::string now = kube::text_at(*object, {"metadata", "labels", kDatabaseLabel});
    if (now.empty()) return {before, {}};
    const auto database = databases_.try_emplace(now).first;
    const auto replicas = kube::number_at(*object, {"spec", "replicas"}, 1);
    database->second += replicas;
    burst_.changed(now, steady_clock::now());
    deployments_[key] = {&*database, replicas};
    return {before == now ? std::string() : before, now};
  }

  std::vector<std::string> keys() {
    std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [key, deployment] : deployments_) out.push_back(key);
    return out;
  }

  std::int64_t sum(const std::string& database) {
    std::scoped_lock lock(mutex_);
    return databases_[database];
  }

  std::optional<milliseconds> wait(const std::string& database) {
    std::scoped_lock lock(mutex_);
    return burst_.wait(database, steady_clock::now());
  }

  void acted(const std::string& database) {
    std::scoped_lock lock(mutex_);
    burst_.acted(database);
  }

 private:
  struct Deployment {
    std::pair<const std::string, std::int64_t>* database = nullptr;
    std::int64_t replicas = 0;
  };

  std::string forget(const std::string& key) {
    const auto it = deployments_.find(key);
    if (it == deployments_.end()) return {};
    const auto [database, replicas] = it->second;
    database->second -= replicas;
    deployments_.erase(it);
    return database->first;
  }

  std::mutex mutex_;
  std::map<std::string, std::int64_t> databases_;  // sums
  Burst burst_;
  std::unordered_map<std::string, Deployment> deployments_;
};

class Errors final : public Logger {
 public:
  void write(LogLevel level, std::string_view text, Fields fields) override {
    if (level < LogLevel::Warning) return;
    std::fprintf(stderr, "%.*s", static_cast<int>(text.size()), text.data());
    for (const auto& [key, value] : fields) {
      std::fprintf(stderr, " %.*s=%s", static_cast<int>(key.size()), key.data(), value.c_str());
    }
    std::fputc('\n', stderr);
  }
};

runtime::ReconcileResult write_sum(kube::Client& client, Logger& log, const std::string& prefix,
                                   Sums& sums, const std::string& database) {
  if (const auto wait = sums.wait(database)) return {.requeue_after = wait, .failed = false};
  const kube::Ref ref{kube::resources::kConfigMap, "default", prefix + "-" + database};
  const auto written = client.apply(ref, {{"apiVersion", "v1"},
                                          {"kind", "ConfigMap"},
                                          {"metadata", {{"name", ref.name}}},
                                          {"data", {{"replicas", std::to_string(sums.sum(database))}}}});
  sums.acted(database);
  if (!written) log.warning(written.error().message());
  return {.requeue_after = std::nullopt, .failed = !written};
}

int run(const std::string& prefix) {
  Errors log;
  const auto credentials = kube::find_credentials({});
  if (!credentials) return std::fprintf(stderr, "%s\n", credentials.error().message().c_str()), 1;
  const auto transport = kube::make_transport(*credentials);
  if (!transport) return std::fprintf(stderr, "%s\n", transport.error().message().c_str()), 1;
  kube::Client client(**transport, log, prefix);
  Sums sums;
  runtime::WorkQueue queue;
  runtime::Manager manager(
      **transport, log, queue,
      [&](const std::string& database) { return write_sum(client, log, prefix, sums, database); },
      {.workers = 10, .patience = std::chrono::minutes(10)});
  runtime::InformerOptions options;
  options.resource = kube::resources::kDeployment;
  manager.add(options, [&](const std::string& key, const json* object) {
    const auto [before, now] = sums.change(key, object);
    if (!before.empty()) queue.add(before);
    if (!now.empty()) queue.add(now);
  }, [&] { return sums.keys(); });
  manager.start([first = true](const std::string&) mutable {
    if (std::exchange(first, false)) std::puts("synced");
    std::fflush(stdout);
    cli::release_what_is_not_in_use();
  });
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  int signal = 0;
  sigwait(&ends, &signal);
  manager.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: bench_ours PREFIX\n"), 2;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  pgrightsizer::cli::keep_the_heap_small();
  pgrightsizer::kube::initialize_http();
  return run(argv[1]);
}
