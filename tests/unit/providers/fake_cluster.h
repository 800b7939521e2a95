// One StatefulSet with its ConfigMap and its pod behind a fake API server.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/providers/provider.h"
#include "unit/kube/fake_transport.h"

namespace pgrightsizer::providers {

using nlohmann::json;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return time; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return {}; }
  WallTime time = std::chrono::sys_days(std::chrono::January / 31 / 2025) + std::chrono::hours(12);
};

inline constexpr const char* kStatefulSetPath =
    "/apis/apps/v1/namespaces/shop/statefulsets/postgres";
inline constexpr const char* kConfigMapPath = "/api/v1/namespaces/shop/configmaps/postgres-config";
inline constexpr const char* kPodPath = "/api/v1/namespaces/shop/pods/postgres-0";

struct FakeCluster {
  FakeCluster() {
    transport.on_call = [this](const kube::Request& request) { return answer(request); };
    objects[kStatefulSetPath] = json::parse(R"({
      "apiVersion": "apps/v1", "kind": "StatefulSet",
      "metadata": {"namespace": "shop", "name": "postgres", "uid": "sts-uid", "generation": 3},
      "spec": {"replicas": 1, "template": {"spec": {
        "volumes": [{"name": "conf", "configMap": {"name": "postgres-config"}}],
        "containers": [{"name": "postgres", "volumeMounts": [
          {"name": "conf", "mountPath": "/etc/postgres/conf"}]}]}}},
      "status": {"updateRevision": "rev-2", "observedGeneration": 3}})");
    objects[kConfigMapPath] = json::parse(R"({
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": {"namespace": "shop", "name": "postgres-config", "resourceVersion": "41",
        "managedFields": [{"manager": "kubectl", "time": "2025-01-31T11:00:00Z"}]},
      "data": {"postgresql.conf": "max_connections = 250 # ours\n"}})");
    pod.meta = {"shop", "postgres-0", "pod-uid", "7", false};
    pod.ip = "10.0.0.7";
    pod.phase = "Running";
    pod.ready = true;
    pod.controller_uid = "sts-uid";
    pod.revision = "rev-2";
    pod.first_container = "postgres";
  }

  Result<kube::Response> answer(const kube::Request& request) {
    const auto path = request.path.substr(0, request.path.find('?'));
    if (failing.contains(path)) return kube::Response{failing[path], "{}", {}, {}};
    if (path == std::string(kPodPath) + "/log") return kube::Response{log_status, log, {}, {}};
    if (request.method == kube::Method::Delete) return kube::Response{200, "{}", {}, {}};
    if (!objects.contains(path))
      return kube::Response{404, R"({"kind":"Status","reason":"NotFound","message":"x"})", {}, {}};
    if (request.method == kube::Method::Patch) return patch(objects[path], request);
    return kube::Response{200, objects[path].dump(), {}, {}};
  }

  static Result<kube::Response> patch(json& object, const kube::Request& request) {
    try {
      object = object.patch(json::parse(request.body));
      object["metadata"]["resourceVersion"] = "42";
      return kube::Response{200, object.dump(), {}, {}};
    } catch (const json::exception&) {
      return kube::Response{
          422,
          R"({"kind":"Status","reason":"Invalid","message":"the server rejected our request"})",
          {},
          {}};
    }
  }

  std::unique_ptr<Provider> provider() {
    return make_stateful_set_provider(client, logger,
                                      [this](const std::string& name_space) {
                                        std::vector<std::shared_ptr<const kube::Pod>> all;
                                        if (has_pod && name_space == "shop")
                                          all.push_back(std::make_shared<kube::Pod>(pod));
                                        for (const auto& other : other_pods)
                                          all.push_back(std::make_shared<kube::Pod>(other));
                                        return all;
                                      },
                                      {.name_space = "shop",
                                       .name = "postgres",
                                       .config_map = "postgres-config",
                                       .key = "postgresql.conf",
                                       .port = 5432,
                                       .clock = &clock});
  }

  json& config_map() { return objects[kConfigMapPath]; }
  json& stateful_set() { return objects[kStatefulSetPath]; }
  std::string text() { return config_map()["data"]["postgresql.conf"]; }
  void set_text(const std::string& text) { config_map()["data"]["postgresql.conf"] = text; }

  [[nodiscard]] int count(kube::Method method) const {
    int found = 0;
    for (const auto& request : transport.requests()) found += request.method == method ? 1 : 0;
    return found;
  }

  std::map<std::string, json> objects;
  std::map<std::string, int> failing;  // path → status
  int log_status = 200;
  std::string log;
  kube::Pod pod;
  bool has_pod = true;
  std::vector<kube::Pod> other_pods;
  FixedClock clock;
  NullLogger logger;
  kube::FakeTransport transport;
  kube::Client client{transport, logger};
};

}  // namespace pgrightsizer::providers
