// The admin console of one PgBouncer: what it holds, and the few commands we give it. Columns are
// read by name, so versions 1.18 to 1.25 are alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::pgbouncer {

struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const Version&) const = default;
};
[[nodiscard]] Result<Version> parse_version(const std::string& text);  // "PgBouncer 1.24.1"

// From this version on one client can be ended: KILL_CLIENT.
inline constexpr Version kKillsClients{1, 24, 0};

struct ServerLink {
  std::int64_t remote_pid = 0;  // pg_stat_activity.pid
  std::string database;
  std::string user;
  std::string state;
  bool close_needed = false;
};

struct ClientLink {
  std::int64_t id = 0;  // for kill_client, 0 before 1.24
  std::string database;
  std::string user;
  std::string address;
  std::string state;                      // active, idle, waiting, …
  std::chrono::milliseconds idle_for{0};  // since its last request, in whole seconds
};

struct Pool {
  std::string database;
  std::string user;
  std::int64_t clients_active = 0;
  std::int64_t clients_waiting = 0;
  std::int64_t servers_active = 0;
  std::int64_t servers_idle = 0;
  std::int64_t servers_login = 0;
  std::int64_t servers_total = 0;  // in any state, logins included
  std::chrono::microseconds longest_wait{0};
  std::string mode;  // transaction
};

// Since the pooler started, of all databases.
struct Totals {
  std::int64_t transactions = 0;
  std::chrono::microseconds waited{0};  // by clients, for a server connection
};

struct Config {
  std::int64_t default_pool_size = 0;
  std::int64_t max_db_connections = 0;
  std::int64_t max_client_conn = 0;
};

// One look; the console's own pseudo-database "pgbouncer" is left out.
struct Snapshot {
  Version version;
  Config config;
  std::vector<Pool> pools;
  std::vector<ServerLink> servers;
  std::vector<ClientLink> clients;
  Totals totals;
  std::set<std::string> databases;
  bool paused = false;      // any database
  bool all_paused = false;  // each of them
};

// Not thread-safe. An open console counts as a client of its pooler: keep it no longer than needed.
class Console {
 public:
  [[nodiscard]] static Result<Console> connect(const std::string& host, int port,
                                               const std::string& user, const std::string& password,
                                               std::chrono::milliseconds deadline,
                                               const postgres::Connect& open =
                                                   postgres::Session::connect);

  [[nodiscard]] Result<Snapshot> look();
  [[nodiscard]] Result<Config> config();
  [[nodiscard]] Result<std::vector<Pool>> pools();
  [[nodiscard]] Result<std::vector<ClientLink>> clients();
  [[nodiscard]] Result<std::vector<std::string>> paused_databases();
  // Whether any database holds more servers than `cap`.
  [[nodiscard]] Result<bool> holds_more_than(std::int64_t cap);

  // SET default_pool_size and max_db_connections to `cap` (≥ 1; 0 would mean unlimited), then reads
  // them back: Internal when they differ. Each database may open `cap` servers: with several, give
  // cap_per_database() of pooler.h.
  [[nodiscard]] Result<void> set_cap(std::int64_t cap);
  [[nodiscard]] Result<void> set_max_client_conn(std::int64_t value);
  // Ends every server connection as it becomes free, after waiting until none is logging in
  // (Timeout at the deadline): a login that RECONNECT interrupts counts as failed, and PgBouncer then
  // refuses clients whenever it holds no other server for a moment. Lower the cap first: above it
  // no login begins.
  [[nodiscard]] Result<void> reconnect();
  [[nodiscard]] Result<void> reload();
  [[nodiscard]] Result<void> kill_client(std::int64_t id);  // 1.24 and later; gone is success
  [[nodiscard]] Result<void> resume(const std::string& database);  // "not paused" is success

 private:
  explicit Console(postgres::Session session);
  Result<void> command(const std::string& text);

  postgres::Session session_;
  std::chrono::milliseconds deadline_{5'000};
};

}  // namespace pgrightsizer::pgbouncer
