#include "pgrightsizer/pgbouncer/console.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <thread>
#include <utility>

#include "console_rows.h"

namespace pgrightsizer::pgbouncer {
namespace {

bool take_number(const char*& at, const char* end, int& value) {
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error != std::errc{}) return false;
  at = stop;
  return true;
}

bool contains(const Error& error, const char* text) {
  return error.what.find(text) != std::string::npos;
}

}  // namespace

Result<Version> parse_version(const std::string& text) {
  const auto unknown = [&] {
    return fail(ErrorKind::Internal, "\"" + text + "\" is not a version of PgBouncer");
  };
  constexpr std::string_view kName = "PgBouncer ";
  if (!text.starts_with(kName)) return unknown();
  const char* at = text.data() + kName.size();
  const char* end = text.data() + text.size();
  Version version;
  if (!take_number(at, end, version.major)) return unknown();
  if (at == end || *at != '.' || !take_number(++at, end, version.minor)) return unknown();
  // "1.25dev" and "1.24" have no third number.
  if (at != end && *at == '.') (void)take_number(++at, end, version.patch);
  return version;
}

Console::Console(postgres::Session session) : session_(std::move(session)) {}

Result<Console> Console::connect(const std::string& host, int port, const std::string& user,
                                 const std::string& password, std::chrono::milliseconds deadline,
                                 const postgres::Connect& open) {
  postgres::ConnectOptions options;
  options.host = host;
  options.port = port;
  options.user = user;
  options.password = password;
  options.console = true;
  options.deadline = deadline;
  auto session = open(options);
  if (!session) return fail(std::move(session.error()));
  Console console(std::move(*session));
  console.deadline_ = deadline;
  return console;
}

Result<void> Console::command(const std::string& text) {
  const auto answer = session_.query(text, {}, deadline_);
  if (!answer) return fail(answer.error());
  return {};
}

Result<Config> Console::config() {
  const auto rows = session_.query("SHOW CONFIG", {}, deadline_);
  if (!rows) return fail(rows.error());
  return config_of(*rows);
}

Result<std::vector<Pool>> Console::pools() {
  const auto rows = session_.query("SHOW POOLS", {}, deadline_);
  if (!rows) return fail(rows.error());
  return pools_of(*rows);
}

Result<std::vector<ClientLink>> Console::clients() {
  const auto rows = session_.query("SHOW CLIENTS", {}, deadline_);
  if (!rows) return fail(rows.error());
  return clients_of(*rows);
}

Result<std::vector<std::string>> Console::paused_databases() {
  const auto rows = session_.query("SHOW DATABASES", {}, deadline_);
  if (!rows) return fail(rows.error());
  return paused_of(*rows);
}

Result<bool> Console::holds_more_than(std::int64_t cap) {
  const auto pools = this->pools();
  if (!pools) return fail(pools.error());
  std::map<std::string, std::int64_t> servers;
  for (const auto& pool : *pools) servers[pool.database] += pool.servers_total;
  return std::any_of(servers.begin(), servers.end(),
                     [cap](const auto& one) { return one.second > cap; });
}

Result<Snapshot> Console::look() {
  Snapshot snapshot;
  auto config = this->config();
  if (!config) return fail(std::move(config.error()));
  snapshot.config = *config;
  const auto show = [this](const char* what) {
    return session_.query(std::string("SHOW ") + what, {}, deadline_);
  };
  const auto version = show("VERSION");
  if (!version) return fail(version.error());
  auto parsed = parse_version(version->text(0, "version").value_or(""));
  if (!parsed) return fail(std::move(parsed.error()));
  snapshot.version = *parsed;
  const auto databases = show("DATABASES");
  if (!databases) return fail(databases.error());
  snapshot.databases = databases_of(*databases);
  snapshot.paused = any_paused(*databases);
  snapshot.all_paused = all_paused(*databases);
  auto pools = this->pools();
  if (!pools) return fail(std::move(pools.error()));
  snapshot.pools = std::move(*pools);
  const auto servers = show("SERVERS");
  if (!servers) return fail(servers.error());
  snapshot.servers = servers_of(*servers);
  auto clients = this->clients();
  if (!clients) return fail(std::move(clients.error()));
  snapshot.clients = std::move(*clients);
  const auto stats = show("STATS");
  if (!stats) return fail(stats.error());
  snapshot.totals = totals_of(*stats);
  return snapshot;
}

Result<void> Console::set_cap(std::int64_t cap) {
  if (cap < 1)
    return fail(ErrorKind::Internal, "a cap of " + std::to_string(cap) + " would mean unlimited");
  const auto value = std::to_string(cap);
  for (const char* name : {"default_pool_size", "max_db_connections"})
    if (auto set = command(std::string("SET ") + name + " = " + value); !set) return set;
  const auto now = config();
  if (!now) return fail(now.error());
  if (now->default_pool_size != cap || now->max_db_connections != cap)
    return fail(ErrorKind::Internal,
                "PgBouncer was told the cap " + value + " and holds default_pool_size " +
                    std::to_string(now->default_pool_size) + ", max_db_connections " +
                    std::to_string(now->max_db_connections));
  return {};
}

Result<void> Console::set_max_client_conn(std::int64_t value) {
  if (value < 1) return fail(ErrorKind::Internal, "max_client_conn must be at least 1");
  return command("SET max_client_conn = " + std::to_string(value));
}

Result<void> Console::reconnect() {
  constexpr std::chrono::milliseconds kPause{5};
  const auto end = std::chrono::steady_clock::now() + deadline_;
  while (true) {
    const auto pools = this->pools();
    if (!pools) return fail(pools.error());
    const bool quiet = std::all_of(pools->begin(), pools->end(),
                                   [](const Pool& pool) { return pool.servers_login == 0; });
    if (quiet) return command("RECONNECT");
    if (std::chrono::steady_clock::now() >= end)
      return fail(ErrorKind::Timeout, "PgBouncer is logging in to PostgreSQL all the time");
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> Console::reload() { return command("RELOAD"); }

Result<void> Console::kill_client(std::int64_t id) {
  if (id <= 0)
    return fail(ErrorKind::Invalid, "this PgBouncer cannot end one client", {},
                "use PgBouncer 1.24 or later");
  auto killed = command("KILL_CLIENT " + std::to_string(id));
  if (!killed && contains(killed.error(), "not found")) return {};
  return killed;
}

Result<void> Console::resume(const std::string& database) {
  auto resumed = command(database.empty() ? std::string("RESUME")
                                          : "RESUME " + postgres::quote_identifier(database));
  if (!resumed && contains(resumed.error(), "not paused")) return {};
  return resumed;
}

}  // namespace pgrightsizer::pgbouncer
