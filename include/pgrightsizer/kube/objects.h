// The fields that sizing needs of built-in kinds, decoded from one object's JSON. Missing fields
// take Kubernetes' defaults; these functions do not fail.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace pgrightsizer::kube {

using Labels = std::map<std::string, std::string>;

struct Meta {
  std::string name_space;
  std::string name;
  std::string uid;
  std::string resource_version;
  bool deleting = false;  // has a deletionTimestamp
  [[nodiscard]] std::string key() const { return name_space + "/" + name; }
};

// metadata.labels matches spec.selector (matchLabels and matchExpressions).
struct Selector {
  struct Expression {
    std::string key;
    std::string op;  // In, NotIn, Exists, DoesNotExist
    std::vector<std::string> values;
  };
  Labels match_labels;
  std::vector<Expression> expressions;
  [[nodiscard]] bool matches(const Labels& labels) const;
  [[nodiscard]] bool empty() const { return match_labels.empty() && expressions.empty(); }
};
[[nodiscard]] Selector decode_selector(const nlohmann::json& selector);

// A Deployment or a StatefulSet.
struct Workload {
  Meta meta;
  std::string kind;
  Labels labels;
  std::int64_t replicas = 1;
  // What a rolling update may add: pods, or percent of the replicas; of a StatefulSet neither.
  std::int64_t max_surge = 0;
  std::int64_t max_surge_percent = 0;
  std::int64_t ready_replicas = 0;
  Selector selector;
  std::string update_revision;  // StatefulSet: status.updateRevision
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;
};
[[nodiscard]] Workload decode_workload(const nlohmann::json& object);

// "128Mi", "1.5G", "2000m": Kubernetes' quantities, rounded up; nullopt for what is none.
[[nodiscard]] std::optional<std::int64_t> parse_quantity(const std::string& text);

struct Pod {
  Meta meta;
  Labels labels;
  std::string ip;
  std::string phase;              // Pending, Running, Succeeded, Failed
  bool ready = false;             // condition Ready
  bool scheduled = false;         // has a node
  std::string controller_uid;     // of the owner with controller: true
  std::string cap_annotation;     // pgrightsizer.io/cap
  std::string revision;           // label controller-revision-hash
  int restarts = 0;               // most of any container
  std::string waiting_reason;     // CrashLoopBackOff, …: of the first container that waits
  std::string terminated_reason;  // of the last termination: Error, OOMKilled
  int exit_code = 0;              // of the last termination
  std::string terminated_message;
  std::string first_container;  // name

  // Still holds, or may still open, connections.
  [[nodiscard]] bool gone() const { return phase == "Succeeded" || phase == "Failed"; }
};
[[nodiscard]] Pod decode_pod(const nlohmann::json& object);

}  // namespace pgrightsizer::kube
