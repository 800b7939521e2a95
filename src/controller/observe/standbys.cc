#include <algorithm>

#include "../turn/admin.h"
#include "observe.h"
#include "pgrightsizer/postgres/replication.h"

namespace pgrightsizer::controller {

namespace {

constexpr std::chrono::seconds kTimeForAll{3};
constexpr std::chrono::seconds kTimeForOne{2};

std::string pod_text(const api::ConnectionPolicy& policy, const std::string& pod) {
  return "pod " + policy.name_space + "/" + pod;
}

std::string remedy(const api::ConnectionPolicy& policy) {
  return "; the Services of the database select ordinal 0 of StatefulSet " + policy.name_space + "/" +
         policy.spec.database.name + ": make it the primary and the others its standbys";
}

// The primary's own part of it. nullopt: it is none, or cannot be asked.
std::optional<postgres::Primary> look_at_primary(const api::ConnectionPolicy& policy, Memory& memory,
                                                 Facts& facts) {
  if (!facts.settings || !memory.admin) return std::nullopt;
  const auto primary = postgres::read_primary(*memory.admin);
  if (!primary) {
    facts.problems.push_back({kReplicationBroken, primary.error().message()});
    return std::nullopt;
  }
  if (primary->in_recovery) {
    facts.problems.push_back({kPrimaryNotFirst, pod_text(policy, facts.database.pod) +
                                                     " is a standby" + remedy(policy)});
    return std::nullopt;
  }
  // Noted once per start of the primary: under load a standby never reaches the present position.
  auto& noted = memory.standbys;
  if (noted.primary_start != facts.settings->postmaster_start || noted.position.empty()) {
    noted.primary_start = facts.settings->postmaster_start;
    noted.position = primary->flushed;
    noted.redo = primary->redo;
  }
  return *primary;
}

// One session per standby, kept between turns; `key` is of this pod and these credentials.
Result<postgres::Session*> session_with(const Sight& sight, Memory& memory, const Facts& facts,
                                        const providers::Standby& standby, const std::string& key) {
  auto& sessions = memory.standbys.sessions;
  if (const auto found = sessions.find(key); found != sessions.end()) {
    if (found->second.alive()) return &found->second;
    sessions.erase(found);
  }
  auto options = admin_login(facts, standby.host);
  options.deadline = kTimeForOne;
  auto session = sight.options.connect(options);
  if (!session) return fail(session.error());
  return &sessions.emplace(key, std::move(*session)).first->second;
}

Result<void> read_standby(const Sight& sight, Memory& memory, const Facts& facts,
                          const providers::Standby& standby,
                          const std::optional<postgres::Primary>& primary,
                          transition::Standby& seen, bool& in_recovery) {
  auto session = session_with(sight, memory, facts, standby, standby_key(facts, standby));
  if (!session) return fail(session.error());
  const auto settings = postgres::read_settings(**session);
  if (!settings) return fail(settings.error());
  const auto replay =
      postgres::read_replay(**session, memory.standbys.position, memory.standbys.redo);
  if (!replay) return fail(replay.error());
  in_recovery = replay->in_recovery;
  seen.up = true;
  // From the primary, or from another of its standbys: their WAL is the same.
  seen.streaming = replay->streaming && primary && primary->streaming > 0 &&
                   primary->system == replay->system;
  seen.replay_paused = replay->paused;
  seen.caught_up = replay->past_position;
  seen.restartpoint = replay->past_redo;
  seen.effective = settings->max_connections;
  seen.mounted = postgres::value_of_files(*settings);
  seen.pinned = postgres::pinned_value(*settings);
  if (settings->source == "command line")
    seen.cannot_restart = "its command line sets max_connections, which wins over every file; "
                          "remove it there";
  return {};
}

// Since when it has not been of use.
void keep_time(const Sight& sight, Memory& memory, transition::Standby& seen) {
  auto& away = memory.standbys.away_since;
  if (seen.up && seen.streaming && !seen.replay_paused && !seen.terminating) {
    away.erase(seen.name);
    return;
  }
  seen.away_since = away.emplace(seen.name, sight.clock.now()).first->second;
}

void forget_the_gone(Memory& memory, const Facts& facts) {
  std::erase_if(memory.standbys.sessions, [&](const auto& entry) {
    const auto& standbys = facts.database.standbys;
    return std::none_of(standbys.begin(), standbys.end(), [&](const auto& standby) {
      return standby_key(facts, standby) == entry.first;
    });
  });
}

}  // namespace

void observe_standbys(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                      Facts& facts) {
  auto& seen = facts.seen;
  const auto& database = facts.database;
  seen.primary = database.pod.empty() ? policy.spec.database.name + "-0" : database.pod;
  seen.pins.assign(memory.standbys.pins.begin(), memory.standbys.pins.end());
  const auto primary = look_at_primary(policy, memory, facts);
  if (primary && facts.settings) {
    seen.mounted = postgres::value_of_files(*facts.settings);
    seen.pinned = postgres::pinned_value(*facts.settings);
    seen.synchronous_spare = primary->synchronous_spare;
  }
  // Without a line of its own the file says what the server's other files say.
  seen.file = database.requested > 0 ? database.requested : seen.mounted;
  seen.requested = seen.pinned.value_or(seen.file);

  forget_the_gone(memory, facts);
  const auto until = sight.clock.steady() + kTimeForAll;
  for (const auto& standby : database.standbys) {
    auto& one = seen.standbys.emplace_back();
    one.name = standby.pod;
    one.terminating = standby.terminating;
    one.cannot_restart = standby.cannot_restart;
    one.start_failure = standby.start_failure;
    bool in_recovery = true;
    if (!standby.host.empty() && sight.clock.steady() < until && !facts.blocked()) {
      const auto done = read_standby(sight, memory, facts, standby, primary, one, in_recovery);
      if (!done) memory.standbys.sessions.erase(standby_key(facts, standby));
    }
    if (!in_recovery)
      facts.problems.push_back({kTwoPrimaries, pod_text(policy, standby.pod) +
                                                    " is a primary, too" + remedy(policy)});
    keep_time(sight, memory, one);
  }
}

}  // namespace pgrightsizer::controller
