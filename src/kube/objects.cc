#include "pgrightsizer/kube/objects.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "pgrightsizer/kube/json_text.h"

namespace pgrightsizer::kube {
namespace {

using nlohmann::json;

Meta decode_meta(const json& object) {
  Meta meta;
  meta.name_space = text_at(object, {"metadata", "namespace"});
  meta.name = text_at(object, {"metadata", "name"});
  meta.uid = text_at(object, {"metadata", "uid"});
  meta.resource_version = text_at(object, {"metadata", "resourceVersion"});
  meta.deleting = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
  return meta;
}

Labels decode_labels(const json* labels) {
  Labels out;
  if (labels == nullptr || !labels->is_object()) return out;
  for (const auto& [key, value] : labels->items()) {
    if (value.is_string()) out.emplace(key, value.get<std::string>());
  }
  return out;
}

// An array member, or an empty array.
const json& array_at(const json& value, std::initializer_list<std::string_view> path) {
  static const json kNone = json::array();
  const json* found = member(value, path);
  return found != nullptr && found->is_array() ? *found : kNone;
}

bool is_true(const json& value, const char* key) {
  const json* found = member(value, {key});
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::string controller_uid(const json& object) {
  for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
    if (is_true(owner, "controller")) return text_at(owner, {"uid"});
  }
  return {};
}

// What the containers have been through; a running container tells of its last death in lastState.
void read_container(const json& status, Pod& pod) {
  pod.restarts = std::max(pod.restarts, static_cast<int>(number_at(status, {"restartCount"}, 0)));
  if (pod.waiting_reason.empty())
    pod.waiting_reason = text_at(status, {"state", "waiting", "reason"});
  for (const char* when : {"state", "lastState"}) {
    const json* terminated = member(status, {when, "terminated"});
    if (terminated == nullptr || !pod.terminated_reason.empty()) continue;
    pod.terminated_reason = text_at(*terminated, {"reason"});
    pod.exit_code = static_cast<int>(number_at(*terminated, {"exitCode"}, 0));
    pod.terminated_message = text_at(*terminated, {"message"});
  }
}

bool matches_expression(const Selector::Expression& expression, const Labels& labels) {
  const auto it = labels.find(expression.key);
  const bool present = it != labels.end();
  const auto& values = expression.values;
  const bool listed =
      present && std::find(values.begin(), values.end(), it->second) != values.end();
  if (expression.op == "In") return listed;
  if (expression.op == "NotIn") return !listed;
  if (expression.op == "Exists") return present;
  if (expression.op == "DoesNotExist") return !present;
  return false;
}

// Only Deployments have a strategy.
void decode_surge(const json& object, Workload& out) {
  const json* strategy = member(object, {"spec", "strategy"});
  if (strategy == nullptr || text_at(*strategy, {"type"}) == "Recreate") return;
  const json* surge = member(*strategy, {"rollingUpdate", "maxSurge"});
  if (surge != nullptr && surge->is_number_integer()) {
    out.max_surge = surge->get<std::int64_t>();
    return;
  }
  out.max_surge_percent = 25;
  if (surge != nullptr && surge->is_string()) {
    const auto& text = surge->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), out.max_surge_percent);
  }
}

}  // namespace

std::optional<std::int64_t> parse_quantity(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static const std::map<std::string_view, double> kFactors = {
      {"", 1},      {"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"k", 1e3},        {"M", 1e6},         {"G", 1e9},
      {"T", 1e12},  {"P", 1e15}, {"E", 1e18},       {"Ki", 1024.0},     {"Mi", 1048576.0},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  const auto factor = kFactors.find(suffix);
  if (factor == kFactors.end()) return std::nullopt;
  const double value = std::ceil(number * factor->second);
  return value >= 0x1p62 ? std::int64_t{1} << 62 : static_cast<std::int64_t>(value);
}

bool Selector::matches(const Labels& labels) const {
  for (const auto& [key, value] : match_labels) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return std::all_of(
      expressions.begin(), expressions.end(),
      [&labels](const Expression& expression) { return matches_expression(expression, labels); });
}

Selector decode_selector(const json& selector) {
  Selector out;
  out.match_labels = decode_labels(member(selector, {"matchLabels"}));
  for (const auto& item : array_at(selector, {"matchExpressions"})) {
    Selector::Expression expression;
    expression.key = text_at(item, {"key"});
    expression.op = text_at(item, {"operator"});
    for (const auto& value : array_at(item, {"values"})) {
      if (value.is_string()) expression.values.push_back(value.get<std::string>());
    }
    out.expressions.push_back(std::move(expression));
  }
  return out;
}

Workload decode_workload(const json& object) {
  Workload out;
  out.meta = decode_meta(object);
  out.kind = text_at(object, {"kind"});
  out.labels = decode_labels(member(object, {"metadata", "labels"}));
  out.replicas = number_at(object, {"spec", "replicas"}, 1);
  decode_surge(object, out);
  out.ready_replicas = number_at(object, {"status", "readyReplicas"}, 0);
  if (const json* selector = member(object, {"spec", "selector"})) {
    out.selector = decode_selector(*selector);
  }
  out.update_revision = text_at(object, {"status", "updateRevision"});
  out.generation = number_at(object, {"metadata", "generation"}, 0);
  out.observed_generation = number_at(object, {"status", "observedGeneration"}, 0);
  return out;
}

Pod decode_pod(const json& object) {
  Pod out;
  out.meta = decode_meta(object);
  out.labels = decode_labels(member(object, {"metadata", "labels"}));
  out.ip = text_at(object, {"status", "podIP"});
  out.phase = text_at(object, {"status", "phase"});
  for (const auto& condition : array_at(object, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == "Ready")
      out.ready = text_at(condition, {"status"}) == "True";
  }
  out.scheduled = !text_at(object, {"spec", "nodeName"}).empty();
  out.controller_uid = controller_uid(object);
  out.cap_annotation = text_at(object, {"metadata", "annotations", "pgrightsizer.io/cap"});
  out.revision = text_at(object, {"metadata", "labels", "controller-revision-hash"});
  for (const auto& status : array_at(object, {"status", "containerStatuses"})) {
    read_container(status, out);
  }
  const json& containers = array_at(object, {"spec", "containers"});
  if (!containers.empty()) out.first_container = text_at(containers.front(), {"name"});
  return out;
}

}  // namespace pgrightsizer::kube
