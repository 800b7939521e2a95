#include "operator.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>

#include "memory.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/objects.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/leader_elector.h"
#include "pgrightsizer/runtime/log_follower.h"
#include "pgrightsizer/runtime/manager.h"
#include "pgrightsizer/runtime/work_queue.h"
#include "probes.h"

namespace pgrightsizer::cli {

namespace {

using controller::Stores;
using nlohmann::json;
using std::chrono::milliseconds;
namespace res = kube::resources;

// A burst of pods becomes one look.
constexpr milliseconds kCoalesce{200};

std::string namespace_of(const std::string& key) { return key.substr(0, key.find('/')); }

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

class Wakeup {
 public:
  Wakeup(Stores& stores, runtime::WorkQueue& queue) : stores_(stores), queue_(queue) {}

  // Our own status writes change neither the generation nor the annotation.
  void policy(const std::string& key, const json* object) {
    if (object == nullptr) {
      stores_.policies.erase(key);
      queue_.add(key);
      neighbours(key);
      return;
    }
    const auto before = stores_.policies.get(key);
    const auto identity = [](const json& policy) {
      const auto meta = policy.value("metadata", json::object());
      return std::make_tuple(meta.value("uid", std::string()), meta.value("generation", 0LL),
                             meta.contains("deletionTimestamp"),
                             meta.value("annotations", json::object())
                                 .value(api::kRestartNowAnnotation, std::string()));
    };
    const bool same =
        before && identity(json::parse(*before, nullptr, false)) == identity(*object);
    stores_.policies.set(key, object->dump());
    if (!same) queue_.add(key);
  }

  void workload(runtime::Store<kube::Workload>& store, const std::string& key, const json* object) {
    if (object == nullptr)
      store.erase(key);
    else
      store.set(key, kube::decode_workload(*object));
    wake(namespace_of(key));
  }

  void pod(const std::string& key, const json* object) {
    if (object == nullptr) {
      stores_.pods.erase(key);
      return wake(namespace_of(key));
    }
    auto now = kube::decode_pod(*object);
    const auto before = stores_.pods.get(key);
    const auto identity = [](const kube::Pod& pod) {
      return std::tie(pod.meta.uid, pod.meta.deleting, pod.ip, pod.phase, pod.ready, pod.labels,
                      pod.restarts, pod.waiting_reason);
    };
    const bool same = before && identity(*before) == identity(now);
    stores_.pods.set(key, std::move(now));
    if (!same) wake(namespace_of(key));
  }

  void all() {
    for (const auto& key : stores_.policies.keys()) queue_.add(key);
  }

 private:
  void wake(const std::string& name_space) {
    for (const auto& key : controller::policies_of(stores_, name_space)) queue_.add_after(key, kCoalesce);
  }

  // A policy that went away may have been the older one on a database.
  void neighbours(const std::string& key) { wake(namespace_of(key)); }

  Stores& stores_;
  runtime::WorkQueue& queue_;
};

void add_informers(runtime::Manager& manager, Stores& stores, Wakeup& wakeup,
                   const std::string& name_space) {
  const auto options = [&](const kube::Resource& resource, bool may_be_absent = false) {
    runtime::InformerOptions out;
    out.resource = resource;
    out.name_space = name_space;
    out.may_be_absent = may_be_absent;
    return out;
  };
  const auto keys_of = [&name_space](const auto& store) {
    return [&store, name_space] { return store.keys(name_space); };
  };
  manager.add(options(res::kConnectionPolicy, true),
              [&](const std::string& key, const json* object) { wakeup.policy(key, object); },
              keys_of(stores.policies));
  manager.add(options(res::kDeployment),
              [&](const std::string& key, const json* object) {
                wakeup.workload(stores.deployments, key, object);
              },
              keys_of(stores.deployments));
  manager.add(options(res::kStatefulSet),
              [&](const std::string& key, const json* object) {
                wakeup.workload(stores.stateful_sets, key, object);
              },
              keys_of(stores.stateful_sets));
  manager.add(options(res::kPod),
              [&](const std::string& key, const json* object) { wakeup.pod(key, object); },
              keys_of(stores.pods));
}

runtime::LeaderElectorOptions elector_options(const RunOptions& options) {
  runtime::LeaderElectorOptions out;
  out.name_space = options.lease_namespace;
  std::random_device random;
  out.identity = options.lease_identity.empty()
                     ? host_name() + "_" + std::to_string(random()) + std::to_string(random())
                     : options.lease_identity;
  return out;
}

// A kind that was never listed is not known to be absent; one whose watch fails now is only late.
std::string trouble_of(const runtime::Manager& manager) {
  for (const auto& informer : manager.informers())
    if (!informer.synced)
      return informer.trouble.empty() ? informer.kind + ": not listed yet" : informer.trouble;
  return {};
}

// Everything that runs, in the order in which it must be made and, backwards, taken down.
class Operator {
 public:
  Operator(const RunOptions& options, kube::Transport& http, const std::string& server,
           telemetry::ProcessLog& logger)
      : options_(options),
        logger_(logger),
        transport_(kube::measured(http, *metrics_, server)),
        reconciler_(client_, stores_, events_, clock_, logger, controller_options(options)),
        manager_(*transport_, logger, queue_, [this](const std::string& key) { return reconcile(key); },
                 manager_options(options), *metrics_),
        elector_(*transport_, clock_, logger, *metrics_, elector_options(options)) {
    stores_.trouble = [this] { return trouble_of(manager_); };
    if (options.watch_namespaces.empty()) add_informers(manager_, stores_, wakeup_, {});
    for (const auto& name_space : options.watch_namespaces)
      add_informers(manager_, stores_, wakeup_, name_space);
  }

  // Until a signal comes; an Error when it cannot even begin.
  [[nodiscard]] Result<void> run(const sigset_t& signals) {
    const auto probes = serve_probes(options_.metrics_address, manager_, elector_, *metrics_, logger_);
    if (!probes) return fail(probes.error());
    logger_.info("started", {{"version", PGRS_VERSION}, {"probes", std::to_string((*probes)->port())}});
    manager_.start([this](const std::string&) { wakeup_.all(); });
    // A step under way must not go on beside those of another: nothing is lost by dying here.
    if (!options_.lease_namespace.empty())
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
    out.wait_for_lead = !options.lease_namespace.empty();
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
  SystemClock clock_;
  Stores stores_;
  runtime::WorkQueue queue_{{}, *metrics_};
  kube::Client client_{*transport_, logger_};
  runtime::EventRecorder events_{client_, clock_, logger_, host_name()};
  controller::Reconciler reconciler_;
  Wakeup wakeup_{stores_, queue_};
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
  logger.info("the API server is " + credentials->server);
  Operator program(options, **http, credentials->server, logger);
  if (const auto done = program.run(signals); !done) return give_up(done.error());
  logger.info("stopped");
  return 0;
}

}  // namespace pgrightsizer::cli
