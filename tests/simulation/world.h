// A small cluster: an API server's objects, one PostgreSQL, PgBouncer pods and an application, in
// virtual time. It knows the truth; the operator sees what its transports show (api_server.h,
// servers.h).
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dice.h"
#include "pgrightsizer/base/clock.h"
#include "storage.h"

namespace pgrightsizer::simulation {

using std::chrono::milliseconds;

// The sizes: tiers at 5 and 10 instances, pools of 12 and 18, 3 connections each, a buffer of 20.
inline constexpr int kConnections = 3;
inline constexpr int kReserved = 3;
inline constexpr int kOthers = 2;
inline constexpr int kPoolerReplicas = 2;
inline constexpr int kMaxPauseS = 20;
inline constexpr int kPerDay = 40;
inline constexpr int kInterval = 20;
inline constexpr const char* kNamespace = "shop";
inline constexpr const char* kPolicy = "shop-db";

class VirtualClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return WallTime(milliseconds(1'800'000'000'000) + time_ + jump_); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(time_);
  }
  void advance(milliseconds time) { time_ += time; }
  void jump(milliseconds time) { jump_ += time; }
  [[nodiscard]] milliseconds elapsed() const { return time_; }

 private:
  milliseconds time_{1'000'000};
  milliseconds jump_{0};
};

struct AppPod {
  int direct = 0;
  int clients = 0;  // of poolers
  bool terminating = false;
};

struct Pooler {
  std::string name;
  std::string ip;
  int cap = 0;  // per pod; one database
  int servers = 0;
  int clients = 0;
  bool ready = false;
  bool terminating = false;
  bool paused = false;
  milliseconds paused_at{0};
  milliseconds change_at{0};  // ready, or gone
  std::string digest;         // of its template
  int announced = 0;
};

enum class Server { Up, Stopping, Down, Failing };

struct Database {
  int effective = 20;
  std::string pod_uid = "db-1";
  std::string ip = "10.0.0.1";
  int generation = 1;
  Server state = Server::Up;
  milliseconds change_at{0};
  WallTime started{};
  bool deleting = false;
  std::optional<int> bad;  // from this value on it does not start
};

// How the world misbehaves; all off: a good day.
struct Faults {
  bool on = false;
  int one_in = 40;  // calls of the operator
};

// The operator's process dies here and now.
struct Crash {};

class World {
 public:
  explicit World(std::uint64_t seed, const json& policy_spec);

  // Time passes: pods start and end, sessions come and go, PostgreSQL restarts, guards watch.
  void pass(milliseconds time);
  void scale(int replicas);
  // The informers have heard of so many instances.
  void heard_of(int instances) { foreseen_capacity_ = kConnections * instances; }

  // ── The truth ──
  [[nodiscard]] int requested() const;  // what the file says
  [[nodiscard]] int usable() const { return db.effective - kReserved; }
  [[nodiscard]] int direct_sessions() const;
  [[nodiscard]] int sessions() const;
  // Connections promised beyond what a server of this size gives. Of the instances, those that the
  // informers have been told of: more of them are demand that nobody can have foreseen.
  [[nodiscard]] int excess(int max_connections) const;
  [[nodiscard]] bool pooled_route() const;   // where the front Service points
  [[nodiscard]] bool route_settled() const;  // proxies have learnt it
  [[nodiscard]] std::string text() const;

  // ── What the API server's verbs bring about ──
  void on_write(const std::string& path);   // the object at this path changed
  void on_delete(const std::string& path);  // …or is to go
  void delete_database_pod();

  Dice dice;
  VirtualClock clock;
  Storage storage;
  int replicas = 0;
  std::vector<AppPod> app;
  std::vector<Pooler> poolers;
  Database db;
  Faults faults;
  bool crashes_allowed = true;
  std::string violation;  // the first; empty: none
  long refused = 0;
  std::map<std::string, long> fault_counts;
  std::vector<WallTime> restarts;  // planned ones, by the deletion of the pod
  std::optional<int> last_pause_by_guard;

  void violate(const std::string& what);
  Pooler* pooler_at(const std::string& ip);

 private:
  // What has changed of the objects that the rest of the cluster keeps: pods and the application.
  void publish();
  [[nodiscard]] json database_pod() const;
  [[nodiscard]] json pooler_pod(const Pooler& pod) const;
  void publish_application();

  void application();
  void open_connection(AppPod& pod);
  void pooler_controller();
  void pooler_pods();
  void guards();
  void database();
  void come_up();

  int next_name_ = 1;
  int foreseen_capacity_ = 0;
  std::map<std::string, std::string> shown_;  // pods of the database and the poolers, and how they look
  std::size_t shown_instances_ = 0;
  std::optional<int> shown_replicas_;
  milliseconds route_changed_{-100'000};
  bool proxies_pooled_ = false;
};

[[nodiscard]] std::string path_of(const std::string& group, const std::string& plural, const std::string& name);

}  // namespace pgrightsizer::simulation
