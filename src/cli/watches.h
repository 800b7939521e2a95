// What is watched, what of it is kept, and which policies a change wakes.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pgrightsizer/controller/stores.h"
#include "pgrightsizer/runtime/manager.h"
#include "pgrightsizer/runtime/work_queue.h"

namespace pgrightsizer::cli {

struct WatchOptions {
  // A burst of changes becomes one look, a long one a look a second.
  std::chrono::milliseconds quiet{200};
  std::chrono::milliseconds longest{1'000};
  runtime::InformerOptions informer;  // what those of all kinds have in common
};

// Policies are kept from everywhere. Workloads and pods are kept only of namespaces with a policy,
// so that a big cluster with few databases costs little; when the first policy of a namespace comes,
// whole pictures are asked for once more, and nothing is decided there until they have come.
//
// Life: construct, add_informers() once, then the manager's start(). Thread-safe.
class Watches {
 public:
  Watches(controller::Stores& stores, runtime::WorkQueue& queue, runtime::Manager& manager, WatchOptions options)
      : stores_(stores), queue_(queue), manager_(manager), options_(options) {}

  // Empty: the whole cluster.
  void add_informers(const std::vector<std::string>& name_spaces);
  // Why not everything of this namespace is kept yet; empty: it is.
  [[nodiscard]] std::string trouble(const std::string& name_space) const;
  void wake_all();

 private:
  void add_informers_of(const std::string& name_space);
  void policy(const std::string& key, const nlohmann::json* object);
  void workload(runtime::Store<kube::Workload>& store, const std::string& key,
                const nlohmann::json* object);
  void pod(const std::string& key, const nlohmann::json* object);
  void wake(const std::string& name_space);
  void begin_to_keep(const std::string& name_space);
  void stop_keeping(const std::string& name_space);
  [[nodiscard]] bool keeps(const std::string& name_space) const;

  controller::Stores& stores_;
  runtime::WorkQueue& queue_;
  runtime::Manager& manager_;
  const WatchOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, runtime::Refresh> kept_;  // namespaces, with the pictures that they wait for
};

}  // namespace pgrightsizer::cli
