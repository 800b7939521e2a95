// Client and informer against a real API server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "integration/kube/loopback.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/kube/wire.h"
#include "pgrightsizer/runtime/informer.h"
#include "unit/kube/recording_logger.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::kube {
namespace {

using runtime::Informer;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr auto kPatience = seconds(60);
constexpr const char* kVariable = "PGRS_TEST_KUBECONFIG";

const ::testing::Environment* const kHttp = [] {
  struct Http : ::testing::Environment {
    void SetUp() override { initialize_http(); }
  };
  return ::testing::AddGlobalTestEnvironment(new Http);
}();

// Notes the path of every stream on its way to the real transport. Can play a server that has not
// got initial events.
class NotingTransport final : public Transport {
 public:
  explicit NotingTransport(Transport& real, bool initial_events = true)
      : real_(real), initial_events_(initial_events) {}
  Result<Response> call(const Request& request, std::chrono::milliseconds deadline) override {
    return real_.call(request, deadline);
  }
  Result<Response> stream(const Request& request,
                          const std::function<void(std::string_view)>& on_bytes,
                          std::chrono::milliseconds idle, const std::stop_token& stop) override {
    {
      std::scoped_lock lock(mutex_);
      paths_.push_back(request.path);
    }
    if (!initial_events_ && request.path.find("sendInitialEvents") != std::string::npos)
      return Response{422, R"({"kind":"Status","message":"sendInitialEvents is forbidden"})", {}, {}};
    return real_.stream(request, on_bytes, idle, stop);
  }
  [[nodiscard]] int count(const std::string& part) const {
    std::scoped_lock lock(mutex_);
    int found = 0;
    for (const auto& path : paths_) found += path.find(part) != std::string::npos ? 1 : 0;
    return found;
  }

 private:
  Transport& real_;
  const bool initial_events_;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;
};

bool is_empty(const Json& value) {
  return value.is_null() || value == "" || value == 0 || value == false ||
         ((value.is_object() || value.is_array()) && value.empty());
}

// What is left of an object when only the fields of the table are read. Empty values are in JSON or
// not, as the server's types have it.
Json reduced(const Json& object, wire::Message message) {
  Json out = Json::object();
  for (const auto& field : message) {
    const auto found = object.find(field.name);
    if (found == object.end()) continue;
    Json value = *found;
    if (field.type == wire::Field::Type::Object) value = reduced(*found, field.message);
    if (field.type == wire::Field::Type::Objects)
      for (auto& one : value) one = reduced(one, field.message);
    if (!is_empty(value)) out[field.name] = std::move(value);
  }
  return out;
}

// A namespace of its own for each test, with a client and a picture that an informer draws.
class ApiServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv(kVariable);
    ASSERT_NE(path, nullptr) << kVariable << " must name a kubeconfig of a real API server";
    auto loaded = load_kubeconfig(path);
    ASSERT_TRUE(loaded) << loaded.error().message();
    credentials = *loaded;
    transport = connect(credentials);
    client.emplace(*transport, logger);
    static std::atomic<int> number{0};
    space = "kube-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    const Ref ref{resources::kNamespace, "", space};
    const auto made = client->apply(
        ref, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space}}}});
    ASSERT_TRUE(made) << made.error().message();
  }
  void TearDown() override {
    if (client) static_cast<void>(client->remove({resources::kNamespace, "", space}));
  }

  static std::unique_ptr<Transport> connect(const Credentials& to) {
    auto made = make_transport(to);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  [[nodiscard]] Ref config(const std::string& name) const {
    return {resources::kConfigMap, space, name};
  }
  [[nodiscard]] static Json config_map(const std::string& name, const std::string& value) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}}},
            {"data", {{"v", value}}}};
  }
  void put(const std::string& name, const std::string& value) {
    const auto done = client->apply(config(name), config_map(name, value));
    ASSERT_TRUE(done) << done.error().message();
  }

  void watch(Transport& through) {
    informer.emplace(through, logger, runtime::InformerOptions{resources::kConfigMap, space, ""},
                     [this](const std::string& key, const nlohmann::json* object) {
                       std::scoped_lock lock(mutex);
                       if (object == nullptr) {
                         present.erase(key);
                       } else {
                         present[key] = (*object)["data"].value("v", "");
                       }
                     },
                     [this] {
                       std::scoped_lock lock(mutex);
                       std::vector<std::string> keys;
                       for (const auto& [key, value] : present) keys.push_back(key);
                       return keys;
                     });
    informer->start();
    ASSERT_TRUE(eventually([&] { return informer->synced(); }, kPatience)) << informer->trouble();
  }
  // "" if absent.
  [[nodiscard]] std::string value(const std::string& name) const {
    std::scoped_lock lock(mutex);
    const auto it = present.find(space + "/" + name);
    return it == present.end() ? "" : it->second;
  }
  [[nodiscard]] std::size_t count() const {
    std::scoped_lock lock(mutex);
    return present.size();
  }
  // What a proxy before the API server does with a connection.
  [[nodiscard]] LoopbackServer::Serve forwarding() const {
    const auto slashes = credentials.server.find("//") + 2;
    const auto colon = credentials.server.rfind(':');
    return forward_to(credentials.server.substr(slashes, colon - slashes), credentials.server.substr(colon + 1));
  }
  // The server's certificate must be good for 127.0.0.1.
  [[nodiscard]] Credentials through_port(int port) const {
    Credentials out = credentials;
    out.server = "https://127.0.0.1:" + std::to_string(port);
    return out;
  }
  // A new ServiceAccount without any rights, and its token.
  [[nodiscard]] std::string token_of_a_nobody() {
    const Ref account{{"", "v1", "ServiceAccount", "serviceaccounts"}, space, "nobody"};
    const auto made = client->apply(
        account,
        {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "nobody"}}}});
    EXPECT_TRUE(made) << made.error().message();
    const auto answer = client->raw(
        {Method::Post, account.path() + "/token", "application/json",
         R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})"});
    EXPECT_TRUE(answer);
    return Json::parse(answer->body)["status"]["token"];
  }

  Credentials credentials;
  RecordingLogger logger;
  std::unique_ptr<Transport> transport;
  std::optional<Client> client;
  std::string space;
  mutable std::mutex mutex;
  std::map<std::string, std::string> present;
  std::optional<Informer> informer;
};

TEST_F(ApiServerTest, ApplyCreatesAndIsIdempotent) {
  const auto first = client->apply(config("a"), config_map("a", "1"));
  ASSERT_TRUE(first) << first.error().message();
  const auto second = client->apply(config("a"), config_map("a", "1"));
  ASSERT_TRUE(second);
  EXPECT_EQ((*first)["metadata"]["resourceVersion"], (*second)["metadata"]["resourceVersion"]);
}

TEST_F(ApiServerTest, AJsonPatchOfAChangedObjectIsAConflict) {
  put("a", "1");
  const auto before = client->get(config("a"));
  ASSERT_TRUE(before);
  const auto patch = [&](const std::string& path) {
    return Json{{{"op", "test"},
                 {"path", "/metadata/resourceVersion"},
                 {"value", (*before)["metadata"]["resourceVersion"]}},
                {{"op", "add"}, {"path", path}, {"value", "2"}}};
  };
  EXPECT_EQ(client->json_patch(config("a"), patch("/none/here")).error().kind, ErrorKind::Invalid);
  const auto done = client->json_patch(config("a"), patch("/data/w"));
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ((*done)["data"]["w"], "2");
  EXPECT_EQ(client->json_patch(config("a"), patch("/data/w")).error().kind, ErrorKind::Conflict);
}

TEST_F(ApiServerTest, ErrorsHaveTheirKinds) {
  put("a", "1");
  EXPECT_EQ(client->get(config("none")).error().kind, ErrorKind::NotFound);
  EXPECT_EQ(client->create(config("a"), config_map("a", "1")).error().kind,
            ErrorKind::AlreadyExists);
  EXPECT_EQ(client->create(config("A_B"), config_map("A_B", "1")).error().kind, ErrorKind::Invalid);
  const auto wrong = client->remove(config("a"), {"00000000-0000-0000-0000-000000000000", ""});
  EXPECT_EQ(wrong.error().kind, ErrorKind::Conflict);
  EXPECT_EQ(client->remove(config("a"), {"", "1"}).error().kind, ErrorKind::Conflict);
  EXPECT_TRUE(client->remove(config("a")));
  EXPECT_TRUE(client->remove(config("a")));
}

TEST_F(ApiServerTest, MissingRightsAreForbiddenAndNamed) {
  Credentials nobody = credentials;
  nobody.client_cert_pem.clear();
  nobody.client_key_pem.clear();
  nobody.token = token_of_a_nobody();
  const auto poor = connect(nobody);
  const auto refused = Client(*poor, logger).get(config("a"));
  EXPECT_EQ(refused.error().kind, ErrorKind::Forbidden);
  EXPECT_THAT(refused.error().message(), HasSubstr("cannot get resource \"configmaps\""));
  Informer blind(*poor, logger, {resources::kSecret, "", ""},
                 [](const std::string&, const Json*) {}, [] { return std::vector<std::string>{}; });
  blind.start();
  ASSERT_TRUE(eventually([&] { return !blind.trouble().empty(); }));
  EXPECT_THAT(blind.trouble(), HasSubstr("cannot watch secrets"));
  EXPECT_THAT(blind.trouble(), HasSubstr("allow get, list and watch of secrets"));
  EXPECT_FALSE(blind.synced());
}

TEST_F(ApiServerTest, ATokenFileThatIsRenewedIsUsed) {
  const auto path = std::filesystem::temp_directory_path() / (space + "-token");
  std::ofstream(path) << "not-a-token";
  Credentials nobody = credentials;
  nobody.client_cert_pem.clear();
  nobody.client_key_pem.clear();
  nobody.token_file = path.string();
  const auto poor = connect(nobody);
  EXPECT_EQ(Client(*poor, logger).get(config("a")).error().kind, ErrorKind::Unauthorized);
  std::ofstream(path) << token_of_a_nobody();
  EXPECT_EQ(Client(*poor, logger).get(config("a")).error().kind, ErrorKind::Forbidden);
  std::filesystem::remove(path);
}

TEST_F(ApiServerTest, AnotherCertificateAuthorityIsNotTrusted) {
  Credentials wary = credentials;
  wary.ca_pem = unrelated_ca_pem();
  const auto response = connect(wary)->call({Method::Get, "/version", {}, {}}, seconds(10));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Unauthorized);
}

TEST_F(ApiServerTest, ListsInPagesAndThenFollows) {
  constexpr int kObjects = 1200;
  constexpr int kWriters = 8;
  std::vector<std::thread> writers;
  std::atomic<int> failed{0};
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = w; i < kObjects; i += kWriters) {
        const std::string name = "c" + std::to_string(i);
        if (!client->create(config(name), config_map(name, "1"))) ++failed;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  ASSERT_EQ(failed, 0);

  NotingTransport noting(*transport, false);
  watch(noting);
  EXPECT_GE(count(), static_cast<std::size_t>(kObjects));  // and kube-root-ca.crt, if it is there
  EXPECT_EQ(noting.count("limit=500"), 3);
  EXPECT_EQ(value("c1199"), "1");
  put("c7", "2");
  EXPECT_TRUE(eventually([&] { return value("c7") == "2"; }, kPatience));
  ASSERT_TRUE(client->remove(config("c8")));
  EXPECT_TRUE(eventually([&] { return value("c8").empty(); }, kPatience));
  EXPECT_EQ(noting.count("limit=500"), 3);
}

TEST_F(ApiServerTest, FollowsAgainAfterTheServerWasAwayWithoutANewList) {
  put("a", "1");
  const auto serve = forwarding();
  std::optional<LoopbackServer> proxy(std::in_place, serve);
  const int port = proxy->port();
  const auto far = connect(through_port(port));
  NotingTransport noting(*far);
  watch(noting);
  EXPECT_EQ(noting.count("sendInitialEvents"), 1);

  proxy->cut_all();
  put("a", "2");
  EXPECT_TRUE(eventually([&] { return value("a") == "2"; }, kPatience)) << informer->trouble();

  proxy.reset();  // connection refused for a while
  put("a", "3");
  ASSERT_TRUE(eventually([&] { return !informer->trouble().empty(); }, kPatience));
  proxy.emplace(serve, port);
  EXPECT_TRUE(eventually([&] { return value("a") == "3"; }, kPatience)) << informer->trouble();
  EXPECT_TRUE(eventually([&] { return informer->trouble().empty(); }, kPatience));
  EXPECT_EQ(noting.count("sendInitialEvents"), 1);
  EXPECT_EQ(noting.count("limit=500"), 0);
  informer->stop();
}

constexpr const char* kPodTemplate = R"({"metadata": {"labels": {"app": "a"}},
  "spec": {"containers": [{"name": "c", "image": "none", "env": [{"name": "LONG", "value": "x"}]}]}})";

// One object of each kind that has a table, with every field of it in use.
std::vector<std::pair<Ref, Json>> tabled(const std::string& space) {
  Json deployment = Json::parse(R"({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"app": "a", "empty": ""}, "annotations": {"note": "n"}},
    "spec": {"replicas": 3, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%"}},
             "selector": {"matchLabels": {"app": "a"},
                          "matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}}})");
  deployment["spec"]["template"] = Json::parse(kPodTemplate);
  Json numbered = deployment;
  numbered["metadata"]["name"] = "numbered";
  numbered["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = 2;
  Json stateful_set = Json::parse(R"({"apiVersion": "apps/v1", "kind": "StatefulSet",
    "metadata": {"name": "s"}, "spec": {"replicas": 2, "serviceName": "s", "selector": {"matchLabels": {"app": "a"}}}})");
  stateful_set["spec"]["template"] = Json::parse(kPodTemplate);
  Json pod = Json::parse(R"({"apiVersion": "v1", "kind": "Pod"})");
  pod.update(Json::parse(kPodTemplate));
  pod["metadata"] = Json::parse(R"({"name": "p", "finalizers": ["example.com/hold"], "annotations": {"pgrightsizer.io/cap": "75"},
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u-1", "controller": true}]})");
  pod["spec"]["nodeName"] = "node-1";
  return {{{resources::kDeployment, space, "d"}, deployment},
          {{resources::kDeployment, space, "numbered"}, numbered},
          {{resources::kStatefulSet, space, "s"}, stateful_set},
          {{resources::kPod, space, "p"}, pod}};
}

constexpr const char* kPodStatus = R"({"status": {"phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}],
  "conditions": [{"type": "Ready", "status": "True"}],
  "containerStatuses": [{"name": "c", "image": "none", "imageID": "none", "ready": false, "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "bye"}}}]}})";

// The field numbers of the tables are those of the server.
TEST_F(ApiServerTest, ProtobufSaysWhatJsonSays) {
  std::mutex guard;
  std::map<std::string, Json> seen;
  std::vector<std::unique_ptr<Informer>> informers;
  for (const auto& resource : {resources::kDeployment, resources::kStatefulSet, resources::kPod}) {
    informers.push_back(std::make_unique<Informer>(
        *transport, logger, runtime::InformerOptions{resource, space, ""},
        [&, kind = resource.kind](const std::string& key, const Json* object) {
          std::scoped_lock lock(guard);
          if (object != nullptr) seen[kind + " " + key] = *object;
        },
        [] { return std::vector<std::string>{}; }));
    informers.back()->start();
  }
  for (const auto& [ref, object] : tabled(space)) {
    const auto made = client->create(ref, object);
    ASSERT_TRUE(made) << made.error().message();
  }
  const Ref pod{resources::kPod, space, "p"};
  const auto status = client->patch_status(pod, Json::parse(kPodStatus));
  ASSERT_TRUE(status) << status.error().message();
  ASSERT_TRUE(client->remove(pod));  // its finalizer keeps it

  for (const auto& [ref, object] : tabled(space)) {
    const auto message = *wire::message_of(ref.resource);
    // Controllers may be at work on it: the same version of both.
    EXPECT_TRUE(eventually([&, &ref = ref] {
      const auto live = client->get(ref);
      std::scoped_lock lock(guard);
      const auto it = seen.find(ref.text());
      return live && it != seen.end() && reduced(*live, message) == reduced(it->second, message);
    }, kPatience)) << ref.text() << ": " << seen[ref.text()] << " instead of " << client->get(ref)->dump();
  }
  {
    std::scoped_lock lock(guard);
    EXPECT_TRUE(seen["Pod " + space + "/p"]["metadata"].contains("deletionTimestamp"));
    EXPECT_FALSE(seen["Deployment " + space + "/d"]["spec"].contains("template"));
  }
  const auto released = client->merge_patch(pod, Json::parse(R"({"metadata": {"finalizers": null}})"));
  EXPECT_TRUE(released) << released.error().message();
}

// As when the API server is restarted: all connections of the pool have ended, not only the first.
TEST_F(ApiServerTest, AfterOneDeadConnectionNoOldOneIsTried) {
  const auto serve = forwarding();
  std::optional<LoopbackServer> proxy(std::in_place, serve);
  const int port = proxy->port();
  const auto far = connect(through_port(port));
  Client writer(*far, logger);
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&, name = "c" + std::to_string(i)] {
      for (int n = 0; n < 10; ++n) EXPECT_TRUE(writer.apply(config(name), config_map(name, std::to_string(n))));
    });
  for (auto& caller : callers) caller.join();
  EXPECT_GT(proxy->connections(), 2);
  proxy.reset();
  proxy.emplace(serve, port);
  for (int i = 0; i < 5; ++i) {
    const auto done = writer.apply(config("a"), config_map("a", std::to_string(i)));
    EXPECT_TRUE(done) << done.error().message();
  }
  EXPECT_EQ(proxy->connections(), 1);
}

TEST_F(ApiServerTest, AKindThatDoesNotExistIsTrouble) {
  Informer absent(*transport, logger, {{"none.example.com", "v1", "None", "nones"}, "", ""},
                  [](const std::string&, const Json*) {}, [] { return std::vector<std::string>{}; });
  absent.start();
  ASSERT_TRUE(eventually([&] { return !absent.trouble().empty(); }));
  EXPECT_THAT(absent.trouble(), HasSubstr("cannot watch nones.none.example.com"));
}

}  // namespace
}  // namespace pgrightsizer::kube
