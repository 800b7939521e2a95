#include "operator.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
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
  manager.add(options(res::kConnectionPolicy, true),
              [&](const std::string& key, const json* object) { wakeup.policy(key, object); });
  manager.add(options(res::kDeployment), [&](const std::string& key, const json* object) {
    wakeup.workload(stores.deployments, key, object);
  });
  manager.add(options(res::kStatefulSet), [&](const std::string& key, const json* object) {
    wakeup.workload(stores.stateful_sets, key, object);
  });
  manager.add(options(res::kPod),
              [&](const std::string& key, const json* object) { wakeup.pod(key, object); });
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

}  // namespace

int run_operator(const RunOptions& options, telemetry::ProcessLog& logger) {
  const sigset_t signals = block_signals();
  kube::initialize_http();
  const auto credentials = kube::find_credentials(options.kubeconfig);
  if (!credentials) {
    logger.error(credentials.error().message());
    return 2;
  }
  auto http = kube::make_transport(*credentials);
  if (!http) {
    logger.error(http.error().message());
    return 2;
  }
  const auto metrics = telemetry::make_registry();
  const auto transport = kube::measured(**http, *metrics, credentials->server);

  SystemClock clock;
  Stores stores;
  runtime::WorkQueue queue({}, *metrics);
  kube::Client client(*transport, logger);
  runtime::EventRecorder events(client, clock, logger, host_name());
  auto controller_options = options.controller;
  controller_options.metrics = metrics.get();
  controller::Reconciler reconciler(client, stores, events, clock, logger, controller_options);
  Wakeup wakeup(stores, queue);

  runtime::ManagerOptions manager_options;
  manager_options.workers = options.workers;
  manager_options.wait_for_lead = !options.lease_namespace.empty();
  runtime::Manager manager(
      *transport, logger, queue,
      [&](const std::string& key) {
        const auto outcome = reconciler.reconcile(key);
        runtime::ReconcileResult result;
        result.failed = outcome.failed;
        if (outcome.requeue_after.count() > 0) result.requeue_after = outcome.requeue_after;
        return result;
      },
      manager_options, *metrics);
  stores.trouble = [&manager] { return trouble_of(manager); };
  if (options.watch_namespaces.empty()) add_informers(manager, stores, wakeup, {});
  for (const auto& name_space : options.watch_namespaces)
    add_informers(manager, stores, wakeup, name_space);

  const auto probes = serve_probes(options.metrics_address, manager, *metrics, logger);
  if (!probes) {
    logger.error(probes.error().message());
    return 2;
  }
  logger.info("started", {{"server", credentials->server}, {"version", PGRS_VERSION},
                          {"probes", std::to_string((*probes)->port())}});
  manager.start([&wakeup](const std::string&) { wakeup.all(); });
  runtime::LeaderElector elector(*transport, clock, logger, *metrics,
                                 elector_options(options));
  // A step that is under way must not go on beside those of another: nothing is lost by dying here.
  if (manager_options.wait_for_lead) elector.start([&manager] { manager.lead(); }, [] { _exit(1); });
  const int signal = wait_for(signals);
  logger.info("stopping", {{"signal", std::to_string(signal)}});
  manager.stop();
  elector.stop();
  logger.info("stopped");
  return 0;
}

}  // namespace pgrightsizer::cli
