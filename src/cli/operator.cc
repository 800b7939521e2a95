#include "operator.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <random>

#include "memory.h"
#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/controller/reconciler.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/log_follower.h"
#include "pgrightsizer/runtime/manager.h"
#include "probes.h"

namespace pgrightsizer::cli {

namespace {

using controller::Stores;

// Signals are waited for by one thread; every other thread must have them blocked.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int wait_for(const sigset_t& signals) {
  constexpr timespec kMinute{60, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &kMinute);
    if (signal > 0) return signal;
    if (errno == EAGAIN) release_what_is_not_in_use();
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "pg-rightsizer";
  return name.data();
}

runtime::LeaderElectorOptions elector_options(const RunOptions& options) {
  auto out = options.lease;
  std::random_device random;
  if (out.identity.empty())
    out.identity = host_name() + "_" + std::to_string(random()) + std::to_string(random());
  return out;
}

// Everything that runs, in the order in which it must be made and, backwards, taken down.
class Operator {
 public:
  // The Lease has connections of its own: it must be renewed while everything else is slow.
  Operator(const RunOptions& options, kube::Transport& http, kube::Transport& lease_http,
           const std::string& server, telemetry::ProcessLog& logger)
      : options_(options),
        logger_(logger),
        transport_(kube::measured(http, *metrics_, server)),
        lease_transport_(kube::measured(lease_http, *metrics_, server)),
        reconciler_(client_, stores_, events_, clock_, logger, controller_options(options)),
        manager_(*transport_, logger, queue_, [this](const std::string& key) { return reconcile(key); },
                 manager_options(options), *metrics_),
        elector_(*lease_transport_, clock_, logger, *metrics_, elector_options(options)) {
    stores_.trouble = [this](const std::string& name_space) {
      auto trouble = manager_.trouble(name_space);
      return trouble.empty() ? watches_.trouble(name_space) : trouble;
    };
    watches_.add_informers(options.watch_namespaces);
  }

  // Until a signal comes; an Error when it cannot even begin.
  [[nodiscard]] Result<void> run(const sigset_t& signals) {
    const auto probes = serve_probes(options_.metrics_address, manager_, elector_, *metrics_, logger_);
    if (!probes) return fail(probes.error());
    logger_.info("started", {{"version", PGRS_VERSION}, {"probes", std::to_string((*probes)->port())}});
    manager_.start([this](const std::string&) { watches_.wake_all(); });
    // A step under way must not go on beside those of another: nothing is lost by dying here.
    if (!options_.lease.name_space.empty())
      elector_.start([this] { manager_.lead(); }, [] { _exit(1); });
    logger_.info("stopping", {{"signal", std::to_string(wait_for(signals))}});
    manager_.stop();
    elector_.stop();
    return {};
  }

 private:
  [[nodiscard]] controller::Options controller_options(const RunOptions& options) const {
    auto out = options.controller;
    out.metrics = metrics_.get();
    out.follow_log = [this](const runtime::LogSource& source, WallTime since, runtime::LogReader reader) {
      return std::make_shared<runtime::LogFollower>(*transport_, source, since, std::move(reader));
    };
    return out;
  }

  static runtime::ManagerOptions manager_options(const RunOptions& options) {
    runtime::ManagerOptions out;
    out.workers = options.workers;
    out.wait_for_lead = !options.lease.name_space.empty();
    return out;
  }

  runtime::ReconcileResult reconcile(const std::string& key) {
    const auto outcome = reconciler_.reconcile(key);
    runtime::ReconcileResult result;
    result.failed = outcome.failed;
    if (outcome.requeue_after.count() > 0) result.requeue_after = outcome.requeue_after;
    return result;
  }

  const RunOptions& options_;
  telemetry::ProcessLog& logger_;
  const std::unique_ptr<telemetry::Registry> metrics_ = telemetry::make_registry();
  const std::unique_ptr<kube::Transport> transport_;
  const std::unique_ptr<kube::Transport> lease_transport_;
  SystemClock clock_;
  Stores stores_;
  runtime::WorkQueue queue_{options_.retry, *metrics_};
  kube::Client client_{*transport_, logger_};
  runtime::EventRecorder events_{client_, clock_, logger_, host_name()};
  controller::Reconciler reconciler_;
  Watches watches_{stores_, queue_, manager_, options_.watch};  // outlives the informers that call it
  runtime::Manager manager_;
  runtime::LeaderElector elector_;
};

}  // namespace

int run_operator(const RunOptions& options, telemetry::ProcessLog& logger) {
  const sigset_t signals = block_signals();
  kube::initialize_http();
  const auto give_up = [&](const Error& error) {
    logger.error(error.message());
    return 2;
  };
  const auto credentials = kube::find_credentials(options.kubeconfig);
  if (!credentials) return give_up(credentials.error());
  const auto http = kube::make_transport(*credentials);
  if (!http) return give_up(http.error());
  const auto lease_http = kube::make_transport(*credentials);
  if (!lease_http) return give_up(lease_http.error());
  logger.info("the API server is " + credentials->server);
  Operator program(options, **http, **lease_http, credentials->server, logger);
  if (const auto done = program.run(signals); !done) return give_up(done.error());
  logger.info("stopped");
  return 0;
}

}  // namespace pgrightsizer::cli
