#include <algorithm>
#include <cctype>
#include <set>

#include "paths.h"
#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::pgbouncer {
namespace {

constexpr Version kPreparedStatements{1, 21, 0};

// 'it''s', as PgBouncer reads connection strings; a line end would start another setting.
std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (std::iscntrl(static_cast<unsigned char>(c))) continue;  // see check()
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

// check() lets only plain names pass. In quotes any other is one syntax error, and nothing else.
std::string entry_name(const std::string& database) {
  const bool plain = std::all_of(database.begin(), database.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  return plain ? database : quoted(database, '"');
}

std::string database_lines(const Spec& spec) {
  std::string out = "[databases]\n";
  for (const auto& database : databases_of(spec))
    out += entry_name(database) + " = host=" + quoted(spec.server_host, '\'') +
           " port=" + std::to_string(spec.server_port) + " dbname=" + quoted(database, '\'') + "\n";
  return out;
}

std::string set(const std::string& name, const std::string& value) {
  return name + " = " + value + "\n";
}
std::string set(const std::string& name, std::int64_t value) {
  return set(name, std::to_string(value));
}

std::string access_lines(const Spec& spec) {
  return set("listen_addr", "*") + set("listen_port", spec.port) + set("listen_backlog", 4096) +
         set("unix_socket_dir", kSocketDirectory) + set("auth_type", "scram-sha-256") +
         set("auth_file", std::string(kSecretDirectory) + "/" + kUserlistKey) +
         set("admin_users", spec.console_user) +
         // JDBC sends it at every start; the server's default is the same since PostgreSQL 12.
         set("ignore_startup_parameters", "extra_float_digits");
}

// The caps are what is safe without an operator; live ones are SET over the console. The entries
// above have none of their own: SET would not reach those.
std::string pool_lines(const Spec& spec, const Version& version) {
  const auto cap = cap_per_database(spec.boot_cap, database_count(spec));
  std::string out = set("pool_mode", "transaction") + set("default_pool_size", cap) +
                    set("max_db_connections", cap) + set("reserve_pool_size", 0) +
                    set("min_pool_size", 0) + set("max_client_conn", spec.max_clients);
  if (version >= kPreparedStatements) out += set("max_prepared_statements", 200);
  return out;
}

// A restarted database must be found again within a second, at its new address.
std::string time_lines() {
  return set("server_login_retry", 1) + set("server_connect_timeout", 5) + set("dns_max_ttl", 1) +
         set("dns_nxdomain_ttl", 1) + set("server_lifetime", 3600) +
         set("server_idle_timeout", 600) + set("query_wait_timeout", 120) +
         set("tcp_keepalive", 1) + set("tcp_keepidle", 30) + set("tcp_keepintvl", 10) +
         set("tcp_keepcnt", 3);
}

// A line per login would be the log of a connection storm; refusals are logged anyway.
std::string log_lines() {
  return set("log_connections", 0) + set("log_disconnections", 0) + set("log_pooler_errors", 1) +
         set("log_stats", 0);
}

std::string client_tls_lines(const Spec& spec) {
  if (spec.tls_secret.empty()) return set("client_tls_sslmode", "disable");
  const std::string directory = kTlsDirectory;
  // Who asks for TLS gets it, who does not is served too.
  return set("client_tls_sslmode", "prefer") + set("client_tls_cert_file", directory + "/tls.crt") +
         set("client_tls_key_file", directory + "/tls.key");
}

std::string server_tls_lines(const Spec& spec) {
  const std::string mode = spec.server_sslmode.empty() ? "prefer" : spec.server_sslmode;
  std::string out = set("server_tls_sslmode", mode);
  if (!spec.server_ca_pem.empty())
    out += set("server_tls_ca_file", std::string(kSecretDirectory) + "/" + kServerCaKey);
  else if (mode.starts_with("verify-"))
    out += set("server_tls_ca_file", kSystemRoots);
  return out;
}

}  // namespace

std::set<std::string> databases_of(const Spec& spec) {
  std::set<std::string> databases;
  for (const auto& login : spec.logins) databases.insert(login.database);
  return databases;
}

std::int64_t database_count(const Spec& spec) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(databases_of(spec).size()));
}

std::int64_t cap_per_database(std::int64_t cap, std::int64_t databases) {
  return std::max<std::int64_t>(1, cap / std::max<std::int64_t>(1, databases));
}

std::string render_ini(const Spec& spec, const Version& version) {
  return ";; Written by pg-rightsizer: changes made here are put back.\n" + database_lines(spec) +
         "\n[pgbouncer]\n" + access_lines(spec) + pool_lines(spec, version) + time_lines() +
         log_lines() + client_tls_lines(spec) + server_tls_lines(spec);
}

}  // namespace pgrightsizer::pgbouncer
