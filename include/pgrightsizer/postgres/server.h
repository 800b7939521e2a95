// What pg-rightsizer asks of a PostgreSQL server and tells it. All over one administrative Session.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

// Where a value of max_connections stands, from pg_file_settings (the last applied one wins).
struct FileSetting {
  std::string file;
  int line = 0;
  std::string value;
  bool applied = false;  // it is the one that the next start uses
};

struct Settings {
  std::int64_t max_connections = 0;  // in force
  std::int64_t superuser_reserved = 3;
  std::int64_t reserved = 0;  // reserved_connections, PostgreSQL 16 and later
  std::int64_t shared_memory_bytes = 0;  // estimated before PostgreSQL 15; 0: not known
  bool pending_restart = false;
  std::string source;       // "configuration file", "command line", "default"
  std::string source_file;  // of the value in force; empty when not from a file
  int source_line = 0;
  std::string data_directory;      // empty when the role may not see it
  std::vector<FileSetting> files;  // every file line that sets it, in order; empty when none
                                   // does, or when the role may not see pg_file_settings
  bool files_known = false;        // the role may see pg_file_settings
  bool sees_sessions = false;      // the role may see those of other roles; if not, they are left out
  std::optional<std::int64_t> next_start;  // what a restart would use as far as the files tell
  WallTime postmaster_start;
  int version = 0;  // 170002
};
[[nodiscard]] Result<Settings> read_settings(Session& session);
// For versions that do not tell, in bytes; 0 when shared_buffers is not known. Within 3 % where those are
// 128 MB and more.
[[nodiscard]] std::int64_t estimate_shared_memory(std::int64_t buffers, std::int64_t wal_buffers,
                                                  std::int64_t max_connections);

// One client backend.
struct Backend {
  std::int64_t pid = 0;
  std::string user;
  std::string database;
  std::string address;  // empty: unix socket
  std::string state;    // active, idle, idle in transaction, …
  std::string application_name;
  bool tls = false;
  std::chrono::milliseconds idle_for{0};  // since state_change, when idle
  std::chrono::milliseconds age{0};       // since backend_start
  std::int64_t started = 0;               // backend_start in µs: with the pid, this session and no other
  std::chrono::milliseconds transaction_age{0};  // of the open transaction; 0: none
  std::int64_t blocked_by = 0;            // pid of a session whose lock it waits for; 0: none
};
// A role that can log in.
struct Role {
  std::int64_t connection_limit = -1;  // -1: none
  std::int64_t sessions = 0;
};
// NotFound when there is no such role.
[[nodiscard]] Result<Role> read_role(Session& session, const std::string& name);
// ALTER ROLE … CONNECTION LIMIT: counts for new sessions at once, ends none. Forbidden without
// CREATEROLE.
[[nodiscard]] Result<void> set_connection_limit(Session& session, const std::string& role,
                                                std::int64_t limit);

// Client backends but our own session.
[[nodiscard]] Result<std::vector<Backend>> read_backends(Session& session);

// ALTER SYSTEM SET max_connections; no restart. Invalid when the server refuses the value.
[[nodiscard]] Result<void> alter_system_max_connections(Session& session, std::int64_t value);
[[nodiscard]] Result<void> reload_configuration(Session& session);
// Ends these backends, whatever they do and whoever has the pid by now; returns how many were there.
// Here and below a superuser's are left out if the session is not a superuser's, too.
[[nodiscard]] Result<int> terminate(Session& session, const std::vector<std::int64_t>& pids);
// Of these sessions, as they were read, those that are idle now; returns how many.
[[nodiscard]] Result<int> terminate_idle(Session& session, const std::vector<Backend>& sessions);
// Of these sessions, as they were read, those whose transaction is at least that old now.
[[nodiscard]] Result<int> terminate_in_transaction(Session& session, const std::vector<Backend>& sessions,
                                                   std::chrono::milliseconds age);
[[nodiscard]] Result<void> checkpoint(Session& session, std::chrono::milliseconds deadline);

}  // namespace pgrightsizer::postgres
