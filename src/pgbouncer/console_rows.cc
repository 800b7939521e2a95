#include "console_rows.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

namespace pgrightsizer::pgbouncer {
namespace {

using postgres::Rows;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr const char* kConsoleDatabase = "pgbouncer";

std::int64_t number(const Rows& rows, std::size_t i, const char* column) {
  return rows.number(i, column).value_or(0);
}

std::string text(const Rows& rows, std::size_t i, const char* column) {
  return rows.text(i, column).value_or("");
}

// Servers in every state, the names of which grow with the versions: sv_active, sv_login, …
std::int64_t all_servers(const Rows& rows, std::size_t i) {
  std::int64_t sum = 0;
  for (const auto& column : rows.columns)
    if (column.starts_with("sv_")) sum += rows.number(i, column).value_or(0);
  return sum;
}

// "2025-01-31 12:34:56 UTC", in PgBouncer's own zone, as seconds since whatever: only differences
// within one table mean something.
std::optional<seconds> local_seconds(const std::string& time) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (std::sscanf(time.c_str(), "%d-%u-%u %d:%d:%d", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  const std::chrono::sys_days date =
      std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return date.time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         seconds(second);
}

// Our own console asks right now, by PgBouncer's own clock and zone: the newest request is the
// present.
std::optional<seconds> newest_request(const Rows& rows) {
  std::optional<seconds> newest;
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    newest = std::max(newest, local_seconds(text(rows, i, "request_time")));
  return newest;
}

}  // namespace

Result<Config> config_of(const Rows& rows) {
  Config config;
  int found = 0;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const auto key = text(rows, i, "key");
    std::int64_t* field = key == "default_pool_size"    ? &config.default_pool_size
                          : key == "max_db_connections" ? &config.max_db_connections
                          : key == "max_client_conn"    ? &config.max_client_conn
                                                        : nullptr;
    if (!field) continue;
    const auto value = rows.number(i, "value");
    if (!value) continue;
    *field = *value;
    ++found;
  }
  if (found != 3) return fail(ErrorKind::Internal, "SHOW CONFIG lacks the limits of the pools");
  return config;
}

std::vector<Pool> pools_of(const Rows& rows) {
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (text(rows, i, "database") == kConsoleDatabase) continue;
    Pool pool;
    pool.database = text(rows, i, "database");
    pool.user = text(rows, i, "user");
    pool.clients_active = number(rows, i, "cl_active");
    pool.clients_waiting = number(rows, i, "cl_waiting");
    pool.servers_active = number(rows, i, "sv_active");
    pool.servers_idle = number(rows, i, "sv_idle");
    pool.servers_login = number(rows, i, "sv_login");
    pool.servers_total = all_servers(rows, i);
    pool.longest_wait =
        seconds(number(rows, i, "maxwait")) + microseconds(number(rows, i, "maxwait_us"));
    pool.mode = text(rows, i, "pool_mode");
    pools.push_back(std::move(pool));
  }
  return pools;
}

std::vector<ServerLink> servers_of(const Rows& rows) {
  std::vector<ServerLink> servers;
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    servers.push_back({number(rows, i, "remote_pid"), text(rows, i, "database"),
                       text(rows, i, "user"), text(rows, i, "state"),
                       number(rows, i, "close_needed") != 0});
  return servers;
}

std::vector<ClientLink> clients_of(const Rows& rows) {
  const auto present = newest_request(rows);
  std::vector<ClientLink> clients;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (text(rows, i, "database") == kConsoleDatabase) continue;
    ClientLink client{number(rows, i, "id"), text(rows, i, "database"), text(rows, i, "user"),
                      text(rows, i, "addr"), text(rows, i, "state")};
    if (const auto asked = local_seconds(text(rows, i, "request_time")); asked && present)
      client.idle_for = std::max(seconds(0), *present - *asked);
    clients.push_back(std::move(client));
  }
  return clients;
}

Totals totals_of(const Rows& rows) {
  Totals totals;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (text(rows, i, "database") == kConsoleDatabase) continue;
    totals.transactions += number(rows, i, "total_xact_count");
    totals.waited += microseconds(number(rows, i, "total_wait_time"));
  }
  return totals;
}

std::vector<std::string> paused_of(const Rows& rows) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    if (number(rows, i, "paused") != 0) names.push_back(rows.text(i, "name").value_or(""));
  return names;
}

std::set<std::string> databases_of(const Rows& rows) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    if (auto name = text(rows, i, "name"); name != kConsoleDatabase) names.insert(std::move(name));
  return names;
}

bool any_paused(const Rows& rows) { return !paused_of(rows).empty(); }

bool all_paused(const Rows& rows) {
  bool some = false;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (rows.text(i, "name") == "pgbouncer") continue;
    if (number(rows, i, "paused") == 0) return false;
    some = true;
  }
  return some;
}

}  // namespace pgrightsizer::pgbouncer
