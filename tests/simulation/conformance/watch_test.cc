// Pins the lists and watches of the simulated API server to those of a real one: one script runs against
// both, and what it tells must be the same.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/json_text.h"
#include "runtime/list_reader.h"
#include "runtime/watch_reader.h"
#include "simulation/api_server.h"
#include "unit/runtime/eventually.h"

namespace pgrightsizer::simulation {
namespace {

using kube::Client;
using kube::Json;
using kube::Resource;
namespace res = kube::resources;

constexpr milliseconds kIdle{20'000};
constexpr const char* kFuture = "99999999";

const ::testing::Environment* const kHttp = [] {
  struct Http : ::testing::Environment {
    void SetUp() override { kube::initialize_http(); }
  };
  return ::testing::AddGlobalTestEnvironment(new Http);
}();

// "410 Expired", with the reasons of its causes.
std::string of_status(const Json& status) {
  std::string out = std::to_string(kube::number_at(status, {"code"}, 0)) + " " + kube::text_at(status, {"reason"});
  const Json* causes = kube::member(status, {"details", "causes"});
  if (causes != nullptr)
    for (const auto& cause : *causes) out += " because " + kube::text_at(cause, {"reason"});
  if (const auto pause = kube::number_at(status, {"details", "retryAfterSeconds"}, 0); pause > 0)
    out += " wait " + std::to_string(pause);
  return out;
}

class Script {
 public:
  Script(kube::Transport& transport, Client& client, const Resource& resource, const std::string& space)
      : transport_(transport), client_(client), resource_(resource), space_(space) {}

  // Line by line.
  std::string run() {
    const auto begin = written();
    histories(begin);
    initial_events();
    versions_that_are_not_there();
    pages();
    return told_;
  }

 private:
  void tell(const std::string& line) { told_ += line + "\n"; }
  [[nodiscard]] kube::Ref ref(const std::string& name) const { return {resource_, space_, name}; }
  Json apply(const std::string& name) {
    const Json object = {{"apiVersion", resource_.api_version()}, {"kind", resource_.kind}, {"metadata", {{"name", name}}}};
    return client_.apply(ref(name), object).value_or(Json::object());
  }
  static std::string version(const Json& object) { return kube::text_at(object, {"metadata", "resourceVersion"}); }
  static std::string order(const std::string& before, const std::string& after) {
    const auto number = [](const std::string& text) { return text.empty() ? 0L : std::stol(text); };
    if (number(after) == 0) return "no version";
    return number(after) > number(before) ? "newer" : number(after) == number(before) ? "the same" : "older";
  }

  // Of some writes, the version after the first.
  std::string written() {
    const auto first = version(apply("a"));
    apply("b");
    tell(client_.merge_patch(ref("a"), {{"metadata", {{"labels", {{"x", "1"}}}}}}) ? "patched" : "not patched");
    apply("c");
    tell(client_.remove(ref("b")) ? "removed" : "not removed");
    return first;
  }

  // What a watch brings; events with their versions against the one before, from `since` on.
  void watch(const std::string& what, const std::string& query, std::string since = {}) {
    tell(what);
    const bool in_order = !since.empty();
    runtime::WatchReader reader(resource_, [&](const std::string& type, const Json& object) {
      if (type == "ERROR") return tell("ERROR " + of_status(object));
      const auto now = version(object);
      const bool end = kube::text_at(object, {"metadata", "annotations", "k8s.io/initial-events-end"}) == "true";
      // Others come when the server finds the time.
      if (type == "BOOKMARK" && !end) {
        EXPECT_NE(order(since, now), "older");
        return;
      }
      tell(type + " " + kube::text_at(object, {"metadata", "name"}) +
           (in_order ? " " + order(since, now) : now.empty() ? " no version" : "") + (end ? "the end" : ""));
      if (in_order) since = now;
    });
    end(request(query + "&watch=true", [&](std::string_view piece) { EXPECT_TRUE(reader.feed(piece)) << reader.error(); }));
  }
  Result<kube::Response> request(const std::string& query, const std::function<void(std::string_view)>& on_bytes) {
    kube::Request out;
    out.path = resource_.path(space_) + "?" + query;
    return transport_.stream(out, on_bytes, kIdle, {});
  }
  void end(const Result<kube::Response>& ended) {
    if (!ended)
      tell("ends: " + std::string(to_string(ended.error().kind)));
    else if (ended->status != 200)
      tell("refused: " + of_status(Json::parse(ended->body, nullptr, false)));
    else
      tell("ends");
  }

  void histories(const std::string& begin) {
    watch("from a version", "timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=" + begin, begin);
    watch("from none", "timeoutSeconds=1");
    watch("from long ago", "timeoutSeconds=1&resourceVersion=1");
    watch("from a version that is not there yet", std::string("timeoutSeconds=1&resourceVersion=") + kFuture);
  }
  void initial_events() {
    const std::string initial = "timeoutSeconds=1&sendInitialEvents=true";
    const std::string match = "&resourceVersionMatch=NotOlderThan";
    watch("initial events", initial + match + "&allowWatchBookmarks=true");
    watch("… without bookmarks", initial + match);
    watch("… of no match", initial + "&allowWatchBookmarks=true");
    watch("… from long ago", initial + match + "&allowWatchBookmarks=true&resourceVersion=1");
  }
  void versions_that_are_not_there() {
    watch("initial events of what is not there yet",
          std::string("timeoutSeconds=9&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=") + kFuture);
    tell("a list of what is not there yet");
    end(request(std::string("resourceVersion=") + kFuture, [](std::string_view) {}));
    tell("a page of nowhere");
    end(request("limit=1&continue=nowhere", [](std::string_view) {}));
  }

  struct Page {
    std::string version;
    std::string next;
  };
  Page page(const std::string& query) {
    std::string names;
    runtime::ListReader reader(resource_, [&](const Json& object) { names += kube::text_at(object, {"metadata", "name"}); });
    end(request(query, [&](std::string_view piece) { EXPECT_TRUE(reader.feed(piece)) << reader.error(); }));
    tell("page: " + names + (reader.finished() ? "" : " unfinished") + (reader.continue_token().empty() ? "" : " …"));
    return {reader.resource_version(), reader.continue_token()};
  }
  // What is written between two pages is in neither.
  void pages() {
    const auto first = page("limit=1");
    apply("bb");
    const auto second = page("limit=1&continue=" + kube::escape_query(first.next));
    tell(order(first.version, second.version));
    tell(order(first.version, page("limit=500").version));
  }
  kube::Transport& transport_;
  Client& client_;
  const Resource resource_;
  const std::string space_;
  std::string told_;
};

Json definition(const Resource& resource) {
  const Json schema = {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", resource.qualified_plural()}}},
          {"spec",
           {{"group", resource.group},
            {"scope", "Namespaced"},
            {"names", {{"plural", resource.plural}, {"singular", "thing"}, {"kind", resource.kind}}},
            {"versions",
             Json::array({{{"name", resource.version},
                           {"served", true},
                           {"storage", true},
                           {"schema", {{"openAPIV3Schema", schema}}}}})}}}};
}

// Of a kind that has just been made, so that there are versions from before its history.
std::string real_one(kube::Transport& transport, const Resource& things) {
  NullLogger logger;
  Client client(transport, logger);
  const auto id = std::to_string(::getpid());
  const kube::Ref space{res::kNamespace, "", "watches-" + id};
  const kube::Ref kind{{"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"}, "",
                       things.qualified_plural()};
  EXPECT_TRUE(client.apply(kind, definition(things)));
  EXPECT_TRUE(client.apply(space, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space.name}}}}));
  EXPECT_TRUE(eventually([&] { return client.list(things, space.name, "").has_value(); }));
  auto told = Script(transport, client, things, space.name).run();
  EXPECT_TRUE(client.remove(space));
  EXPECT_TRUE(client.remove(kind));
  return told;
}

TEST(SimulatedWatches, AreAsTheRealOnes) {
  const char* path = std::getenv("PGRS_TEST_KUBECONFIG");
  ASSERT_NE(path, nullptr) << "PGRS_TEST_KUBECONFIG must name a kubeconfig of a real API server";
  const auto credentials = kube::load_kubeconfig(path);
  ASSERT_TRUE(credentials) << credentials.error().message();
  const auto transport = std::move(*kube::make_transport(*credentials));
  const Resource things{"p" + std::to_string(::getpid()) + ".example.com", "v1", "Thing", "things"};
  const auto expected = real_one(*transport, things);

  World world(1, json::object());
  ApiServer server(world);
  world.storage.forget(things.path(kNamespace), world.storage.version());
  NullLogger logger;
  Client client(server, logger);
  EXPECT_EQ(Script(server, client, things, kNamespace).run(), expected);
}

}  // namespace
}  // namespace pgrightsizer::simulation
