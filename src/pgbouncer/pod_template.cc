#include "pod_template.h"

#include "paths.h"

namespace pgrightsizer::pgbouncer {
namespace {

using Json = nlohmann::json;

constexpr int kUser = 999;  // of the pooler's image
constexpr int kGraceSeconds = 330;
constexpr int kOwnerAndGroup = 0440;

Json mount(const char* name, const char* path) {
  return {{"name", name}, {"mountPath", path}, {"readOnly", true}};
}

Json volume_mounts(const Spec& spec) {
  Json mounts = {mount("config", kConfigDirectory),
                 mount("secret", kSecretDirectory),
                 {{"name", "socket"}, {"mountPath", kSocketDirectory}}};
  if (!spec.tls_secret.empty()) mounts.push_back(mount("tls", kTlsDirectory));
  return mounts;
}

Json secret_volume(const char* name, const std::string& secret) {
  return {{"name", name}, {"secret", {{"secretName", secret}, {"defaultMode", kOwnerAndGroup}}}};
}

Json volumes(const Spec& spec) {
  const auto name = pooler_name(spec.policy);
  Json all = {{{"name", "config"}, {"configMap", {{"name", name}}}},
              secret_volume("secret", name),
              {{"name", "socket"}, {"emptyDir", Json::object()}},
              {{"name", "guard"}, {"emptyDir", Json::object()}}};
  if (!spec.tls_secret.empty()) all.push_back(secret_volume("tls", spec.tls_secret));
  return all;
}

Json exec(std::initializer_list<std::string> command) {
  return {{"command", Json(std::vector<std::string>(command))}};
}

// The database answers through the very address that the pool will use. A full server answers too
// (pg_isready asks for no session), and must not keep out the pooler, which is the way out. Half an
// hour of patience: a restart of the container would not bring the database back.
Json startup_probe(const Spec& spec) {
  return {{"exec", exec({"pg_isready", "-q", "-t", "3", "-h", spec.server_host, "-p",
                         std::to_string(spec.server_port), "-U", "pgbouncer", "-d", "postgres"})},
          {"periodSeconds", 1},
          {"timeoutSeconds", 5},
          {"failureThreshold", 1800}};
}

// Local only: a paused pooler and one whose database is full or down stay ready, since their
// clients shall wait, not be refused. The user "pgbouncer" of the same uid needs no password on the
// socket.
Json readiness_probe(const Spec& spec) {
  return {{"exec", exec({"pg_isready", "-q", "-t", "2", "-h", kSocketDirectory, "-p",
                         std::to_string(spec.port), "-U", spec.console_user, "-d", "pgbouncer"})},
          {"periodSeconds", 5},
          {"timeoutSeconds", 3},
          {"failureThreshold", 2}};
}

Json container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", {"ALL"}}}}};
}

Json container(const Spec& spec) {
  Json out = {
      {"name", kContainer},
      {"image", spec.image},
      {"imagePullPolicy", "IfNotPresent"},
      {"args", {std::string(kConfigDirectory) + "/" + kIniKey}},
      {"ports", {{{"name", "postgres"}, {"containerPort", spec.port}, {"protocol", "TCP"}}}},
      {"securityContext", container_security()},
      {"startupProbe", startup_probe(spec)},
      {"readinessProbe", readiness_probe(spec)},
      // Proxies learn late that the pod is leaving: new clients may come until then.
      {"lifecycle", {{"preStop", {{"exec", exec({"sleep", "5"})}}}}},
      {"volumeMounts", volume_mounts(spec)}};
  if (!spec.resources.empty()) out["resources"] = spec.resources;
  return out;
}

// A sidecar that starts before PgBouncer and ends after it, also when that takes as long as its
// clients do. It is never in the way: no probe, and its failure is nobody's.
Json guard(const Spec& spec) {
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  return {{"name", "guard"},
          {"image", spec.guard_image},
          {"imagePullPolicy", "IfNotPresent"},
          {"restartPolicy", "Always"},
          {"args",
           {"guard", "--socket-dir", kSocketDirectory, "--port", text(spec.port), "--state-file",
            std::string(kGuardDirectory) + "/paused-since", "--max-pause-seconds",
            text(spec.max_pause_seconds), "--database-host", spec.server_host, "--database-port",
            text(spec.server_port)}},
          {"resources", {{"requests", {{"cpu", "5m"}, {"memory", "16Mi"}}}}},
          {"securityContext", container_security()},
          {"volumeMounts",
           {{{"name", "socket"}, {"mountPath", kSocketDirectory}},
            {{"name", "guard"}, {"mountPath", kGuardDirectory}}}}};
}

Json pull_secrets(const Spec& spec) {
  Json all = Json::array();
  for (const auto& name : spec.image_pull_secrets) all.push_back({{"name", name}});
  return all;
}

Json affinity(const Spec& spec) {
  const Json term = {{"labelSelector", {{"matchLabels", selector_labels(spec)}}},
                     {"topologyKey", "kubernetes.io/hostname"}};
  return {{"podAntiAffinity",
           {{"preferredDuringSchedulingIgnoredDuringExecution",
             {{{"weight", 100}, {"podAffinityTerm", term}}}}}}};
}

Json pod_security() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"fsGroup", kUser},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

}  // namespace

Json selector_labels(const Spec& spec) {
  return {{kPolicyLabel, spec.policy}, {kComponentLabel, kComponent}};
}

Json object_labels(const Spec& spec) {
  Json labels(spec.labels);
  if (labels.is_null()) labels = Json::object();
  labels["app.kubernetes.io/name"] = "pgbouncer";
  labels["app.kubernetes.io/managed-by"] = "pg-rightsizer";
  labels.update(selector_labels(spec));
  return labels;
}

Json pod_template(const Spec& spec) {
  Json pod = {{"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"terminationGracePeriodSeconds", kGraceSeconds},
              {"securityContext", pod_security()},
              {"affinity", affinity(spec)},
              {"initContainers", {guard(spec)}},
              {"containers", {container(spec)}},
              {"volumes", volumes(spec)}};
  // An empty list would be another template than none: every pooler would be replaced.
  if (!spec.image_pull_secrets.empty()) pod["imagePullSecrets"] = pull_secrets(spec);
  return {{"metadata", {{"labels", object_labels(spec)}}}, {"spec", std::move(pod)}};
}

}  // namespace pgrightsizer::pgbouncer
