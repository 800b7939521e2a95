#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::kube {

std::string Resource::api_version() const {
  return group.empty() ? version : group + "/" + version;
}

std::string Resource::path(const std::string& name_space) const {
  std::string out = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (!name_space.empty()) out += "/namespaces/" + name_space;
  return out + "/" + plural;
}

std::string Resource::qualified_plural() const {
  return group.empty() ? plural : plural + "." + group;
}

std::string Ref::text() const {
  return resource.kind + " " + (name_space.empty() ? name : name_space + "/" + name);
}

std::string Ref::path() const { return resource.path(name_space) + "/" + escape_query(name); }

std::string escape_query(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

namespace resources {
const Resource kConnectionPolicy{"pgrightsizer.io", "v1alpha1", "ConnectionPolicy",
                                 "connectionpolicies"};
const Resource kDeployment{"apps", "v1", "Deployment", "deployments"};
const Resource kStatefulSet{"apps", "v1", "StatefulSet", "statefulsets"};
const Resource kReplicaSet{"apps", "v1", "ReplicaSet", "replicasets"};
const Resource kPod{"", "v1", "Pod", "pods"};
const Resource kService{"", "v1", "Service", "services"};
const Resource kSecret{"", "v1", "Secret", "secrets"};
const Resource kConfigMap{"", "v1", "ConfigMap", "configmaps"};
const Resource kEndpointSlice{"discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"};
const Resource kPodDisruptionBudget{"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"};
const Resource kEvent{"events.k8s.io", "v1", "Event", "events"};
const Resource kLease{"coordination.k8s.io", "v1", "Lease", "leases"};
const Resource kHorizontalPodAutoscaler{"autoscaling", "v2", "HorizontalPodAutoscaler",
                                        "horizontalpodautoscalers"};
const Resource kNamespace{"", "v1", "Namespace", "namespaces"};
}  // namespace resources

}  // namespace pgrightsizer::kube
