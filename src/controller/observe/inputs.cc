#include "inputs.h"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "../turn/names.h"

namespace pgrightsizer::controller {

namespace {

using sizing::Count;

const runtime::Store<kube::Workload>& store_of(const Stores& stores, const std::string& kind) {
  return kind == "StatefulSet" ? stores.stateful_sets : stores.deployments;
}

// Terminating ones included: they hold connections until they are gone.
std::vector<std::shared_ptr<const kube::Pod>> pods_of(const kube::Workload& workload, const Stores& stores) {
  std::vector<std::shared_ptr<const kube::Pod>> out;
  if (workload.selector.empty()) return out;
  for (const auto& pod : stores.pods.list(workload.meta.name_space))
    if (!pod->gone() && workload.selector.matches(pod->labels)) out.push_back(pod);
  return out;
}

bool starting(const kube::Pod& pod) {
  const auto& reason = pod.waiting_reason;
  return pod.phase == "Pending" && pod.scheduled && !pod.meta.deleting &&
         (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing");
}

Count remembered(const api::Status& status, const std::string& name) {
  for (const auto& workload : status.workloads)
    if (workload.name == name) return workload.instances;
  return 0;
}

sizing::Workload counted(const std::string& name, const kube::Workload& live, const Stores& stores) {
  sizing::Workload out;
  out.name = name;
  out.replicas = live.replicas;
  out.max_surge = live.max_surge;
  out.max_surge_percent = live.max_surge_percent;
  out.pods_not_gone = static_cast<Count>(pods_of(live, stores).size());
  return out;
}

bool selects(const api::ConnectionPolicy& policy, const kube::Workload& workload) {
  if (!policy.spec.workload_selector) return false;
  const auto ours = workload.labels.find(kManagedByLabel);
  if (ours != workload.labels.end() && ours->second == kManager) return false;
  const auto& wanted = policy.spec.workload_selector->match_labels;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto it = workload.labels.find(label.first);
    return it != workload.labels.end() && it->second == label.second;
  });
}

struct Selected {
  std::string kind;  // by its store: items of a list do not tell theirs
  std::shared_ptr<const kube::Workload> workload;
};

std::vector<Selected> selected(const api::ConnectionPolicy& policy, const Stores& stores) {
  std::vector<Selected> out;
  for (const char* kind : {"Deployment", "StatefulSet"})
    for (const auto& workload : store_of(stores, kind).list(policy.name_space))
      if (selects(policy, *workload)) out.push_back({kind, workload});
  return out;
}

std::vector<sizing::Workload> count_selected(const api::ConnectionPolicy& policy,
                                             const Stores& stores, std::vector<Problem>& problems) {
  std::vector<sizing::Workload> out;
  for (const auto& one : selected(policy, stores))
    out.push_back(counted(one.workload->meta.name, *one.workload, stores));
  if (out.empty())
    problems.push_back({kWorkloadNotFound,
                        policy.text() + ": spec.workloadSelector matches no Deployment and no "
                                        "StatefulSet; label one, or correct the selector"});
  return out;
}

std::string database_key(const api::ConnectionPolicy& policy) {
  const auto& database = policy.spec.database;
  return database.provider == api::ProviderKind::External
             ? "external/" + database.host + ":" + std::to_string(database.port)
             : policy.name_space + "/" + database.name;
}

// One Secret's keys, decoded; the first one missing of `required` becomes a problem.
std::optional<std::map<std::string, std::string>> secret_data(
    kube::Client& client, const api::ConnectionPolicy& policy, const std::string& name,
    const std::string& field, const std::vector<std::string>& required, Facts& facts) {
  const kube::Ref ref{kube::resources::kSecret, policy.name_space, name};
  const auto live = client.get(ref);
  if (!live) {
    const bool missing = live.error().kind == ErrorKind::NotFound;
    facts.problems.push_back({missing ? kSecretNotFound : kSecretUnreadable,
                              missing ? ref.text() + ": does not exist; create it or change " + field
                                      : live.error().message()});
    return std::nullopt;
  }
  std::map<std::string, std::string> data;
  const auto encoded = live->value("data", nlohmann::json::object());
  for (const auto& [key, value] : encoded.items())
    if (value.is_string()) data[key] = decode_base64(value.get<std::string>());
  for (const auto& key : required)
    if (data[key].empty()) {
      std::string what = ref.text();
      what.append(": key ").append(key).append(" is missing or empty; add it (").append(field).append(")");
      facts.problems.push_back({kSecretKeyMissing, std::move(what)});
      return std::nullopt;
    }
  return data;
}

}  // namespace

std::string decode_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  std::size_t length = static_cast<std::size_t>(size);
  for (auto it = text.rbegin(); it != text.rend() && *it == '=' && length > 0; ++it) --length;
  out.resize(length);
  return out;
}

std::vector<sizing::Workload> count_workloads(const api::ConnectionPolicy& policy,
                                              const Stores& stores, const api::Status& status,
                                              std::vector<Problem>& problems) {
  if (policy.spec.workload_selector) return count_selected(policy, stores, problems);
  std::vector<sizing::Workload> out;
  for (const auto& entry : policy.spec.workloads) {
    sizing::Workload workload;
    const std::string text = entry.target.kind + " " + policy.name_space + "/" + entry.target.name;
    const auto live =
        store_of(stores, entry.target.kind).get(policy.name_space + "/" + entry.target.name);
    if (live) {
      workload = counted(entry.name, *live, stores);
    } else {
      workload.name = entry.name;
      workload.replicas = remembered(status, entry.name);
      problems.push_back({kWorkloadNotFound,
                          text + ": does not exist; create it or remove it from spec.workloads; "
                                 "until then it counts with " +
                              std::to_string(workload.replicas) + " instances, as it did last",
                          // Never counted yet: any size would be a guess.
                          workload.replicas == 0});
    }
    if (workload.replicas < 0) {
      problems.push_back({kInvalidReplicas, text + ": spec.replicas is " +
                                                 std::to_string(workload.replicas) +
                                                 "; it must not be negative"});
      workload.replicas = remembered(status, entry.name);
    }
    workload.connections_per_instance = entry.connections_per_instance;
    workload.concurrent_requests = entry.concurrent_requests;
    out.push_back(std::move(workload));
  }
  return out;
}

std::vector<api::TargetRef> targets_of(const api::ConnectionPolicy& policy, const Stores& stores) {
  std::vector<api::TargetRef> out;
  if (policy.spec.workload_selector)
    for (const auto& one : selected(policy, stores))
      out.push_back({one.kind, one.workload->meta.name});
  else
    for (const auto& entry : policy.spec.workloads) out.push_back(entry.target);
  return out;
}

std::vector<std::shared_ptr<const kube::Pod>> instances_of(const api::ConnectionPolicy& policy,
                                                           const Stores& stores) {
  std::vector<std::shared_ptr<const kube::Pod>> out;
  for (const auto& target : targets_of(policy, stores)) {
    const auto live = store_of(stores, target.kind).get(policy.name_space + "/" + target.name);
    if (!live) continue;
    const auto pods = pods_of(*live, stores);
    out.insert(out.end(), pods.begin(), pods.end());
  }
  return out;
}

Count starting_instances(const api::ConnectionPolicy& policy, const Stores& stores) {
  const auto pods = instances_of(policy, stores);
  return std::count_if(pods.begin(), pods.end(), [](const auto& pod) { return starting(*pod); });
}

std::string older_rival(const api::ConnectionPolicy& policy, const Stores& stores) {
  if (stores.policies.size() == 1) return {};  // the usual case: nothing to parse
  for (const auto& text : stores.policies.list()) {
    const auto object = nlohmann::json::parse(*text, nullptr, false);
    if (object.is_discarded()) continue;
    const auto other = api::parse(object);
    if (!other || other->uid == policy.uid || other->deleting) continue;
    if (database_key(*other) != database_key(policy)) continue;
    if (std::tie(other->created, other->name_space, other->name) <
        std::tie(policy.created, policy.name_space, policy.name))
      return other->key();
  }
  return {};
}

void read_secrets(kube::Client& client, const api::ConnectionPolicy& policy, Facts& facts) {
  const auto& database = policy.spec.database;
  if (const auto admin = secret_data(client, policy, database.admin_secret,
                                     "spec.database.adminSecretName", {"username", "password"}, facts)) {
    const auto text = [&](const char* key) {
      const auto it = admin->find(key);
      return it == admin->end() ? std::string() : it->second;
    };
    facts.admin = {text("username"), text("password"), text("sslmode"), text("sslrootcert")};
    if (facts.admin.sslmode.empty()) facts.admin.sslmode = "prefer";
  }
  for (std::size_t i = 0; i < database.application_secrets.size(); ++i) {
    const std::string field = "spec.database.applicationSecrets[" + std::to_string(i) + "]";
    const auto data = secret_data(client, policy, database.application_secrets[i], field,
                                  {"username", "password", "database"}, facts);
    if (data) facts.logins.push_back({data->at("username"), data->at("password"), data->at("database")});
  }
}

}  // namespace pgrightsizer::controller
