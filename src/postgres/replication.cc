#include "pgrightsizer/postgres/replication.h"

#include <cctype>

#include "pgrightsizer/postgres/config_file.h"

namespace pgrightsizer::postgres {
namespace {

constexpr std::int64_t kDefaultMaxConnections = 100;

bool is_auto_conf(const std::string& file) {
  return file.substr(file.rfind('/') + 1) == "postgresql.auto.conf";
}

}  // namespace

Result<Primary> read_primary(Session& session) {
  // The redo first: whoever has replayed up to the position has also seen that checkpoint.
  const auto rows = session.query(R"(
      select pg_is_in_recovery()::int4 as recovering,
             (select system_identifier::text from pg_control_system()) as system,
             (select redo_lsn::text from pg_control_checkpoint()) as redo,
             case when not pg_is_in_recovery() then pg_current_wal_flush_lsn()::text end as flushed,
             current_setting('synchronous_standby_names') as names)");
  if (!rows) return fail(rows.error());
  Primary primary;
  primary.in_recovery = rows->number(0, "recovering").value_or(0) != 0;
  if (primary.in_recovery) return primary;
  primary.system = rows->text(0, "system").value_or("");
  primary.redo = rows->text(0, "redo").value_or("");
  primary.flushed = rows->text(0, "flushed").value_or("");
  const auto names = rows->text(0, "names").value_or("");
  const auto senders = session.query(R"(
      select count(*) as streaming, count(*) filter (where sync_state <> 'async') as synchronous
        from pg_stat_replication where state = 'streaming')");
  if (!senders) return fail(senders.error());
  primary.streaming = senders->number(0, "streaming").value_or(0);
  const auto synchronous = senders->number(0, "synchronous").value_or(0);
  const auto required = required_synchronous(names);
  if (required > 0) primary.synchronous_spare = synchronous - required;
  return primary;
}

Result<Replay> read_replay(Session& session, const std::string& position,
                           const std::string& redo) {
  // PostgreSQL 14 tells "pause requested" from "paused"; before, requested is all one can know.
  const std::string paused = session.server_version() >= 140000
                                 ? "pg_get_wal_replay_pause_state() <> 'not paused'"
                                 : "pg_is_wal_replay_paused()";
  // The questions to a standby are errors elsewhere.
  const auto rows = session.query(
      "select pg_is_in_recovery()::int4 as recovering,"
      " (select system_identifier::text from pg_control_system()) as system,"
      " case when pg_is_in_recovery() then (" + paused + ")::int4 end as paused,"
      " (pg_last_wal_replay_lsn() >= nullif($1, '')::pg_lsn)::int4 as past_position,"
      " (select (redo_lsn >= nullif($2, '')::pg_lsn)::int4 from pg_control_checkpoint()) as redo,"
      " (select count(*) from pg_stat_wal_receiver where status = 'streaming') as streaming",
      {position, redo});
  if (!rows) return fail(rows.error());
  Replay replay;
  replay.in_recovery = rows->number(0, "recovering").value_or(0) != 0;
  replay.system = rows->text(0, "system").value_or("");
  replay.streaming = rows->number(0, "streaming").value_or(0) != 0;
  replay.paused = rows->number(0, "paused").value_or(0) != 0;
  replay.past_position = rows->number(0, "past_position").value_or(0) != 0;
  replay.past_redo = rows->number(0, "redo").value_or(0) != 0;
  return replay;
}

std::int64_t required_synchronous(const std::string& names) {
  // [FIRST | ANY] n (list), or a list alone, which is FIRST 1.
  const auto list = names.find('(');
  if (list == std::string::npos)
    return names.find_first_not_of(" \t\n") == std::string::npos ? 0 : 1;
  const auto digit = names.find_first_of("0123456789");
  if (digit == std::string::npos || digit > list) return 1;
  std::int64_t number = 0;
  for (auto i = digit; i < list && std::isdigit(static_cast<unsigned char>(names[i])); ++i)
    number = number < 1'000'000 ? number * 10 + (names[i] - '0') : number;
  return number;
}

std::optional<std::int64_t> pinned_value(const Settings& settings) {
  std::optional<std::int64_t> value;
  for (const auto& file : settings.files)
    if (is_auto_conf(file.file)) value = parse_integer(file.value);
  return value;
}

std::int64_t value_of_files(const Settings& settings) {
  std::int64_t value = kDefaultMaxConnections;
  for (const auto& file : settings.files)
    if (!is_auto_conf(file.file)) value = parse_integer(file.value).value_or(0);
  return value;
}

void ignore_pinned(Settings& settings) {
  std::erase_if(settings.files, [](const FileSetting& file) { return is_auto_conf(file.file); });
  for (auto& file : settings.files) file.applied = &file == &settings.files.back();
}

Result<void> pin(Session& session, std::int64_t value) {
  if (auto done = alter_system_max_connections(session, value); !done) return done;
  return reload_configuration(session);
}

Result<void> unpin(Session& session) {
  const auto rows = session.query("alter system reset max_connections");
  if (!rows) return fail(rows.error());
  return reload_configuration(session);
}

}  // namespace pgrightsizer::postgres
