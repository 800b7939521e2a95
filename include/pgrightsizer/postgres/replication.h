// What pg-rightsizer asks of a primary and its streaming standbys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/postgres/server.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

struct Primary {
  bool in_recovery = false;  // then it is none, and the rest is empty
  std::string flushed;       // how far its WAL is on disk: "0/3000148"
  std::string redo;          // where a crash recovery would begin: its last checkpoint's
  std::string system;        // identifies the database cluster that its standbys are copies of
  std::int64_t streaming = 0;  // how many stream from it
  // How many synchronous standbys may be away before commits wait; nullopt: none is synchronous.
  std::optional<std::int64_t> synchronous_spare;
};
[[nodiscard]] Result<Primary> read_primary(Session& session);

struct Replay {
  bool in_recovery = false;  // then it is a standby
  std::string system;        // as Primary's
  bool streaming = false;    // its WAL receiver is connected
  bool paused = false;
  bool past_position = false;  // it has replayed up to the position asked for
  bool past_redo = false;      // its own recovery would begin no earlier than the redo asked for
};
// Positions as in Primary; empty ones are not passed.
[[nodiscard]] Result<Replay> read_replay(Session& session, const std::string& position,
                                         const std::string& redo);

// How many standbys a commit waits for: "ANY 2 (a, b, c)" → 2.
[[nodiscard]] std::int64_t required_synchronous(const std::string& synchronous_standby_names);

// The value that ALTER SYSTEM has left in postgresql.auto.conf, which beats every other file.
[[nodiscard]] std::optional<std::int64_t> pinned_value(const Settings& settings);
// What the next start would use without postgresql.auto.conf.
[[nodiscard]] std::int64_t value_of_files(const Settings& settings);

// As if postgresql.auto.conf did not set it.
void ignore_pinned(Settings& settings);

// ALTER SYSTEM SET and RESET, each with a reload, so that pg_settings tells what is pending.
[[nodiscard]] Result<void> pin(Session& session, std::int64_t value);
[[nodiscard]] Result<void> unpin(Session& session);

}  // namespace pgrightsizer::postgres
