// Single objects: get, create, patch, apply, delete. Objects are JSON as the API server sends it.
// Lists and watches are in runtime/informer.h, which reads them as they come.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::kube {

using Json = nlohmann::json;

// Which collection: {"apps", "v1", "Deployment", "deployments"}; group "" is the core group.
struct Resource {
  std::string group;
  std::string version;
  std::string kind;
  std::string plural;

  [[nodiscard]] std::string api_version() const;       // "apps/v1", "v1"
  [[nodiscard]] std::string qualified_plural() const;  // "deployments.apps", as RBAC messages say
  // "/apis/apps/v1/namespaces/shop/deployments"; empty namespace: all of them
  [[nodiscard]] std::string path(const std::string& name_space) const;
};

namespace resources {
extern const Resource kConnectionPolicy, kDeployment, kStatefulSet, kReplicaSet, kPod, kService,
    kSecret, kConfigMap, kEndpointSlice, kPodDisruptionBudget, kHorizontalPodAutoscaler, kEvent,
    kLease, kNamespace;
}

// An object's address, and how people call it: "Deployment shop/api".
struct Ref {
  Resource resource;
  std::string name_space;
  std::string name;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string path() const;
};

struct Preconditions {
  std::string uid;               // empty: none
  std::string resource_version;  // empty: none
};

// Thread-safe. Errors name the object and carry the server's own message; 429 and 503 are retried
// with Retry-After within the deadline, lost connections once for idempotent requests.
class Client {
 public:
  Client(Transport& transport, Logger& logger, std::string field_manager = "pg-rightsizer");

  [[nodiscard]] Result<Json> get(const Ref& ref);
  // Objects that match a label selector, in one namespace; small collections only (limit 500 a
  // page).
  [[nodiscard]] Result<std::vector<Json>> list(const Resource& resource,
                                               const std::string& name_space,
                                               const std::string& label_selector);
  [[nodiscard]] Result<Json> create(const Ref& ref, const Json& object);
  // Server-side apply with force: for objects that are ours. The object needs apiVersion and kind.
  [[nodiscard]] Result<Json> apply(const Ref& ref, const Json& object);
  // RFC 6902; put a test of /metadata/resourceVersion first for objects that are the user's. A
  // failed test is ErrorKind::Conflict.
  [[nodiscard]] Result<Json> json_patch(const Ref& ref, const Json& operations);
  // metadata.uid and metadata.resourceVersion in it are preconditions: Conflict when they differ.
  [[nodiscard]] Result<Json> merge_patch(const Ref& ref, const Json& patch);
  // Merge patch of the status subresource.
  [[nodiscard]] Result<Json> patch_status(const Ref& ref, const Json& patch);
  // Already gone is not an error.
  [[nodiscard]] Result<void> remove(const Ref& ref, const Preconditions& preconditions = {});

  // Any path, for what has no verb of its own here (pods/log, /version).
  [[nodiscard]] Result<Response> raw(const Request& request);

 private:
  Result<Json> send(const Ref& ref, const Request& request);
  [[nodiscard]] std::string manager_query() const;
  void log_warnings(const Response& response, const std::string& object);
  // What the server said last, if it wants this request too late for another answer before `deadline`;
  // waits else.
  [[nodiscard]] std::optional<Response> await_turn(const Request& request,
                                                   std::chrono::steady_clock::time_point deadline);
  void remember(const Request& request, const Response& response);

  Transport& transport_;
  Logger& logger_;
  const std::string field_manager_;
  std::mutex warned_mutex_;
  std::set<std::string> warned_;  // each of the server's warnings is logged once
  // Requests that the server wants later: a caller that comes again sooner than that gets the same
  // answer, without asking.
  struct Later {
    std::chrono::steady_clock::time_point when;
    Response answer;
  };
  std::mutex later_mutex_;
  std::map<std::pair<Method, std::string>, Later> later_;
};

// The Error for an answer that is not 2xx: kind from status and reason, text from the Status
// object.
[[nodiscard]] Error error_of(const Response& response, const std::string& object);
// The same from a Status object, which in a watch comes without an HTTP status of its own.
[[nodiscard]] Error error_of_status(int code, const Json& status, const std::string& object);

[[nodiscard]] std::string escape_query(std::string_view text);

}  // namespace pgrightsizer::kube
