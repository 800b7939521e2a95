// What parse() makes of a policy. The rules of the schema are held against the same table of bad
// policies by tests/integration/api; here each is tried without a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"

namespace pgrightsizer::api {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;

json least() {
  return json::parse(R"({
    "apiVersion": "pgrightsizer.io/v1alpha1", "kind": "ConnectionPolicy",
    "metadata": {"name": "shop-db", "namespace": "shop"},
    "spec": {
      "workloads": [{"name": "api", "targetRef": {"kind": "Deployment", "name": "shop-api"}}],
      "database": {"provider": "StatefulSet", "name": "postgres",
                   "config": {"configMapName": "postgres-config"},
                   "adminSecretName": "postgres-admin", "applicationSecrets": ["shop-app"]}}
  })");
}

// The least policy with a merge patch (RFC 7386) of its spec.
json with(const char* spec) {
  json object = least();
  object["spec"].merge_patch(json::parse(spec));
  return object;
}

TEST(Parse, TheLeastPolicyGetsEveryDefault) {
  const auto policy = parse(least());
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(policy->key(), "shop/shop-db");
  EXPECT_EQ(policy->text(), "ConnectionPolicy shop/shop-db");
  const Spec& spec = policy->spec;
  EXPECT_EQ(spec.mode, Mode::Apply);
  EXPECT_FALSE(spec.suspend);
  ASSERT_EQ(spec.workloads.size(), 1U);
  EXPECT_EQ(spec.workloads[0].connections_per_instance, std::nullopt);
  EXPECT_EQ(spec.database.port, 5432);
  EXPECT_EQ(spec.database.config_key, "postgresql.conf");
  EXPECT_EQ(spec.sizing.environment, sizing::Environment::Production);
  EXPECT_EQ(spec.sizing.buffer, 50);
  EXPECT_EQ(spec.sizing.min_connections, 25);
  EXPECT_EQ(spec.sizing.max_connections, 5000);
  EXPECT_EQ(spec.sizing.tiers, (std::vector<sizing::Tier>{{50, 150}, {100, 200}}));
  EXPECT_EQ(spec.sizing.hysteresis_instances, 10);
  EXPECT_EQ(spec.sizing.pooler_replicas, 2);
  EXPECT_EQ(spec.pooler.resources_json, "{}");
  EXPECT_EQ(spec.routing.drain, DrainMode::Wait);
  EXPECT_EQ(spec.routing.drain_timeout, seconds{600});
  EXPECT_EQ(spec.restart.policy, RestartPolicy::Auto);
  EXPECT_EQ(spec.restart.min_interval, seconds{300});
  EXPECT_EQ(spec.behavior.scale_up, seconds{0});
  EXPECT_EQ(spec.behavior.scale_down, seconds{300});
  EXPECT_EQ(spec.saturation.thresholds.warning_percent, 80);
  EXPECT_EQ(spec.saturation.thresholds.critical_percent, 95);
  EXPECT_EQ(spec.saturation.thresholds.wait_milliseconds, 100);
  EXPECT_EQ(spec.saturation.thresholds.window, seconds{60});
  EXPECT_FALSE(spec.saturation.thresholds.critical_needs_waiting);
  EXPECT_EQ(spec.saturation.sample, seconds{5});
}

TEST(Parse, EveryFieldIsRead) {
  const auto policy = parse(with(R"({
    "mode": "Recommend", "suspend": true, "environment": "Staging",
    "workloads": [
      {"name": "a", "targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "x"},
       "connectionsPerInstance": 7},
      {"name": "b", "targetRef": {"kind": "Deployment", "name": "x"}, "concurrentRequests": 8}],
    "database": {"port": 5433, "config": {"key": "pg.conf"}, "applicationSecrets": ["a", "b"]},
    "sizing": {"bufferConnections": 60, "minConnections": 30, "maxConnections": 900,
               "countInstances": "Current"},
    "pooler": {"provision": "Always", "tiers": [{"instances": 20, "poolSize": 40}],
               "hysteresisInstances": 5, "replicas": 3, "image": "i", "imagePullSecrets": ["p", "q"],
               "tlsSecretName": "t", "resources": {"limits": {"cpu": 1}}},
    "routing": {"mode": "None", "drain": "TerminateIdle", "drainTimeoutSeconds": 61},
    "restart": {"policy": "Immediate", "minIntervalSeconds": 62, "maxPauseSeconds": 30,
                "longTransactions": "Terminate", "longTransactionSeconds": 5, "emergency": "Override",
                "maxPerDay": 3, "windows": [{"schedule": "30 1 * * SUN", "durationSeconds": 600,
                                             "timeZone": "Europe/Berlin"}]},
    "behavior": {"scaleUp": {"stabilizationSeconds": 63},
                 "scaleDown": {"stabilizationSeconds": 64}},
    "saturation": {"warningPercent": 70, "criticalPercent": 90, "waitMilliseconds": 50,
                   "forSeconds": 65, "sampleSeconds": 6, "criticalNeedsWaiting": true},
    "deletionPolicy": "Orphan"})"));
  ASSERT_TRUE(policy) << policy.error().message();
  const Spec& spec = policy->spec;
  EXPECT_EQ(spec.mode, Mode::Recommend);
  EXPECT_TRUE(spec.suspend);
  ASSERT_EQ(spec.workloads.size(), 2U);
  EXPECT_EQ(spec.workloads[0].target.kind, "StatefulSet");
  EXPECT_EQ(spec.workloads[0].connections_per_instance, 7);
  EXPECT_EQ(spec.workloads[1].concurrent_requests, 8);
  EXPECT_EQ(spec.database.port, 5433);
  EXPECT_EQ(spec.database.config_map, "postgres-config");
  EXPECT_EQ(spec.database.config_key, "pg.conf");
  EXPECT_EQ(spec.database.admin_secret, "postgres-admin");
  EXPECT_EQ(spec.database.application_secrets, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(spec.sizing.environment, sizing::Environment::Staging);
  EXPECT_EQ(spec.sizing.buffer, 60);
  EXPECT_EQ(spec.sizing.min_connections, 30);
  EXPECT_EQ(spec.sizing.max_connections, 900);
  EXPECT_EQ(spec.sizing.provision, sizing::Provision::Always);
  EXPECT_EQ(spec.sizing.tiers, (std::vector<sizing::Tier>{{20, 40}}));
  EXPECT_EQ(spec.sizing.hysteresis_instances, 5);
  EXPECT_EQ(spec.sizing.pooler_replicas, 3);
  EXPECT_EQ(spec.pooler.image, "i");
  EXPECT_EQ(spec.pooler.image_pull_secrets, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(spec.pooler.tls_secret, "t");
  EXPECT_EQ(spec.pooler.resources_json, R"({"limits":{"cpu":1}})");
  EXPECT_EQ(spec.routing.mode, RoutingMode::None);
  EXPECT_EQ(spec.routing.drain, DrainMode::TerminateIdle);
  EXPECT_EQ(spec.routing.drain_timeout, seconds{61});
  EXPECT_EQ(spec.restart.policy, RestartPolicy::Immediate);
  EXPECT_EQ(spec.restart.min_interval, seconds{62});
  EXPECT_EQ(spec.restart.max_pause, seconds{30});
  EXPECT_EQ(spec.restart.long_transactions, LongTransactions::Terminate);
  EXPECT_EQ(spec.restart.long_transaction, seconds{5});
  EXPECT_EQ(spec.restart.emergency, Emergency::Override);
  EXPECT_EQ(spec.restart.max_per_day, 3);
  ASSERT_EQ(spec.restart.windows.size(), 1U);
  EXPECT_EQ(spec.restart.windows[0].schedule, "30 1 * * SUN");
  EXPECT_EQ(spec.restart.windows[0].duration, seconds{600});
  EXPECT_EQ(spec.restart.windows[0].time_zone, "Europe/Berlin");
  EXPECT_EQ(spec.behavior.scale_up, seconds{63});
  EXPECT_EQ(spec.behavior.scale_down, seconds{64});
  EXPECT_EQ(spec.saturation.thresholds.warning_percent, 70);
  EXPECT_EQ(spec.saturation.thresholds.critical_percent, 90);
  EXPECT_EQ(spec.saturation.thresholds.wait_milliseconds, 50);
  EXPECT_EQ(spec.saturation.thresholds.window, seconds{65});
  EXPECT_TRUE(spec.saturation.thresholds.critical_needs_waiting);
  EXPECT_EQ(spec.saturation.sample, seconds{6});
}

TEST(Parse, ASelector) {
  const auto policy =
      parse(with(R"({"workloads": null, "workloadSelector": {"matchLabels": {"db": "shop"}}})"));
  ASSERT_TRUE(policy) << policy.error().message();
  ASSERT_TRUE(policy->spec.workload_selector);
  EXPECT_EQ(policy->spec.workload_selector->match_labels,
            (std::vector<std::pair<std::string, std::string>>{{"db", "shop"}}));
}

TEST(Parse, NamesOfObjectsAreAsLongAsKubernetesAllows) {
  const std::string longest(253, 'a');
  const auto policy = parse(with((R"({"database": {"adminSecretName": ")" + longest + "\"}}").c_str()));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(policy->spec.database.admin_secret, longest);
  EXPECT_FALSE(parse(with((R"({"database": {"adminSecretName": ")" + longest + "a\"}}").c_str())));
}

constexpr const char* kExternal = R"({"provider": "External", "name": null, "config": null)";

TEST(Parse, AnExternalDatabase) {
  for (const char* host : {"10.1.2.3", "fd00::1"}) {
    const auto policy = parse(with(
        (R"({"database": )" + std::string(kExternal) + R"(, "host": ")" + host + "\"}}").c_str()));
    ASSERT_TRUE(policy) << policy.error().message();
    EXPECT_EQ(policy->spec.database.host, host);
  }
}

TEST(Parse, AnExternalDatabaseByNameWhereNoRouteIsSwitched) {
  for (const char* rest :
       {R"("routing": {"mode": "None"})", R"("pooler": {"provision": "Always"})"}) {
    const auto policy = parse(with((R"({"database": )" + std::string(kExternal) +
                                    R"(, "host": "db.example.com"}, )" + rest + "}")
                                       .c_str()));
    EXPECT_TRUE(policy) << policy.error().message();
  }
}

struct Bad {
  const char* name;
  std::string spec;
  const char* field_and_fault;
  const char* remedy;
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) { return out << bad.spec; }

class BadPolicy : public testing::TestWithParam<Bad> {};

TEST_P(BadPolicy, IsRefusedWithObjectFieldAndRemedy) {
  const auto policy = parse(with(GetParam().spec.c_str()));
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(policy.error().object, "ConnectionPolicy shop/shop-db");
  EXPECT_THAT(policy.error().what, testing::StartsWith(GetParam().field_and_fault));
  EXPECT_THAT(policy.error().remedy, HasSubstr(GetParam().remedy));
}

std::string external(const char* rest) {
  return R"({"database": )" + std::string(kExternal) + rest + "}}";
}

std::string workloads(const char* list) { return R"({"workloads": )" + std::string(list) + "}"; }

std::string tiers(const char* list) {
  return R"({"pooler": {"tiers": )" + std::string(list) + "}}";
}

constexpr const char* kTarget = R"("targetRef": {"kind": "Deployment", "name": "x"})";

std::string one_workload(const char* rest) {
  return workloads((R"([{"name": "a", )" + std::string(kTarget) + rest + "}]").c_str());
}

const std::vector<Bad> kBad = {
    // Who connects.
    {"Both", R"({"workloadSelector": {"matchLabels": {"a": "b"}}})",
     "spec.workloads is given together with workloadSelector", "keep one"},
    {"Neither", R"({"workloads": null})", "spec.workloads is missing", "which workloads"},
    {"EmptyList", workloads("[]"), "spec.workloads is missing", "which workloads"},
    {"NotAList", workloads(R"({"a": 1})"), "spec.workloads is not a list", "\"- \""},
    {"NotAnObject", workloads("[7]"), "spec.workloads[0] is not an object", "kubectl explain"},
    {"NoName", workloads(R"([{"targetRef": {"kind": "Deployment", "name": "x"}}])"),
     "spec.workloads[0].name is missing", "set it"},
    {"NoTarget", workloads(R"([{"name": "a"}])"), "spec.workloads[0].targetRef is missing",
     "Deployment or StatefulSet"},
    {"TargetKind", workloads(R"([{"name": "a", "targetRef": {"kind": "Pod", "name": "x"}}])"),
     "spec.workloads[0].targetRef.kind is \"Pod\"", "use Deployment or StatefulSet"},
    {"TargetApi", workloads(R"([{"name": "a", "targetRef": {"apiVersion": "v1", "kind":
     "Deployment", "name": "x"}}])"),
     "spec.workloads[0].targetRef.apiVersion is \"v1\"", "apps/v1"},
    {"TargetWithoutName", workloads(R"([{"name": "a", "targetRef": {"kind": "Deployment"}}])"),
     "spec.workloads[0].targetRef.name is missing", "set it"},
    {"TargetName",
     workloads(R"([{"name": "a", "targetRef": {"kind": "Deployment", "name": "A"}}])"),
     "spec.workloads[0].targetRef.name is \"A\"", "lower-case"},
    {"TwoCounts", one_workload(R"(, "connectionsPerInstance": 1, "concurrentRequests": 1)"),
     "spec.workloads[0] has both", "keep one"},
    {"NoConnections", one_workload(R"(, "connectionsPerInstance": 0)"),
     "spec.workloads[0].connectionsPerInstance is 0", "from 1 to 10000"},
    {"HalfAConnection", one_workload(R"(, "connectionsPerInstance": 0.5)"),
     "spec.workloads[0].connectionsPerInstance is 0.5", "whole number"},
    {"NoRequests", one_workload(R"(, "concurrentRequests": -1)"),
     "spec.workloads[0].concurrentRequests is -1", "from 1 to 10000"},
    {"SameName", workloads(R"([{"name": "a", "targetRef": {"kind": "Deployment", "name": "x"}},
     {"name": "a", "targetRef": {"kind": "Deployment", "name": "y"}}])"),
     "spec.workloads[1].name \"a\" is there twice", "its own name"},
    {"SameTarget", workloads(R"([{"name": "a", "targetRef": {"kind": "Deployment", "name": "x"}},
     {"name": "b", "targetRef": {"kind": "Deployment", "name": "x"}}])"),
     "spec.workloads[1].targetRef names Deployment x a second time", "remove one"},
    {"EmptySelector", R"({"workloads": null, "workloadSelector": {"matchLabels": {}}})",
     "spec.workloadSelector.matchLabels has 0 labels", "1 to 16"},
    {"Expressions", R"({"workloads": null, "workloadSelector": {"matchExpressions": []}})",
     "spec.workloadSelector.matchExpressions is not supported", "matchLabels"},
    {"LabelNotAText", R"({"workloads": null, "workloadSelector": {"matchLabels": {"a": 1}}})",
     "spec.workloadSelector.matchLabels.a is not a text", "quotes"},
    // The database.
    {"NoDatabase", R"({"database": null})", "spec.database is missing", "which PostgreSQL"},
    {"NoProvider", R"({"database": {"provider": null}})", "spec.database.provider is missing",
     "StatefulSet, External"},
    {"Provider", R"({"database": {"provider": "Oracle"}})", "spec.database.provider is \"Oracle\"",
     "use one of StatefulSet, External"},
    {"NoStatefulSet", R"({"database": {"name": null}})", "spec.database.name is missing", "set it"},
    {"NoConfig", R"({"database": {"config": null}})",
     "spec.database.config.configMapName is missing", "set it"},
    {"Key", R"({"database": {"config": {"key": "conf/postgresql.conf"}}})",
     "spec.database.config.key is no key", "letters, digits"},
    {"HostOfAStatefulSet", R"({"database": {"host": "10.0.0.1"}})",
     "spec.database.host is given with provider StatefulSet", "External"},
    {"NoHost", external(""), "spec.database.host is missing", "set it"},
    {"NoSuchHost", external(R"(, "host": "a b")"), "spec.database.host is \"a b\"", "IP address"},
    {"LongPartOfAHost", external((R"(, "host": ")" + std::string(64, 'a') + ".example.com\"").c_str()),
     "spec.database.host is \"aaa", "DNS name"},
    {"NameOfAnExternal", external(R"(, "host": "10.0.0.1", "name": "x")"),
     "spec.database.name is given with provider External", "remove it"},
    {"ConfigOfAnExternal",
     R"({"database": {"provider": "External", "name": null, "host": "10.0.0.1"}})",
     "spec.database.config is given with provider External", "remove it"},
    {"HostByName", external(R"(, "host": "db.example.com")"), "spec.database.host is a name",
     "routing.mode: None or pooler.provision: Always"},
    {"HostByNameNever",
     R"({"pooler": {"provision": "Never"}, "database": )" + std::string(kExternal) +
         R"(, "host": "db"}})",
     "spec.database.host is a name", "IP address"},
    {"Port0", R"({"database": {"port": 0}})", "spec.database.port is 0", "from 1 to 65535"},
    {"PortTooHigh", R"({"database": {"port": 65536}})", "spec.database.port is 65536", "65535"},
    {"PortText", R"({"database": {"port": "5432"}})", "spec.database.port is \"5432\"",
     "whole number"},
    {"NoAdmin", R"({"database": {"adminSecretName": null}})",
     "spec.database.adminSecretName is missing", "set it"},
    {"NoApplication", R"({"database": {"applicationSecrets": null}})",
     "spec.database.applicationSecrets has 0 entries", "username, password and database"},
    {"ApplicationNotAList", R"({"database": {"applicationSecrets": "shop"}})",
     "spec.database.applicationSecrets is not a list", "\"- \""},
    {"ApplicationEmpty", R"({"database": {"applicationSecrets": ["a", ""]}})",
     "spec.database.applicationSecrets[1] is not a name", "name of an object"},
    {"ApplicationName", R"({"database": {"applicationSecrets": ["a_b"]}})",
     "spec.database.applicationSecrets[0] is \"a_b\"", "lower-case"},
    // Sizes.
    {"Buffer", R"({"sizing": {"bufferConnections": 19}})", "spec.sizing.bufferConnections is 19",
     "from 20"},
    {"MinAboveMax", R"({"sizing": {"minConnections": 101, "maxConnections": 100}})",
     "spec.sizing.minConnections is 101, above maxConnections (100)", "raise maxConnections"},
    {"MaxBelowDefaultMin", R"({"sizing": {"maxConnections": 24}})",
     "spec.sizing.minConnections is 25, above maxConnections (24)", "lower minConnections"},
    {"MaxTooHigh", R"({"sizing": {"maxConnections": 262144}})",
     "spec.sizing.maxConnections is 262144", "262143"},
    {"MaxBeyondEverything", R"({"sizing": {"maxConnections": 18446744073709551615}})",
     "spec.sizing.maxConnections is 18446744073709551615", "262143"},
    {"Count", R"({"sizing": {"countInstances": "Guess"}})",
     "spec.sizing.countInstances is \"Guess\"",
     "Current, CurrentPlusSurge, AutoscalerMax"},
    {"SizingNotAnObject", R"({"sizing": 7})", "spec.sizing is not an object",
     "kubectl explain connpol.spec.sizing"},
    // The pooler.
    {"Provision", R"({"pooler": {"provision": "Maybe"}})", "spec.pooler.provision is \"Maybe\"",
     "Auto, Always, Never"},
    {"NoTiers", tiers("[]"), "spec.pooler.tiers has 0 entries", "provision: Never"},
    {"HalfATier", tiers(R"([{"instances": 50}])"), "spec.pooler.tiers[0].poolSize is missing",
     "set it"},
    {"EqualInstances",
     tiers(R"([{"instances": 50, "poolSize": 100}, {"instances": 50, "poolSize": 200}])"),
     "spec.pooler.tiers[1].instances is 50, not above the 50 of the tier before it", "rise"},
    {"FallingPools",
     tiers(R"([{"instances": 50, "poolSize": 100}, {"instances": 60, "poolSize": 90}])"),
     "spec.pooler.tiers[1].poolSize is 90, not above the 100", "rise strictly"},
    {"SmallPool", tiers(R"([{"instances": 50, "poolSize": 9}])"),
     "spec.pooler.tiers[0].poolSize is 9", "from 10"},
    {"NineTiers", tiers(R"([{"instances": 11, "poolSize": 11}, {"instances": 12, "poolSize": 12},
     {"instances": 13, "poolSize": 13}, {"instances": 14, "poolSize": 14},
     {"instances": 15, "poolSize": 15}, {"instances": 16, "poolSize": 16},
     {"instances": 17, "poolSize": 17}, {"instances": 18, "poolSize": 18},
     {"instances": 19, "poolSize": 19}])"),
     "spec.pooler.tiers has 9 entries", "1 to 8"},
    {"NotEnoughToShare",
     R"({"pooler": {"replicas": 8, "tiers": [{"instances": 50, "poolSize": 15}]}})",
     "spec.pooler.tiers[0].poolSize is 15, less than 2 for each of 8 pooler pods", "raise it"},
    {"NeverLeft", tiers(R"([{"instances": 10, "poolSize": 100}])"),
     "spec.pooler.hysteresisInstances is 10, not below the first tier's 10", "lower it"},
    {"Replicas", R"({"pooler": {"replicas": 9}})", "spec.pooler.replicas is 9", "from 1 to 8"},
    {"TlsSecret", R"({"pooler": {"tlsSecretName": "A"}})", "spec.pooler.tlsSecretName is \"A\"",
     "lower-case"},
    {"Image", R"({"pooler": {"image": 1}})", "spec.pooler.image is not a text", "quotes"},
    {"PullSecret", R"({"pooler": {"imagePullSecrets": ["ok", "A"]}})",
     "spec.pooler.imagePullSecrets[1] is \"A\"", "lower-case"},
    {"PullSecrets",
     R"({"pooler": {"imagePullSecrets": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
                                         "m", "n", "o", "p", "q"]}})",
     "spec.pooler.imagePullSecrets has more than 16 entries", "several registries"},
    {"Resources", R"({"pooler": {"resources": []}})", "spec.pooler.resources is not an object",
     "kubectl explain"},
    // Behaviour.
    {"Mode", R"({"mode": "Off"})", "spec.mode is \"Off\"", "use one of Apply, Recommend"},
    {"Suspend", R"({"suspend": "yes"})", "spec.suspend is \"yes\"", "true or false"},
    {"Environment", R"({"environment": "Prod"})", "spec.environment is \"Prod\"",
     "Development, Staging, Production"},
    {"Routing", R"({"routing": {"mode": "Mesh"}})", "spec.routing.mode is \"Mesh\"",
     "Service, None"},
    {"Drain", R"({"routing": {"drain": "Kill"}})", "spec.routing.drain is \"Kill\"",
     "Wait, TerminateIdle, RolloutRestart"},
    {"DrainTimeout", R"({"routing": {"drainTimeoutSeconds": 0}})",
     "spec.routing.drainTimeoutSeconds is 0", "from 1"},
    {"Restart", R"({"restart": {"policy": "Later"}})", "spec.restart.policy is \"Later\"",
     "Auto, Immediate, InWindow, Manual"},
    {"InWindow", R"({"restart": {"policy": "InWindow"}})", "spec.restart.windows is empty",
     "give a window"},
    {"WindowSchedule", R"({"restart": {"windows": [{"timeZone": "UTC"}]}})",
     "spec.restart.windows[0].schedule is missing", "set it"},
    {"WindowDuration", R"({"restart": {"windows": [{"schedule": "0 2 * * *", "durationSeconds": 59}]}})",
     "spec.restart.windows[0].durationSeconds is 59", "from 60"},
    {"MaxPause", R"({"restart": {"maxPauseSeconds": 14}})", "spec.restart.maxPauseSeconds is 14",
     "from 15 to 100"},
    {"LongTransactions", R"({"restart": {"longTransactions": "Kill"}})",
     "spec.restart.longTransactions is \"Kill\"", "Wait, Terminate"},
    {"LongTransaction", R"({"restart": {"longTransactionSeconds": 0}})",
     "spec.restart.longTransactionSeconds is 0", "from 1"},
    {"Emergency", R"({"restart": {"emergency": "Panic"}})", "spec.restart.emergency is \"Panic\"",
     "Wait, Override"},
    {"PerDay", R"({"restart": {"maxPerDay": 61}})", "spec.restart.maxPerDay is 61", "to 60"},
    {"Enforce", R"({"sizing": {"enforce": "Hope"}})", "spec.sizing.enforce is \"Hope\"",
     "MaxConnections, RoleConnectionLimit"},
    {"Incompatible", R"({"routing": {"onIncompatible": "Guess"}})",
     "spec.routing.onIncompatible is \"Guess\"", "Hold, Move"},
    {"Interval", R"({"restart": {"minIntervalSeconds": -1}})",
     "spec.restart.minIntervalSeconds is -1", "from 0"},
    {"ScaleUp", R"({"behavior": {"scaleUp": {"stabilizationSeconds": 3601}}})",
     "spec.behavior.scaleUp.stabilizationSeconds is 3601", "to 3600"},
    {"WarningPercent", R"({"saturation": {"warningPercent": 96}})",
     "spec.saturation.warningPercent is 96, above criticalPercent (95)", "raise criticalPercent"},
    {"ForSeconds", R"({"saturation": {"forSeconds": 9}})",
     "spec.saturation.forSeconds is 9, less than twice sampleSeconds (5)", "lower sampleSeconds"},
    {"ScaleDown", R"({"behavior": {"scaleDown": {"stabilizationSeconds": true}}})",
     "spec.behavior.scaleDown.stabilizationSeconds is true", "whole number"},
    {"Deletion", R"({"deletionPolicy": "Destroy"})", "spec.deletionPolicy is \"Destroy\"",
     "Orphan, Unwind"},
};

INSTANTIATE_TEST_SUITE_P(Fields, BadPolicy, testing::ValuesIn(kBad),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Parse, AnEnumeratedValueOfAnotherTypeIsNamed) {
  const auto policy = parse(with(R"({"mode": false})"));
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.error().message(), HasSubstr("spec.mode is not a text"));
}

TEST(Parse, MoreThan64Workloads) {
  json object = least();
  for (int i = 0; i < 64; ++i) {
    const std::string name = "w" + std::to_string(i);
    object["spec"]["workloads"].push_back(
        {{"name", name}, {"targetRef", {{"kind", "Deployment"}, {"name", name}}}});
  }
  const auto policy = parse(object);
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.error().message(), HasSubstr("spec.workloads has more than 64"));
}

TEST(Parse, ALongWrongValueIsCutShort) {
  json object = least();
  object["spec"]["sizing"]["bufferConnections"] = std::string(10'000, 'x');
  const auto policy = parse(object);
  ASSERT_FALSE(policy);
  EXPECT_LT(policy.error().message().size(), 250U);
}

class BadName : public testing::TestWithParam<std::string> {};

TEST_P(BadName, IsRefused) {
  json object = least();
  object["metadata"]["name"] = GetParam();
  const auto policy = parse(object);
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.error().message(), HasSubstr("metadata.name"));
  EXPECT_THAT(policy.error().message(), HasSubstr("at most 50"));
}

INSTANTIATE_TEST_SUITE_P(Names, BadName,
                         testing::Values("", "1shop", "-shop", "shop-", "Shop", "shop.db",
                                         std::string(51, 'a')));

TEST(Parse, TheLongestName) {
  json object = least();
  object["metadata"]["name"] = std::string(50, 'a');
  EXPECT_TRUE(parse(object));
}

TEST(Parse, NothingAtAllIsRefusedNotFeared) {
  for (const char* text : {"null", "[]", "{}", "7", R"({"metadata": 1, "spec": 2})",
                           R"({"metadata": {"name": "a"}, "spec": null})"}) {
    EXPECT_FALSE(parse(json::parse(text))) << text;
  }
}

TEST(Metadata, IsReadEvenWhenTheSpecIsWrong) {
  json object = with(R"({"database": null})");
  object["metadata"].update(json::parse(R"({"uid": "u", "resourceVersion": "17", "generation": 4,
    "creationTimestamp": "2026-11-23T17:07:26Z", "deletionTimestamp": "2026-11-23T18:07:26Z"})"));
  object["status"] = {{"instances", 12}};
  EXPECT_FALSE(parse(object));
  const ConnectionPolicy policy = parse_metadata(object);
  EXPECT_EQ(policy.key(), "shop/shop-db");
  EXPECT_EQ(policy.uid, "u");
  EXPECT_EQ(policy.resource_version, "17");
  EXPECT_EQ(policy.generation, 4);
  EXPECT_EQ(to_rfc3339(policy.created), "2026-11-23T17:07:26Z");
  EXPECT_TRUE(policy.deleting);
  EXPECT_EQ(policy.status.instances, 12);
}

TEST(Metadata, RestartNow) {
  json object = least();
  EXPECT_FALSE(parse(object)->restart_now);
  object["metadata"]["annotations"][kRestartNowAnnotation] = "2026-11-23T18:07:26+01:00";
  EXPECT_EQ(to_rfc3339(*parse(object)->restart_now), "2026-11-23T17:07:26Z");
  EXPECT_EQ(parse(object)->restart_now_error, "");
}

TEST(Metadata, RestartNowThatIsNoTimeIsToldAndNothingElse) {
  json object = least();
  object["metadata"]["annotations"][kRestartNowAnnotation] = "yes";
  const auto policy = parse(object);
  ASSERT_TRUE(policy);
  EXPECT_FALSE(policy->restart_now);
  EXPECT_THAT(policy->restart_now_error, HasSubstr("is \"yes\"; give it a time"));
}

TEST(Names, AreTheSchemas) {
  EXPECT_STREQ(to_string(Mode::Recommend), "Recommend");
  EXPECT_STREQ(to_string(ProviderKind::External), "External");
  EXPECT_STREQ(to_string(RoutingMode::None), "None");
  EXPECT_STREQ(to_string(DrainMode::RolloutRestart), "RolloutRestart");
  EXPECT_STREQ(to_string(RestartPolicy::Manual), "Manual");
  EXPECT_STREQ(to_string(sizing::Environment::Staging), "Staging");
  EXPECT_STREQ(to_string(sizing::Provision::Never), "Never");
  EXPECT_STREQ(to_string(sizing::Route::Pooler), "Pooler");
}

}  // namespace
}  // namespace pgrightsizer::api
