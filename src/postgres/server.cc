#include "pgrightsizer/postgres/server.h"

#include <utility>

#include "pgrightsizer/postgres/config_file.h"

namespace pgrightsizer::postgres {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kDefaultMaxConnections = 100;  // PostgreSQL's own, when nothing sets it
// What pg_file_settings says of a postmaster setting that waits for a restart: not a defect.
constexpr const char* kWaitsForRestart = "setting could not be applied";

Result<Settings> read_values(Session& session) {
  // current_setting(…, true) is NULL for what this version does not know, or the role may not see.
  const auto rows = session.query(R"(
      select setting::int8 as max_connections, pending_restart::int4 as pending, source, sourcefile,
             sourceline, current_setting('superuser_reserved_connections')::int8 as superuser,
             coalesce(current_setting('reserved_connections', true), '0')::int8 as reserved,
             current_setting('server_version_num')::int8 as version,
             pg_size_bytes(current_setting('shared_memory_size', true)) as shared_memory,
             pg_size_bytes(current_setting('shared_buffers')) as shared_buffers,
             pg_size_bytes(current_setting('wal_buffers')) as wal_buffers,
             pg_has_role('pg_read_all_stats', 'usage')::int4 as sees_sessions,
             (select setting from pg_settings where name = 'data_directory') as data_directory,
             (extract(epoch from pg_postmaster_start_time()) * 1000)::int8 as started
        from pg_settings where name = 'max_connections')");
  if (!rows) return fail(rows.error());
  Settings settings;
  settings.max_connections = rows->number(0, "max_connections").value_or(0);
  settings.superuser_reserved = rows->number(0, "superuser").value_or(3);
  settings.reserved = rows->number(0, "reserved").value_or(0);
  settings.pending_restart = rows->number(0, "pending").value_or(0) != 0;
  settings.source = rows->text(0, "source").value_or("");
  settings.source_file = rows->text(0, "sourcefile").value_or("");
  settings.source_line = static_cast<int>(rows->number(0, "sourceline").value_or(0));
  settings.data_directory = rows->text(0, "data_directory").value_or("");
  const auto buffers = rows->number(0, "shared_buffers").value_or(0);
  const auto wal_buffers = rows->number(0, "wal_buffers").value_or(0);
  settings.shared_memory_bytes = rows->number(0, "shared_memory")
                                     .value_or(estimate_shared_memory(buffers, wal_buffers, settings.max_connections));
  settings.sees_sessions = rows->number(0, "sees_sessions").value_or(0) != 0;
  settings.version = static_cast<int>(rows->number(0, "version").value_or(0));
  settings.postmaster_start = WallTime(milliseconds(rows->number(0, "started").value_or(0)));
  return settings;
}

// The files as they are now, not as they were read: what the next start will find.
Result<void> read_files(Session& session, Settings& settings) {
  const auto rows = session.query(R"(
      select sourcefile, sourceline, setting, coalesce(error, '') as error from pg_file_settings
       where lower(name) = 'max_connections' order by seqno)");
  if (!rows) {
    // Only superusers see this view; without it the rest is still worth having.
    if (rows.error().kind == ErrorKind::Forbidden) return {};
    return fail(rows.error());
  }
  settings.files_known = true;
  FileSetting* winner = nullptr;
  settings.files.reserve(rows->rows.size());
  for (std::size_t i = 0; i < rows->rows.size(); ++i) {
    FileSetting file;
    file.file = rows->text(i, "sourcefile").value_or("");
    file.line = static_cast<int>(rows->number(i, "sourceline").value_or(0));
    file.value = rows->text(i, "setting").value_or("");
    settings.files.push_back(std::move(file));
    const auto error = rows->text(i, "error").value_or("");
    if (error.empty() || error == kWaitsForRestart) winner = &settings.files.back();
  }
  if (winner) winner->applied = true;
  return {};
}

std::optional<std::int64_t> next_start_of(const Settings& settings) {
  if (settings.source == "command line") return settings.max_connections;
  if (!settings.files_known) return std::nullopt;
  for (const auto& file : settings.files)
    if (file.applied) return parse_integer(file.value);
  return kDefaultMaxConnections;
}

Backend backend_of(const Rows& rows, std::size_t i) {
  Backend backend;
  backend.pid = rows.number(i, "pid").value_or(0);
  backend.user = rows.text(i, "usename").value_or("");
  backend.database = rows.text(i, "datname").value_or("");
  backend.address = rows.text(i, "address").value_or("");
  backend.state = rows.text(i, "state").value_or("");
  backend.application_name = rows.text(i, "application_name").value_or("");
  backend.tls = rows.number(i, "tls").value_or(0) != 0;
  backend.idle_for = milliseconds(rows.number(i, "idle").value_or(0));
  backend.age = milliseconds(rows.number(i, "age").value_or(0));
  backend.started = rows.number(i, "started").value_or(0);
  backend.transaction_age = milliseconds(rows.number(i, "transaction").value_or(0));
  backend.blocked_by = rows.number(i, "blocked_by").value_or(0);
  return backend;
}

template <typename Numbers, typename NumberOf>
std::string array_of(const Numbers& from, const NumberOf& number_of) {
  std::string list;
  for (const auto& one : from) list += (list.empty() ? "" : ",") + std::to_string(number_of(one));
  return "{" + list + "}";
}

Result<int> ended_of(const Result<Rows>& rows) {
  if (!rows) return fail(rows.error());
  return static_cast<int>(rows->number(0, "ended").value_or(0));
}

// A superuser's sessions only a superuser may end: one that may not would lose the whole statement.
constexpr const char* kThoseWeMayEnd =
    " left join pg_roles role on role.oid = usesysid"
    " where backend_type = 'client backend'"
    " and (current_setting('is_superuser')::bool or not rolsuper)";

// What they do is asked in the statement that ends them: between a look and a step lie other
// logins, and who was idle may be in a transaction by now. The same holds for whose pid it is.
Result<int> terminate_those(Session& session, const std::vector<Backend>& sessions,
                            const std::string& condition,
                            const std::vector<std::string>& more = {}) {
  if (sessions.empty()) return 0;
  std::vector<std::string> parameters = {
      array_of(sessions, [](const auto& one) { return one.pid; }),
      array_of(sessions, [](const auto& one) { return one.started; })};
  parameters.insert(parameters.end(), more.begin(), more.end());
  return ended_of(
      session.query("select count(pg_terminate_backend(pid)) as ended from pg_stat_activity"
                    " join unnest($1::int4[], $2::int8[]) as seen (pid, started) using (pid)" +
                        std::string(kThoseWeMayEnd) +
                        " and (extract(epoch from backend_start) * 1000000)::int8 = started and " +
                        condition,
                    parameters));
}

Result<void> without_rows(const Result<Rows>& rows) {
  if (!rows) return fail(rows.error());
  return {};
}

}  // namespace

// The manual of PostgreSQL 9 gave these figures for each parameter; a connection was measured at 50 kB on 15.
std::int64_t estimate_shared_memory(std::int64_t buffers, std::int64_t wal_buffers, std::int64_t max_connections) {
  if (buffers == 0) return 0;
  return 770'000 + buffers / 8192 * 8400 + wal_buffers + max_connections * 50'000;
}

Result<Settings> read_settings(Session& session) {
  auto settings = read_values(session);
  if (!settings) return settings;
  if (auto files = read_files(session, *settings); !files) return fail(std::move(files.error()));
  settings->next_start = next_start_of(*settings);
  return settings;
}

Result<std::vector<Backend>> read_backends(Session& session) {
  // clock_timestamp(): now() stands still within a transaction. Who blocks is asked only for those
  // that wait: the answer holds up the lock manager.
  const auto rows = session.query(R"(
      select a.pid, usename, datname, host(client_addr) as address, state, application_name,
             coalesce(s.ssl, false)::int4 as tls,
             case when state like 'idle%' then greatest(0, extract(epoch from
               clock_timestamp() - state_change) * 1000)::int8 else 0 end as idle,
             greatest(0, extract(epoch from clock_timestamp() - backend_start) * 1000)::int8 as age,
             (extract(epoch from backend_start) * 1000000)::int8 as started,
             greatest(0, extract(epoch from clock_timestamp() - xact_start) * 1000)::int8
               as transaction,
             case when wait_event_type = 'Lock' then (pg_blocking_pids(a.pid))[1] end as blocked_by
        from pg_stat_activity a left join pg_stat_ssl s using (pid)
       where backend_type = 'client backend' and a.pid <> pg_backend_pid())");
  if (!rows) return fail(rows.error());
  std::vector<Backend> backends;
  backends.reserve(rows->rows.size());
  for (std::size_t i = 0; i < rows->rows.size(); ++i) backends.push_back(backend_of(*rows, i));
  return backends;
}

Result<Role> read_role(Session& session, const std::string& name) {
  const auto rows = session.query(R"(
      select rolconnlimit as connection_limit,
             (select count(*) from pg_stat_activity where usename = rolname) as sessions
        from pg_roles where rolname = $1)",
                                  {name});
  if (!rows) return fail(rows.error());
  if (rows->rows.empty())
    return fail(ErrorKind::NotFound, "does not exist", "role " + name, "create it, or correct the Secret");
  return Role{rows->number(0, "connection_limit").value_or(-1), rows->number(0, "sessions").value_or(0)};
}

Result<void> set_connection_limit(Session& session, const std::string& role, std::int64_t limit) {
  return without_rows(session.query("alter role " + quote_identifier(role) + " connection limit " +
                                    std::to_string(limit)));
}

Result<void> alter_system_max_connections(Session& session, std::int64_t value) {
  return without_rows(session.query("alter system set max_connections = " + std::to_string(value)));
}

Result<void> reload_configuration(Session& session) {
  return without_rows(session.query("select pg_reload_conf()"));
}

Result<int> terminate(Session& session, const std::vector<std::int64_t>& pids) {
  if (pids.empty()) return 0;
  // Looked up first: a pid may have become another kind of process since it was read.
  return ended_of(
      session.query("select count(pg_terminate_backend(pid)) as ended from pg_stat_activity" +
                        std::string(kThoseWeMayEnd) + " and pid = any($1::int4[])",
                    {array_of(pids, [](std::int64_t pid) { return pid; })}));
}

Result<int> terminate_idle(Session& session, const std::vector<Backend>& sessions) {
  return terminate_those(session, sessions, "state = 'idle'");
}

Result<int> terminate_in_transaction(Session& session, const std::vector<Backend>& sessions,
                                     milliseconds age) {
  return terminate_those(session, sessions,
                         "clock_timestamp() - xact_start >= $3::int8 * interval '1 ms'",
                         {std::to_string(age.count())});
}

Result<void> checkpoint(Session& session, milliseconds deadline) {
  return without_rows(session.query("checkpoint", {}, deadline));
}

}  // namespace pgrightsizer::postgres
