// Pins the simulated API server to a real one: one script runs against both, and what it tells must be
// the same.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "simulation/api_server.h"

namespace pgrightsizer::simulation {
namespace {

using kube::Client;
using kube::Json;
using kube::Ref;
namespace res = kube::resources;
using Told = std::vector<std::string>;

const ::testing::Environment* const kHttp = [] {
  struct Http : ::testing::Environment {
    void SetUp() override { kube::initialize_http(); }
  };
  return ::testing::AddGlobalTestEnvironment(new Http);
}();

template <typename T>
std::string word(const Result<T>& done) {
  return std::string(done ? "ok" : to_string(done.error().kind));
}

Json config_map(const std::string& name, const Json& data) {
  return {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}, {"data", data}};
}

class Script {
 public:
  Script(Client& client, const std::string& space) : client_(client), ref_{res::kConfigMap, space, "one"} {}

  Told run() {
    missing();
    applied();
    patched();
    removed();
    return told_;
  }

 private:
  template <typename T>
  void tell(const std::string& what, const Result<T>& done) {
    told_.push_back(what + ": " + word(done));
  }
  [[nodiscard]] Json live() { return client_.get(ref_).value_or(Json::object()); }
  [[nodiscard]] std::string version() { return live()["metadata"]["resourceVersion"]; }
  void tell_data(const std::string& what) { told_.push_back(what + ": " + live()["data"].dump()); }

  void missing() {
    tell("get", client_.get(ref_));
    tell("merge patch", client_.merge_patch(ref_, {{"data", {{"a", "1"}}}}));
    tell("JSON patch", client_.json_patch(ref_, Json::array({{{"op", "add"}, {"path", "/data/a"}, {"value", "1"}}})));
    tell("remove", client_.remove(ref_));
  }
  void applied() {
    tell("apply", client_.apply(ref_, config_map("one", {{"a", "1"}, {"b", "2"}})));
    const auto uid = live()["metadata"]["uid"];
    const auto before = version();
    tell("the same", client_.apply(ref_, config_map("one", {{"a", "1"}, {"b", "2"}})));
    told_.push_back(before == version() ? "no new version" : "a new version");
    tell("less", client_.apply(ref_, config_map("one", {{"a", "1"}})));
    told_.push_back(before == version() ? "no new version" : "a new version");
    tell_data("what was applied before is gone");
    told_.push_back(uid == live()["metadata"]["uid"] ? "the same object" : "another object");
  }
  void patched() {
    const auto test = [](const std::string& version, const char* value) {
      return Json::array({{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", version}},
                          {{"op", "replace"}, {"path", "/data/a"}, {"value", value}}});
    };
    const auto old = version();
    tell("JSON patch", client_.json_patch(ref_, test(old, "3")));
    tell("of an old version", client_.json_patch(ref_, test(old, "4")));
    tell_data("then");
    const auto merge = [](const char* field, const std::string& value, const Json& data) {
      return Json{{"metadata", {{field, value}}}, {"data", data}};
    };
    const auto newer = version();
    tell("merge patch", client_.merge_patch(ref_, merge("resourceVersion", newer, {{"a", "5"}, {"c", "6"}})));
    tell("of an old version", client_.merge_patch(ref_, merge("resourceVersion", newer, {{"a", "7"}})));
    tell("of another uid", client_.merge_patch(ref_, merge("uid", "a9b1c2d3-0000-4000-8000-000000000000", {{"a", "7"}})));
    tell("null", client_.merge_patch(ref_, {{"data", {{"c", nullptr}}}}));
    tell_data("then");
  }
  void removed() {
    tell("remove another uid", client_.remove(ref_, {"a9b1c2d3-0000-4000-8000-000000000000", ""}));
    tell("get", client_.get(ref_));
    tell("remove", client_.remove(ref_, {live()["metadata"]["uid"].get<std::string>(), ""}));
    tell("get", client_.get(ref_));
  }

  Client& client_;
  const Ref ref_;
  Told told_;
};

TEST(SimulatedApiServer, AnswersAsTheRealOne) {
  const char* path = std::getenv("PGRS_TEST_KUBECONFIG");
  ASSERT_NE(path, nullptr) << "PGRS_TEST_KUBECONFIG must name a kubeconfig of a real API server";
  const auto credentials = kube::load_kubeconfig(path);
  ASSERT_TRUE(credentials) << credentials.error().message();
  const auto transport = std::move(*kube::make_transport(*credentials));
  NullLogger logger;
  Client real(*transport, logger);
  const Ref space{res::kNamespace, "", "conformance-" + std::to_string(::getpid())};
  ASSERT_TRUE(real.apply(space, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space.name}}}}));
  const auto expected = Script(real, space.name).run();
  EXPECT_TRUE(real.remove(space));

  World world(1, json::object());
  ApiServer server(world);
  Client simulated(server, logger);
  EXPECT_EQ(Script(simulated, kNamespace).run(), expected);
}

}  // namespace
}  // namespace pgrightsizer::simulation
