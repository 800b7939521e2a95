// How full a database's connections are, and why: looks in, a level with its evidence out. Pure: no
// clock, no I/O. The thresholds are the specification's: warning above 80 %, critical above 95 %,
// and a wait of more than 100 ms. Not thread-safe; one Window per policy.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::saturation {

using sizing::Count;
using std::chrono::microseconds;
using std::chrono::seconds;
using Instant = std::chrono::steady_clock::time_point;

struct Thresholds {
  Count warning_percent = 80;
  Count critical_percent = 95;
  Count wait_milliseconds = 100;
  seconds window{60};                   // a level is the mean of so long
  bool critical_needs_waiting = false;  // a full pool that lets nobody wait is a warning only
};

// One look at the route in force: at whichever of its limits is nearest.
struct Sample {
  Instant at;
  bool pooled = false;      // all goes through the pooler; else straight to the server
  bool of_clients = false;  // pooled: the poolers' client connections are nearer to their limit
  Count used = 0;           // busy server connections of the pool, its clients, or sessions of the server
  Count limit = 0;          // 0: not known; such a look counts for nothing
  Count waiting = 0;    // clients that wait for a server connection
  microseconds longest_wait{0};  // of those, until now; direct: what a login took
  microseconds waited{0};        // the sum over the transactions that began since the look before
  Count transactions = 0;        // how many those were
};

enum class Level { Normal, Warning, WaitTooLong, Critical };
[[nodiscard]] const char* to_string(Level level);  // as the reasons of condition Saturated

struct State {
  Level level = Level::Normal;
  double percent = 0;              // the mean
  microseconds wait{0};            // the longer of the mean wait and one that three looks in a row saw
  bool always_waiting = false;     // in every look a client waited
};

class Window {
 public:
  // Looks come in the order of their times. One of the other route, or after nothing for longer than
  // the window, begins anew: what was measured before says nothing of it.
  void add(const Sample& sample, seconds window);
  // Nothing until the looks cover the window, and nothing any more when the last is older than it.
  [[nodiscard]] std::optional<State> state(const Thresholds& thresholds, Instant now) const;

 private:
  std::deque<Sample> samples_;  // the first is the left edge of the window
};

// What the sessions were doing when a level was reached, in the words of pg_stat_activity.
struct Picture {
  bool pooled = false;
  Count limit = 0;
  Count active = 0;
  Count idle_in_transaction = 0;
  Count waiting_for_locks = 0;
  std::string lock_holder;    // whom most of those wait for: "session 4711 of shop (idle in transaction)"
  std::string longest_open;   // the session that is idle in a transaction longest
  Count instances = 0;
  Count expected = 0;         // connections of all instances: instances × connections each
  Count held = 0;             // connections the application holds, to the pooler or to the server
  std::string greediest;      // the instance with the most connections: "pod api-7f8"
  Count greediest_held = 0;
  Count expected_each = 0;    // of one instance, at most
  Count clients = 0;          // of all pooler pods
  Count client_limit = 0;     // max_client_conn of all of them; 0: not known
  Count waiting = 0;          // clients
};

enum class Cause { Demand, Leak, IdleInTransaction, LockWait, PoolTooSmall, ClientLimit };
[[nodiscard]] const char* to_string(Cause cause);

struct Diagnosis {
  Cause cause = Cause::Demand;
  std::string evidence;  // a sentence with figures, and what to do
};
[[nodiscard]] Diagnosis diagnose(const Picture& seen);

}  // namespace pgrightsizer::saturation
