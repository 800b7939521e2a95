#include "digest.h"
#include "paths.h"
#include "pgrightsizer/pgbouncer/pooler.h"
#include "pod_template.h"

namespace pgrightsizer::pgbouncer {
namespace {

using Json = nlohmann::json;

// No owner reference: what serves traffic outlives the policy.
Json object(const char* api_version, const char* kind, const Spec& spec) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", pooler_name(spec.policy)},
            {"namespace", spec.name_space},
            {"labels", object_labels(spec)}}}};
}

// One pod at a time leaves before its successor comes: no surge, or the caps of three would have to
// fit. A new pod proves itself for 5 s before the next one goes.
Json rolling_update() {
  return {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", 1}}}};
}

}  // namespace

std::string pooler_name(const std::string& policy) { return policy + "-pooler"; }

Json secret(const Spec& spec) {
  Json out = object("v1", "Secret", spec);
  out["type"] = "Opaque";
  out["data"] = {{kUserlistKey, base64(render_userlist(spec))},
                 {kConsolePasswordKey, base64(spec.console_password)}};
  if (!spec.server_ca_pem.empty()) out["data"][kServerCaKey] = base64(spec.server_ca_pem);
  return out;
}

Json config_map(const Spec& spec) {
  Json out = object("v1", "ConfigMap", spec);
  out["metadata"]["annotations"] = {{kBootCapAnnotation, std::to_string(spec.boot_cap)},
                                    {kMaxClientsAnnotation, std::to_string(spec.max_clients)}};
  out["data"] = {{kIniKey, render_ini(spec)}};
  return out;
}

Json deployment(const Spec& spec) {
  Json out = object("apps/v1", "Deployment", spec);
  out["metadata"]["annotations"] = {{kPoolSizeAnnotation, std::to_string(spec.pool_size)},
                                    {kTemplateAnnotation, template_digest(spec)}};
  out["spec"] = {
      {"replicas", spec.replicas},    {"minReadySeconds", 5},
      {"revisionHistoryLimit", 2},    {"selector", {{"matchLabels", selector_labels(spec)}}},
      {"strategy", rolling_update()}, {"template", pod_template(spec)}};
  return out;
}

Json disruption_budget(const Spec& spec) {
  Json out = object("policy/v1", "PodDisruptionBudget", spec);
  out["spec"] = {{"maxUnavailable", 1}, {"selector", {{"matchLabels", selector_labels(spec)}}}};
  return out;
}

// nlohmann's objects are sorted by key: the text is the same for the same template.
std::string template_digest(const Spec& spec) {
  Spec without_guard = spec;
  without_guard.guard_image.clear();
  return short_digest(pod_template(without_guard).dump());
}

}  // namespace pgrightsizer::pgbouncer
