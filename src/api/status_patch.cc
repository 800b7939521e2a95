#include <nlohmann/json.hpp>

#include "pgrightsizer/api/connection_policy.h"

namespace pgrightsizer::api {

namespace {

using nlohmann::json;

// RFC 7386: what turns `before` into `after`. Lists are replaced as a whole.
json merge_patch(const json& before, const json& after) {
  json patch = json::object();
  for (const auto& [field, value] : after.items()) {
    const auto old = before.find(field);
    if (old == before.end() || (*old != value && !(old->is_object() && value.is_object()))) {
      patch[field] = value;
    } else if (*old != value) {
      patch[field] = merge_patch(*old, value);
    }
  }
  for (const auto& [field, value] : before.items()) {
    if (!after.contains(field)) patch[field] = nullptr;
  }
  return patch;
}

}  // namespace

json status_patch(const Status& before, const Status& after) {
  // A generation is never 0, so this status was never written: its zeros are not on the server.
  const bool written = before.observed_generation != 0;
  if (written && before == after) return json::object();
  const json old = written ? to_json(before) : json::object();
  json patch = merge_patch(old, to_json(after));
  return patch.empty() ? json::object() : json{{"status", std::move(patch)}};
}

}  // namespace pgrightsizer::api
