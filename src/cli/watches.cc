#include "watches.h"

#include <nlohmann/json.hpp>
#include <tuple>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/objects.h"

namespace pgrightsizer::cli {

namespace {

using nlohmann::json;
namespace res = kube::resources;

// A policy whose pictures do not come is looked at after so long, to say why.
constexpr std::chrono::milliseconds kPatience{10'000};

std::string namespace_of(const std::string& key) { return key.substr(0, key.find('/')); }

// Our own status writes change neither the generation nor the annotation.
auto identity(const json& policy) {
  const auto meta = policy.value("metadata", json::object());
  return std::make_tuple(
      meta.value("uid", std::string()), meta.value("generation", 0LL), meta.contains("deletionTimestamp"),
      meta.value("annotations", json::object()).value(api::kRestartNowAnnotation, std::string()));
}

auto identity(const kube::Pod& pod) {
  return std::tie(pod.meta.uid, pod.meta.deleting, pod.ip, pod.phase, pod.ready, pod.labels, pod.restarts,
                  pod.waiting_reason);
}

template <class T>
void erase_all(runtime::Store<T>& store, const std::string& name_space) {
  for (const auto& key : store.keys(name_space)) store.erase(key);
}

}  // namespace

void Watches::add_informers(const std::vector<std::string>& name_spaces) {
  if (name_spaces.empty()) add_informers_of({});
  for (const auto& name_space : name_spaces) add_informers_of(name_space);
}

void Watches::add_informers_of(const std::string& name_space) {
  const auto add = [&](const kube::Resource& resource, auto& store, const runtime::OnObject& on_object) {
    auto options = options_.informer;
    options.resource = resource;
    options.name_space = name_space;
    options.may_be_absent = options.before_others = resource.kind == res::kConnectionPolicy.kind;
    manager_.add(std::move(options), on_object,
                 [&store, name_space] { return store.keys(name_space); });
  };
  add(res::kConnectionPolicy, stores_.policies,
      [this](const std::string& key, const json* object) { policy(key, object); });
  add(res::kDeployment, stores_.deployments, [this](const std::string& key, const json* object) {
    workload(stores_.deployments, key, object);
  });
  add(res::kStatefulSet, stores_.stateful_sets, [this](const std::string& key, const json* object) {
    workload(stores_.stateful_sets, key, object);
  });
  add(res::kPod, stores_.pods, [this](const std::string& key, const json* object) { pod(key, object); });
}

void Watches::policy(const std::string& key, const json* object) {
  const auto name_space = namespace_of(key);
  if (object == nullptr) {
    stores_.policies.erase(key);
    queue_.add(key);
    // It may have been the older one on a database.
    wake(name_space);
    if (controller::policies_of(stores_, name_space).empty()) stop_keeping(name_space);
    return;
  }
  const auto before = stores_.policies.get(key);
  const bool same = before && identity(json::parse(*before, nullptr, false)) == identity(*object);
  begin_to_keep(name_space);
  stores_.policies.set(key, object->dump());
  if (!same) queue_.add_after(key, trouble(name_space).empty() ? std::chrono::milliseconds(0) : kPatience);
}

void Watches::workload(runtime::Store<kube::Workload>& store, const std::string& key, const json* object) {
  if (object == nullptr) {
    store.erase(key);
  } else if (keeps(namespace_of(key))) {
    store.set(key, kube::decode_workload(*object));
  } else {
    return;
  }
  wake(namespace_of(key));
}

void Watches::pod(const std::string& key, const json* object) {
  if (object == nullptr) {
    stores_.pods.erase(key);
    return wake(namespace_of(key));
  }
  if (!keeps(namespace_of(key))) return;
  auto now = kube::decode_pod(*object);
  const auto before = stores_.pods.get(key);
  const bool same = before && identity(*before) == identity(now);
  stores_.pods.set(key, std::move(now));
  if (!same) wake(namespace_of(key));
}

void Watches::wake_all() {
  for (const auto& key : stores_.policies.keys())
    if (trouble(namespace_of(key)).empty()) queue_.add_last(key);
}

void Watches::wake(const std::string& name_space) {
  if (!trouble(name_space).empty()) return;
  for (const auto& key : controller::policies_of(stores_, name_space))
    queue_.add_gathered(key, options_.quiet, options_.longest);
}

void Watches::begin_to_keep(const std::string& name_space) {
  std::scoped_lock lock(mutex_);
  // Kept first, so that the pictures asked for find it so.
  const auto [it, is_new] = kept_.try_emplace(name_space);
  if (is_new) it->second = manager_.refresh(name_space);
}

void Watches::stop_keeping(const std::string& name_space) {
  std::scoped_lock lock(mutex_);
  kept_.erase(name_space);
  erase_all(stores_.deployments, name_space);
  erase_all(stores_.stateful_sets, name_space);
  erase_all(stores_.pods, name_space);
}

bool Watches::keeps(const std::string& name_space) const {
  std::scoped_lock lock(mutex_);
  return kept_.contains(name_space);
}

std::string Watches::trouble(const std::string& name_space) const {
  std::scoped_lock lock(mutex_);
  const auto it = kept_.find(name_space);
  const auto missing = it == kept_.end() ? std::string() : it->second.missing();
  return missing.empty() ? missing : "not everything in namespace " + name_space + " is known yet: " + missing;
}

}  // namespace pgrightsizer::cli
