#include "pgrightsizer/api/connection_policy.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reader.h"
#include "spec.h"

namespace pgrightsizer::api {

namespace {

// The front Service carries the policy's name, the longest object made for it a suffix more.
constexpr std::size_t kLongestName = 50;

const nlohmann::json* find(const nlohmann::json& object, const char* field) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(field);
  return found == object.end() ? nullptr : &*found;
}

void read_restart_now(const Reader& annotations, ConnectionPolicy& policy) {
  if (!annotations.has(kRestartNowAnnotation)) return;
  const std::string text = annotations.text(kRestartNowAnnotation);
  policy.restart_now = parse_time(text);
  if (policy.restart_now) return;
  policy.restart_now_error = "annotation " + std::string(kRestartNowAnnotation) + " is \"" +
                             text.substr(0, 60) +
                             "\"; give it a time as `date -u +%FT%TZ` prints it";
}

void check_name(const ConnectionPolicy& policy, Problems& problems) {
  if (is_service_name(policy.name) && policy.name.size() <= kLongestName) return;
  problems.first = Error{
      ErrorKind::Invalid, "metadata.name cannot be the name of the front Service", problems.object,
      "use at most 50 lower-case letters, digits and '-', beginning with a letter"};
}

}  // namespace

bool ConnectionPolicy::has_finalizer() const {
  return std::find(finalizers.begin(), finalizers.end(), kFinalizer) != finalizers.end();
}

ConnectionPolicy parse_metadata(const nlohmann::json& object) {
  Problems ignored;
  const Reader metadata(find(object, "metadata"), "metadata", ignored);
  ConnectionPolicy policy;
  policy.name_space = metadata.text("namespace");
  policy.name = metadata.text("name");
  policy.uid = metadata.text("uid");
  policy.resource_version = metadata.text("resourceVersion");
  policy.generation = metadata.count("generation", 0, {0, INT64_MAX});
  policy.created = parse_time(metadata.text("creationTimestamp")).value_or(WallTime{});
  policy.deleting = metadata.has("deletionTimestamp");
  policy.finalizers = metadata.object_names("finalizers");
  read_restart_now(metadata.object("annotations"), policy);
  if (const nlohmann::json* status = find(object, "status")) policy.status = parse_status(*status);
  return policy;
}

Result<ConnectionPolicy> parse(const nlohmann::json& object) {
  ConnectionPolicy policy = parse_metadata(object);
  Problems problems{policy.text(), std::nullopt};
  check_name(policy, problems);
  policy.spec = read_spec(Reader(find(object, "spec"), "spec", problems));
  if (problems.first) return fail(*problems.first);
  return policy;
}

}  // namespace pgrightsizer::api
