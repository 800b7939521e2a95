// A small world for next_step(): one server, application pods, pooler pods. It changes by effects
// (what a step does, one at a time: an operator may die between two) and by events (everything
// else). The world knows the truth; observe() tells what an operator can see of it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::model {

using sizing::Count;
using sizing::Route;
using transition::Observation;
using transition::Step;

enum class Server { Up, Down, Failing };          // Failing: it exits with the requested value
enum class Flight { None, Remembered, Deleted };  // how far a restart has come
// What is left to do of a step with several effects.
enum class Pending { None, DeletePod, PatchAfterRejection, ApplyDeployment };
enum class PodPending { None, Set, Announce };
enum class Retry { None, Later, Due };

struct Pod {
  int cap = 0;  // the truth, whoever can see it
  int announced = 0;
  // Above the cap, or 0: a pooler may fill its cap at any moment, so that fewer are the same as the
  // cap. Those above it are what a shrink left behind.
  int servers = 0;
  bool terminating = false;
  bool ready = false;  // its console answers, too
  bool paused = false;
  PodPending pending = PodPending::None;
  auto operator<=>(const Pod&) const = default;
};

inline constexpr int kMostPods = 4;

// The sizes of a world, and what may still happen in it.
struct Scale {
  int connections = 3;  // per instance
  int others = 3;
  int reserved = 1;
  int buffer = 17;
  int pooler_replicas = 2;
};

struct Budget {
  int scalings = 0;
  int replacements = 0;        // pooler pods that are replaced
  int container_restarts = 0;  // pooler containers that restart in their pod
  int failed_starts = 0;
  int server_crashes = 0;
  int login_failures = 0;
  bool operator==(const Budget&) const = default;
};

struct World {
  int instances = 1;
  int app_pods = 1;  // that are not gone
  int direct = 0;    // sessions
  Route route = Route::Direct;
  bool settled = true;
  bool clients = false;  // some client is connected to a pooler
  bool looked = false;   // three looks saw no direct session
  int effective = 0;
  int requested = 0;
  Server server = Server::Up;
  Flight flight = Flight::None;
  int flight_from = 0;
  int flight_to = 0;
  int bad = 0;       // the value the server does not start with; 0: none
  int rejected = 0;  // what the status remembers of it
  bool pooler = false;
  int pool_size = 0;
  int boot_cap = 0;  // in the file
  bool frozen = false;         // no rollout begins
  bool pause_is_ours = false;  // the operator that paused is alive
  std::array<Pod, kMostPods> pods{};
  int pod_count = 0;
  bool login_works = true;
  Retry retry = Retry::None;
  Pending pending = Pending::None;
  int pending_value = 0;
  Budget budget;

  bool operator==(const World&) const = default;

  [[nodiscard]] int live_pods() const;
  void add_pod(const Pod& pod) { pods[static_cast<std::size_t>(pod_count++)] = pod; }
  void remove_pod(int index);
  void sort_pods();
  [[nodiscard]] bool busy() const;  // in the middle of a step
};

// ── The truth ───────────────────────────────────────────────────────────────────────────────────

// Server connections open in fact.
[[nodiscard]] int sessions(const World& world, const Scale& scale);
// Connections promised beyond what a server of this max_connections gives: the invariant.
[[nodiscard]] int excess_at(const World& world, const Scale& scale, int max_connections);

// ── What an operator sees, and does ─────────────────────────────────────────────────────────────

[[nodiscard]] Observation observe(const World& world, const Scale& scale);
[[nodiscard]] transition::History history_of(const World& world);
[[nodiscard]] transition::Rules rules_of(const Scale& scale);
// The clock stands still; whatever takes time has taken it.
[[nodiscard]] transition::Time model_now();

// The first effect of a step; the rest is left pending.
void begin(World& world, const Step& step);
// The next pending effect.
void proceed(World& world);
// The operator dies: whatever was pending never happens.
void crash(World& world);

[[nodiscard]] std::string describe(const World& world);

}  // namespace pgrightsizer::model
