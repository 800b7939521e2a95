// The Kubernetes objects of a pooler: what must be in them, and what must not change.
#include <gmock/gmock.h>

#include <functional>

#include "unit/pgbouncer/example.h"

namespace pgrightsizer::pgbouncer {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json at(const json& object, const char* pointer) { return object.at(json::json_pointer(pointer)); }

std::vector<json> all_objects(const Spec& spec) {
  return {secret(spec), config_map(spec), deployment(spec), disruption_budget(spec)};
}

TEST(PoolerObjects, AreNamedLabelledAndOwnedByNobody) {
  for (const auto& object : all_objects(example_spec())) {
    SCOPED_TRACE(object.dump());
    EXPECT_FALSE(object.at("apiVersion").get<std::string>().empty());
    EXPECT_EQ(at(object, "/metadata/name"), "shop-db-pooler");
    EXPECT_EQ(at(object, "/metadata/namespace"), "shop");
    EXPECT_EQ(at(object, "/metadata/labels"),
              json({{"team", "checkout"},
                    {"app.kubernetes.io/name", "pgbouncer"},
                    {"app.kubernetes.io/component", "pooler"},
                    {"app.kubernetes.io/managed-by", "pg-rightsizer"},
                    {"pgrightsizer.io/policy", "shop-db"}}));
    EXPECT_FALSE(object.at("metadata").contains("ownerReferences"));
  }
}

TEST(PoolerObjects, OurLabelsWinOverTheUsers) {
  auto spec = example_spec();
  spec.labels["pgrightsizer.io/policy"] = "another";
  EXPECT_EQ(at(deployment(spec), "/spec/template/metadata/labels")["pgrightsizer.io/policy"],
            "shop-db");
}

TEST(PoolerDeployment, ReplacesOnePodAtATimeWithoutSurge) {
  const auto object = deployment(example_spec());
  EXPECT_EQ(at(object, "/spec/replicas"), 2);
  EXPECT_EQ(at(object, "/spec/strategy"),
            json({{"type", "RollingUpdate"},
                  {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", 1}}}}));
  const json selector = {{"pgrightsizer.io/policy", "shop-db"},
                         {"app.kubernetes.io/component", "pooler"}};
  EXPECT_EQ(at(object, "/spec/selector/matchLabels"), selector);
  EXPECT_EQ(at(disruption_budget(example_spec()), "/spec"),
            json({{"maxUnavailable", 1}, {"selector", {{"matchLabels", selector}}}}));
}

TEST(PoolerDeployment, MeetsTheRestrictedPodSecurityStandard) {
  const auto pod = at(deployment(example_spec()), "/spec/template/spec");
  EXPECT_EQ(at(pod, "/securityContext/runAsNonRoot"), true);
  EXPECT_EQ(at(pod, "/securityContext/seccompProfile/type"), "RuntimeDefault");
  ASSERT_EQ(pod.at("containers").size(), 1U);
  const auto context = at(pod, "/containers/0/securityContext");
  EXPECT_EQ(context.at("allowPrivilegeEscalation"), false);
  EXPECT_EQ(context.at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(context.at("capabilities"), json({{"drop", json::array({"ALL"})}}));
  EXPECT_EQ(pod.at("automountServiceAccountToken"), false);
  for (const auto& volume : pod.at("volumes"))
    EXPECT_FALSE(volume.contains("hostPath")) << volume.dump();
}

TEST(PoolerDeployment, LeavesSlowlyAndIsNeverKilledByALivenessProbe) {
  const auto pod = at(deployment(example_spec()), "/spec/template/spec");
  EXPECT_EQ(pod.at("terminationGracePeriodSeconds"), 330);
  const auto container = at(pod, "/containers/0");
  EXPECT_EQ(at(container, "/lifecycle/preStop/exec/command"), json::array({"sleep", "5"}));
  EXPECT_FALSE(container.contains("livenessProbe"));
  EXPECT_EQ(container.at("args"), json::array({"/etc/pgbouncer/pgbouncer.ini"}));
  EXPECT_EQ(at(container, "/ports/0/containerPort"), 5432);
}

TEST(PoolerDeployment, StartsByTheDatabaseAndIsReadyByItself) {
  const auto container = at(deployment(example_spec()), "/spec/template/spec/containers/0");
  const auto startup = at(container, "/startupProbe/exec/command").dump();
  EXPECT_THAT(startup, HasSubstr("shop-db-direct.shop.svc"));
  const auto readiness = at(container, "/readinessProbe/exec/command").dump();
  EXPECT_THAT(readiness, HasSubstr("/run/pgbouncer"));
  EXPECT_THAT(readiness, Not(HasSubstr("shop-db-direct")));
}

TEST(PoolerDeployment, MountsDirectoriesNeverFiles) {
  auto spec = example_spec();
  spec.tls_secret = "shop-tls";
  const auto pod = at(deployment(spec), "/spec/template/spec");
  std::map<std::string, std::string> paths;
  for (const auto& mount : at(pod, "/containers/0/volumeMounts")) {
    EXPECT_FALSE(mount.contains("subPath")) << "such a file never follows its source";
    paths[mount.at("name")] = mount.at("mountPath");
  }
  EXPECT_EQ(paths, (std::map<std::string, std::string>{{"config", "/etc/pgbouncer"},
                                                       {"secret", "/etc/pgbouncer-secret"},
                                                       {"socket", "/run/pgbouncer"},
                                                       {"tls", "/etc/pgbouncer-tls"}}));
  EXPECT_EQ(pod.at("volumes").size(), 5U) << "and the guard's";
  EXPECT_EQ(at(deployment(example_spec()), "/spec/template/spec/volumes").size(), 4U);
}

TEST(PoolerDeployment, HasAGuardThatOutlivesPgBouncer) {
  auto spec = example_spec();
  spec.guard_image = "example.org/pg-rightsizer:1";
  spec.max_pause_seconds = 30;
  const auto guard = at(deployment(spec), "/spec/template/spec/initContainers/0");
  EXPECT_EQ(guard.at("name"), "guard");
  EXPECT_EQ(guard.at("restartPolicy"), "Always");
  EXPECT_EQ(guard.at("image"), "example.org/pg-rightsizer:1");
  EXPECT_THAT(guard.at("args").dump(), HasSubstr(R"("--max-pause-seconds","30")"));
  EXPECT_THAT(guard.at("args").dump(), HasSubstr("shop-db-direct.shop.svc"));
  EXPECT_FALSE(guard.contains("ports"));
}

TEST(PoolerDeployment, ANewGuardAloneIsNoNewTemplate) {
  auto spec = example_spec();
  const auto digest = template_digest(spec);
  spec.guard_image = "example.org/pg-rightsizer:2";
  EXPECT_EQ(template_digest(spec), digest);
  spec.max_pause_seconds = 30;
  EXPECT_NE(template_digest(spec), digest);
}

TEST(PoolerDeployment, PullsItsImagesWithTheSecretsOfThePolicy) {
  auto spec = example_spec();
  EXPECT_FALSE(at(deployment(spec), "/spec/template/spec").contains("imagePullSecrets"))
      << "an empty list would replace the pods of every pooler";
  spec.image_pull_secrets = {"pull", "more"};
  EXPECT_EQ(at(deployment(spec), "/spec/template/spec/imagePullSecrets"),
            json::parse(R"([{"name": "pull"}, {"name": "more"}])"));
}

TEST(PoolerDeployment, PrefersDifferentNodes) {
  const auto terms = at(deployment(example_spec()),
                        "/spec/template/spec/affinity/podAntiAffinity/"
                        "preferredDuringSchedulingIgnoredDuringExecution");
  ASSERT_EQ(terms.size(), 1U);
  EXPECT_EQ(at(terms, "/0/podAffinityTerm/topologyKey"), "kubernetes.io/hostname");
}

// Else a resize would roll the poolers and cut every client's pool.
TEST(PoolerTemplate, DoesNotDependOnSizesAndLogins) {
  const auto before = at(deployment(example_spec()), "/spec/template");
  const std::map<std::string, std::function<void(Spec&)>> changes = {
      {"pool_size", [](Spec& spec) { spec.pool_size = 200; }},
      {"boot_cap", [](Spec& spec) { spec.boot_cap = 2; }},
      {"max_clients", [](Spec& spec) { spec.max_clients = 50'000; }},
      {"replicas", [](Spec& spec) { spec.replicas = 5; }},
      {"logins",
       [](Spec& spec) {
         spec.logins.push_back({"other", "x", "other"});
       }},
      {"console password", [](Spec& spec) { spec.console_password = "new"; }},
      {"server TLS", [](Spec& spec) {
         spec.server_sslmode = "verify-full";
         spec.server_ca_pem = "PEM";
       }}};
  for (const auto& [name, change] : changes) {
    auto spec = example_spec();
    change(spec);
    EXPECT_EQ(at(deployment(spec), "/spec/template"), before) << name;
    EXPECT_EQ(template_digest(spec), template_digest(example_spec())) << name;
  }
}

TEST(PoolerTemplate, DigestTellsARealChange) {
  const std::map<std::string, std::function<void(Spec&)>> changes = {
      {"image", [](Spec& spec) { spec.image = "example.org/pgbouncer:1.25.2"; }},
      {"pull secrets", [](Spec& spec) { spec.image_pull_secrets = {"pull"}; }},
      {"tls", [](Spec& spec) { spec.tls_secret = "shop-tls"; }},
      {"labels", [](Spec& spec) { spec.labels["team"] = "other"; }},
      {"port", [](Spec& spec) { spec.port = 6432; }},
      {"resources", [](Spec& spec) {
         spec.resources = {{"limits", {{"memory", "1Gi"}}}};
       }}};
  std::set<std::string> digests = {template_digest(example_spec())};
  for (const auto& [name, change] : changes) {
    auto spec = example_spec();
    change(spec);
    EXPECT_TRUE(digests.insert(template_digest(spec)).second) << name;
  }
  EXPECT_THAT(template_digest(example_spec()), ::testing::MatchesRegex("[0-9a-f]{16}"));
}

TEST(PoolerAnnotations, AreReadBackByObserve) {
  const auto spec = example_spec();
  const auto deployed = at(deployment(spec), "/metadata/annotations");
  EXPECT_EQ(deployed.at(kPoolSizeAnnotation), "150");
  EXPECT_EQ(deployed.at(kTemplateAnnotation), template_digest(spec));
  const auto configured = at(config_map(spec), "/metadata/annotations");
  EXPECT_EQ(configured.at(kBootCapAnnotation), "18");
  EXPECT_EQ(configured.at(kMaxClientsAnnotation), "10000");
}

TEST(PoolerSecret, HoldsUsersPasswordAndCa) {
  auto spec = example_spec();
  auto data = secret(spec).at("data");
  EXPECT_EQ(data.at(kConsolePasswordKey), "YzBuc29sZQ==");
  EXPECT_EQ(data.at(kUserlistKey), "InBncmlnaHRzaXplciIgImMwbnNvbGUiCiJzaG9wIiAiczNjcmV0Igo=");
  EXPECT_FALSE(data.contains(kServerCaKey));
  spec.server_ca_pem = "PEM";
  EXPECT_EQ(secret(spec).at("data").at(kServerCaKey), "UEVN");
  EXPECT_EQ(at(config_map(spec), "/data")["pgbouncer.ini"], render_ini(spec));
  EXPECT_THAT(config_map(spec).dump(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(deployment(spec).dump(), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
