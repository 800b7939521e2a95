#include "world.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::simulation {

namespace {

constexpr const char* kCore = "/api/v1";
constexpr const char* kApps = "/apis/apps/v1";

// Looked at all the time.
const std::string kConfigPath = path_of(kCore, "configmaps", "config");
const std::string kFrontPath = path_of(kCore, "services", kPolicy);
const std::string kPoolerPath = path_of(kApps, "deployments", std::string(kPolicy) + "-pooler");

std::string pods_path(const std::string& name) { return path_of(kCore, "pods", name); }

json meta(const std::string& name, const std::string& uid) {
  return {{"name", name}, {"namespace", kNamespace}, {"uid", uid}};
}

// What a pod counts in the invariant, whatever was announced: the granted 2 are out of what is kept for
// others.
int counted(const Pooler& pod) {
  const int room = std::max(pod.cap, pod.servers);
  return pod.cap <= 2 ? std::max(0, room - 2) : room;
}

}  // namespace

std::string path_of(const std::string& group, const std::string& plural, const std::string& name) {
  return group + "/namespaces/" + kNamespace + "/" + plural + "/" + name;
}

World::World(std::uint64_t seed, const json& policy_spec) : dice(seed) {
  json policy = {{"apiVersion", "pgrightsizer.io/v1alpha1"}, {"kind", "ConnectionPolicy"},
                 {"metadata", meta(kPolicy, "policy-1")}, {"spec", policy_spec}};
  policy["metadata"]["generation"] = 1;
  policy["metadata"]["creationTimestamp"] = "2027-01-01T00:00:00Z";
  storage.put(path_of("/apis/pgrightsizer.io/v1alpha1", "connectionpolicies", kPolicy), policy);
  storage.put(path_of(kCore, "secrets", "admin"),
              {{"metadata", meta("admin", "s1")},
               {"data", {{"username", "cG9zdGdyZXM="}, {"password", "c2VjcmV0"}}}});
  storage.put(path_of(kCore, "secrets", "app"),
              {{"metadata", meta("app", "s2")},
               {"data", {{"username", "c2hvcA=="}, {"password", "c2hvcA=="}, {"database", "c2hvcA=="}}}});
  storage.put(path_of(kCore, "configmaps", "config"),
              {{"metadata", meta("config", "c1")}, {"data", {{"postgresql.conf", "max_connections = 20\n"}}}});
  json set = {{"metadata", meta("postgres", "sts-1")},
              {"spec",
               {{"replicas", 1},
                {"selector", {{"matchLabels", {{"app", "postgres"}}}}},
                {"template",
                 {{"spec",
                   {{"containers",
                     json::array({{{"name", "postgres"},
                                   {"volumeMounts", json::array({{{"name", "config"}, {"mountPath", "/conf"}}})}}})},
                    {"volumes", json::array({{{"name", "config"}, {"configMap", {{"name", "config"}}}}})}}}}}}},
              {"status", {{"updateRevision", "r1"}, {"observedGeneration", 1}}}};
  set["metadata"]["generation"] = 1;
  storage.put(path_of(kApps, "statefulsets", "postgres"), set);
  db.started = clock.now() - std::chrono::hours(1);
  publish();
}

void World::violate(const std::string& what) {
  if (violation.empty()) violation = what + "\n    " + text();
}

Pooler* World::pooler_at(const std::string& ip) {
  for (auto& pod : poolers)
    if (pod.ip == ip) return &pod;
  return nullptr;
}

int World::requested() const {
  const auto& data = storage.find(kConfigPath)->at("data");
  const auto& text = data.at("postgresql.conf").get_ref<const std::string&>();
  return std::stoi(text.substr(text.find('=') + 1));
}

int World::direct_sessions() const {
  int sum = 0;
  for (const auto& pod : app) sum += pod.direct;
  return sum;
}

int World::sessions() const {
  int sum = direct_sessions() + kOthers;
  for (const auto& pod : poolers) sum += pod.servers;
  return sum;
}

bool World::pooled_route() const {
  const auto* front = storage.find(kFrontPath);
  if (front == nullptr) return false;
  return front->at("spec").at("selector").value("app.kubernetes.io/component", std::string()) == "pooler";
}

bool World::route_settled() const {
  return proxies_pooled_ == pooled_route() && clock.elapsed() - route_changed_ >= milliseconds(2'000);
}

int World::excess(int max_connections) const {
  const bool closed = pooled_route() && route_settled();
  const int direct = direct_sessions();
  int sum = closed ? direct : std::max(direct, foreseen_capacity_);
  int live = 0;
  for (const auto& pod : poolers) {
    sum += counted(pod);
    live += pod.terminating ? 0 : 1;
  }
  return sum + std::max(10, kOthers) - (max_connections - kReserved);
}

std::string World::text() const {
  std::string out = "t=" + std::to_string((clock.elapsed().count() - 1'000'000) / 1000) + "s replicas " +
                    std::to_string(replicas) + " pods " + std::to_string(app.size()) + " direct " +
                    std::to_string(direct_sessions()) + " max_connections " + std::to_string(db.effective) +
                    " requested " + std::to_string(requested()) +
                    (db.state == Server::Up ? "" : db.state == Server::Failing ? " FAILING" : " DOWN") +
                    (pooled_route() ? " route pooler" : " route direct") + (route_settled() ? "" : " (not settled)");
  for (const auto& pod : poolers)
    out += " [" + pod.name + (pod.terminating ? " terminating" : pod.ready ? "" : " starting") + " cap " +
           std::to_string(pod.cap) + "/" + std::to_string(pod.announced) + " servers " + std::to_string(pod.servers) +
           " clients " + std::to_string(pod.clients) + (pod.paused ? " PAUSED]" : "]");
  return out;
}

void World::scale(int count) { replicas = count; }

// ── The application ─────────────────────────────────────────────────────────────────────────────

void World::open_connection(AppPod& pod) {
  if (!proxies_pooled_) {
    if (db.state != Server::Up) return;
    if (sessions() < usable())
      ++pod.direct;
    else
      ++refused;
    return;
  }
  std::vector<Pooler*> serving;
  for (auto& one : poolers)
    if (one.ready && !one.terminating) serving.push_back(&one);
  if (serving.empty()) {
    ++refused;
    return;
  }
  auto& chosen = *serving[static_cast<std::size_t>(dice.between(0, static_cast<int>(serving.size()) - 1))];
  ++pod.clients;
  ++chosen.clients;
}

void World::application() {
  const int wanted = replicas;
  if (static_cast<int>(app.size()) < wanted)
    for (int i = dice.between(0, 3); i > 0 && static_cast<int>(app.size()) < wanted; --i) app.push_back({});
  if (static_cast<int>(app.size()) > wanted && dice.one_in(3)) {
    // Its clients leave some pooler each.
    int leaving = app.back().clients;
    for (auto& pooler : poolers)
      while (leaving > 0 && pooler.clients > 0) --pooler.clients, --leaving;
    app.pop_back();
  }
  for (auto& pod : app) {
    if (pod.direct > 0 && dice.one_in(12)) --pod.direct;
    if (pod.clients > 0 && dice.one_in(12))
      for (auto& pooler : poolers)
        if (pooler.clients > 0) {
          --pooler.clients, --pod.clients;
          break;
        }
    if (pod.direct + pod.clients < kConnections) open_connection(pod);
  }
}

// ── The poolers ─────────────────────────────────────────────────────────────────────────────────

void World::pooler_controller() {
  const auto* found = storage.find(kPoolerPath);
  if (found == nullptr) {
    for (auto& pod : poolers)
      if (!pod.terminating) {
        pod.terminating = true;
        pod.change_at = clock.elapsed() + milliseconds(dice.between(500, 6'000));
      }
    return;
  }
  const auto& deployment = *found;
  const auto digest = deployment["metadata"]["annotations"].value("pgrightsizer.io/template", std::string());
  int live = 0;
  int ready = 0;
  for (const auto& pod : poolers) {
    live += pod.terminating ? 0 : 1;
    ready += pod.ready && !pod.terminating ? 1 : 0;
  }
  const int want = deployment["spec"].value("replicas", 2);
  if (live < want) {
    Pooler pod;
    pod.name = std::string(kPolicy) + "-pooler-" + std::to_string(next_name_++);
    pod.ip = "10.1.0." + std::to_string(next_name_);
    pod.digest = digest;
    const auto* config = storage.find(path_of(kCore, "configmaps", std::string(kPolicy) + "-pooler"));
    if (config == nullptr) return;
    pod.cap = std::stoi(config->at("metadata").at("annotations").value("pgrightsizer.io/boot-cap", std::string("2")));
    pod.change_at = clock.elapsed() + milliseconds(dice.between(500, 5'000));
    poolers.push_back(pod);
    return;
  }
  const bool frozen = deployment["spec"].value("paused", false);
  if (frozen || ready < want) return;
  for (auto& pod : poolers)
    if (!pod.terminating && pod.digest != digest) {
      pod.terminating = true;
      pod.change_at = clock.elapsed() + milliseconds(dice.between(1'000, dice.one_in(5) ? 60'000 : 10'000));
      return;
    }
}

void World::pooler_pods() {
  for (auto& pod : poolers) {
    if (!pod.ready && !pod.terminating && clock.elapsed() >= pod.change_at && db.state == Server::Up) pod.ready = true;
    if (!pod.ready || pod.paused || db.state != Server::Up) continue;
    const int busy = std::min({pod.clients, pod.cap, pod.servers + dice.between(0, 3)});
    if (pod.servers < busy && sessions() < usable()) ++pod.servers;
    if (pod.servers > std::max(pod.cap, pod.clients) && dice.one_in(10)) --pod.servers;
  }
  const auto gone = [&](const Pooler& pod) { return pod.terminating && clock.elapsed() >= pod.change_at; };
  for (auto& pod : poolers)
    if (gone(pod))
      for (auto& one : app) {
        const int lost = std::min(one.clients, pod.clients);
        one.clients -= lost;
        pod.clients -= lost;
      }
  std::erase_if(poolers, gone);
}

void World::guards() {
  for (auto& pod : poolers) {
    if (!pod.paused) continue;
    const auto age = clock.elapsed() - pod.paused_at;
    const bool accepts = db.state == Server::Up;
    if (age >= std::chrono::seconds(kMaxPauseS + 5) || (age >= std::chrono::seconds(kMaxPauseS) && accepts)) {
      pod.paused = false;
      ++fault_counts["pause ended by the guard"];
    }
    if (age > std::chrono::seconds(kMaxPauseS + 7)) violate("a pause lasts longer than it may");
  }
}

// ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────

void World::delete_database_pod() {
  if (db.deleting) return;
  db.deleting = true;
  db.state = Server::Stopping;
  db.change_at = clock.elapsed() + milliseconds(dice.between(50, 1'500));
  restarts.push_back(clock.now());
}

void World::come_up() {
  db.effective = requested();
  db.state = Server::Up;
  db.started = clock.now();
}

void World::database() {
  if (db.state == Server::Up && faults.on && dice.one_in(4'000)) {
    ++fault_counts["PostgreSQL crashes"];
    db.state = Server::Down;
    db.change_at = clock.elapsed() + milliseconds(dice.between(500, 3'000));
  }
  if (db.state == Server::Up || clock.elapsed() < db.change_at) return;
  if (db.state == Server::Stopping) {
    // The pod has gone, another comes.
    db.state = Server::Down;
    db.deleting = false;
    db.pod_uid = "db-" + std::to_string(++db.generation);
    db.ip = "10.0.0." + std::to_string(db.generation % 250 + 1);
    db.change_at = clock.elapsed() + milliseconds(dice.between(500, dice.one_in(6) ? 15'000 : 3'000));
  } else if (db.bad && requested() >= *db.bad) {
    db.state = Server::Failing;
    db.change_at = clock.elapsed() + milliseconds(10'000);
  } else {
    come_up();
  }
  for (auto& pod : app) pod.direct = 0;
  for (auto& pod : poolers) pod.servers = 0;
}

// ── Time ────────────────────────────────────────────────────────────────────────────────────────

void World::pass(milliseconds time) {
  constexpr milliseconds kTick{100};
  for (milliseconds left = time; left.count() > 0; left -= kTick) {
    clock.advance(std::min(left, kTick));
    database();
    pooler_controller();
    pooler_pods();
    guards();
    if (proxies_pooled_ != pooled_route() && clock.elapsed() - route_changed_ >= milliseconds(dice.between(0, 1'000)))
      proxies_pooled_ = pooled_route();
    application();
  }
  publish();
}

void World::on_write(const std::string& path) {
  if (path == kFrontPath) {
    const bool now = pooled_route();
    if (now != proxies_pooled_) route_changed_ = clock.elapsed();
  }
  for (auto& pod : poolers)
    if (path == pods_path(pod.name))
      pod.announced = std::stoi(storage.find(path)->at("metadata").value("annotations", json::object())
                                    .value("pgrightsizer.io/cap", std::string("0")));
}

void World::on_delete(const std::string& path) {
  if (path == pods_path("postgres-0")) delete_database_pod();
  publish();
}

// ── What the API server shows ───────────────────────────────────────────────────────────────────

json World::database_pod() const {
  json pod = {{"kind", "Pod"},
              {"apiVersion", "v1"},
              {"metadata", meta("postgres-0", db.pod_uid)},
              {"spec", {{"nodeName", "node1"}, {"containers", json::array({{{"name", "postgres"}}})}}},
              {"status",
               {{"phase", "Running"},
                {"podIP", db.ip},
                {"conditions", json::array({{{"type", "Ready"}, {"status", db.state == Server::Up ? "True" : "False"}}})}}}};
  pod["metadata"]["labels"] = {{"app", "postgres"}, {"controller-revision-hash", "r1"}};
  pod["metadata"]["ownerReferences"] = json::array({{{"uid", "sts-1"}, {"controller", true}, {"kind", "StatefulSet"}}});
  if (db.deleting) pod["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z";
  if (db.state == Server::Failing)
    pod["status"]["containerStatuses"] = json::array(
        {{{"name", "postgres"}, {"restartCount", 2}, {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
          {"lastState", {{"terminated", {{"exitCode", 1}, {"reason", "Error"}}}}}}});
  return pod;
}

json World::pooler_pod(const Pooler& one) const {
  json pod = {{"kind", "Pod"},
              {"apiVersion", "v1"},
              {"metadata", meta(one.name, one.name)},
              {"spec", {{"nodeName", "node1"}, {"containers", json::array({{{"name", "pgbouncer"}}})}}},
              {"status",
               {{"phase", one.ready ? "Running" : "Pending"},
                {"podIP", one.ip},
                {"conditions",
                 json::array({{{"type", "Ready"}, {"status", one.ready && !one.terminating ? "True" : "False"}}})}}}};
  if (const auto* before = storage.find(pods_path(one.name)))
    pod["metadata"]["annotations"] = before->at("metadata").value("annotations", json::object());
  pod["metadata"]["labels"] = {{"pgrightsizer.io/policy", kPolicy}, {"app.kubernetes.io/component", "pooler"}};
  if (one.terminating) pod["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z";
  return pod;
}

void World::publish_application() {
  if (shown_replicas_ != replicas) {
    const auto path = path_of(kApps, "deployments", "app");
    const auto* before = storage.find(path);
    json deployment = {{"kind", "Deployment"},
                       {"apiVersion", "apps/v1"},
                       {"metadata", meta("app", "app-1")},
                       {"spec",
                        {{"replicas", replicas},
                         {"selector", {{"matchLabels", {{"app", "app"}}}}},
                         {"strategy", {{"type", "Recreate"}}}}}};
    deployment["metadata"]["generation"] = before == nullptr ? 1 : before->at("metadata").at("generation").get<int>() + 1;
    storage.put(path, std::move(deployment));
    shown_replicas_ = replicas;
  }
  const auto name = [](std::size_t i) { return "app-" + std::to_string(i); };
  for (; shown_instances_ > app.size(); --shown_instances_) storage.erase(pods_path(name(shown_instances_ - 1)));
  for (; shown_instances_ < app.size(); ++shown_instances_) {
    const auto i = shown_instances_;
    json pod = {{"kind", "Pod"},
                {"apiVersion", "v1"},
                {"metadata", meta(name(i), name(i) + "-" + std::to_string(storage.version()))},
                {"spec", {{"nodeName", "node1"}}},
                {"status",
                 {{"phase", "Running"},
                  {"podIP", "10.2.0." + std::to_string(i)},
                  {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}}}};
    pod["metadata"]["labels"] = {{"app", "app"}};
    storage.put(pods_path(name(i)), std::move(pod));
  }
}

void World::publish() {
  publish_application();
  std::map<std::string, std::string> shown;
  const auto show = [&](const std::string& name, std::string look, const auto& object) {
    const auto before = shown_.find(name);
    if (before == shown_.end() || before->second != look) storage.put(pods_path(name), object());
    shown[name] = std::move(look);
  };
  const auto letter = [](auto what) { return static_cast<char>('a' + static_cast<int>(what)); };
  // A pod made anew is another one of the same name.
  const std::string name = "postgres-0";
  const auto before = shown_.find(name);
  if (before != shown_.end() && !before->second.ends_with(db.pod_uid)) {
    storage.erase(pods_path(name));
    shown_.erase(before);
  }
  show(name, std::string{letter(db.state), letter(db.deleting)} + db.pod_uid, [&] { return database_pod(); });
  for (const auto& one : poolers)
    show(one.name, {letter(one.ready), letter(one.terminating)}, [&] { return pooler_pod(one); });
  for (const auto& [gone, look] : shown_)
    if (!shown.contains(gone)) storage.erase(pods_path(gone));
  shown_ = std::move(shown);
}

}  // namespace pgrightsizer::simulation
