#include "restart.h"

#include <algorithm>
#include <iterator>

#include "pause.h"
#include "standbys.h"

namespace pgrightsizer::transition {

namespace {

constexpr seconds kForeignPatience{60};
constexpr seconds kForeignInterval{3600};

// The last one that took place; one that was remembered and never carried out does not count.
const Restart* last_restart(const History& history) {
  const auto done =
      std::find_if(history.restarts.rbegin(), history.restarts.rend(),
                   [](const Restart& restart) { return restart.duration.has_value(); });
  return done == history.restarts.rend() ? nullptr : &*done;
}

// A person asked, and no restart has taken place since.
bool asked(const Situation& s) {
  if (!s.rules.restart_now || *s.rules.restart_now > s.now) return false;
  const Restart* last = last_restart(s.history);
  return last == nullptr || *s.rules.restart_now > last->time;
}

const char* name_of(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::Auto:
      return "Auto";
    case RestartPolicy::Immediate:
      return "Immediate";
    case RestartPolicy::InWindow:
      return "InWindow";
    case RestartPolicy::Manual:
      return "Manual";
  }
  return "unknown";
}

Count goal(const Situation& s);

std::string change_text(const Situation& s) {
  return say("max_connections ", s.seen.effective, " to ", goal(s));
}

// "220 + 10 others ≤ 247 usable"
std::string fit_text(const Situation& s) {
  const Count wanted = s.seen.committed() - s.seen.others_kept();
  const bool fits = s.seen.committed() <= s.seen.usable();
  return say(wanted, " + ", s.seen.others_kept(), " others ", fits ? "≤ " : "> ", s.seen.usable(),
             " usable");
}

// After a failed start, going further in the same direction fails as well.
bool forbids(const Rejected& rejected, const Situation& s) {
  const Count value = rejected.value;
  if (value > s.seen.effective) return goal(s) >= value;
  return goal(s) <= value;
}

Step rejected_wait(const Situation& s, const Rejected& rejected) {
  return wait(Topic::RestartRejected,
              say("max_connections ", goal(s),
                  " is not tried: PostgreSQL did not "
                  "start with ",
                  rejected.value, ": ", rejected.reason));
}

// A restart with this value took place, and the same server shows another one. One whose files have
// the value by now had started with an older copy of them.
bool overridden(const Situation& s) {
  if (s.seen.next_start == goal(s)) return false;
  const Restart* last = last_restart(s.history);
  if (last == nullptr || last->to != goal(s) ||
      !last->duration || !s.seen.postmaster_start)
    return false;
  const Time came_up = last->time + *last->duration;
  return !asked(s) && *s.seen.postmaster_start <= came_up + seconds{1};
}

Step overridden_wait(const Situation& s) {
  return wait(Topic::Overridden, say("restarted with max_connections ", goal(s),
                                     " requested, but the server shows ", s.seen.effective,
                                     ": an include, the command line or ALTER SYSTEM sets it"));
}

constexpr seconds kDay{86'400};

// Restarts that took place in the last 24 hours, the oldest first.
std::vector<Time> restarts_today(const Situation& s) {
  std::vector<Time> times;
  for (const Restart& restart : s.history.restarts) {
    if (restart.duration && restart.time + kDay > s.now) times.push_back(restart.time);
  }
  return times;
}

// What a raise asks for. The budget's last restart with direct traffic goes as far as direct traffic
// can: the next one would come too late. Standbys are raised to the plan's value beforehand, and keep
// the primary to it.
Count raise_goal(const Situation& s) {
  const auto left = s.rules.max_per_day - static_cast<int>(restarts_today(s).size());
  const bool last = left == 1 && s.plan.route == Route::Direct &&
                    s.seen.route == Route::Direct && !replicated(s.seen);
  return last ? std::max(s.plan.max_connections, s.plan.direct_ceiling) : s.plan.max_connections;
}

Count goal(const Situation& s) {
  return s.seen.effective < s.plan.max_connections ? raise_goal(s) : s.plan.max_connections;
}

bool in_window(const Situation& s) {
  return std::any_of(s.rules.windows.begin(), s.rules.windows.end(), [&](const Window& window) {
    return window.from <= s.now && s.now < window.to;
  });
}

std::optional<Time> next_window(const Situation& s) {
  for (const Window& window : s.rules.windows) {
    if (window.from > s.now) return window.from;
  }
  return std::nullopt;
}

// The policy alone: neither the interval nor the budget.
bool allowed(const Situation& s, const Occasion& occasion) {
  if (s.rules.restart == RestartPolicy::Immediate) return true;
  if (s.rules.restart == RestartPolicy::Manual) return false;
  if (in_window(s)) return true;
  if (occasion.urgent && s.rules.emergency == Emergency::Override) return true;
  return s.rules.restart == RestartPolicy::Auto && (occasion.costs_nothing || occasion.needed);
}

Step not_allowed(const Situation& s) {
  const bool lowering = s.plan.max_connections < s.seen.effective;
  std::string until = lowering ? ", the larger value stays until " : ", until ";
  if (!lowering && s.rules.restart == RestartPolicy::Auto) until += "it is needed, ";
  if (s.rules.restart != RestartPolicy::Manual && s.rules.has_windows) until += "a window opens, ";
  until += lowering ? "a restart is asked for" : "or it is asked for";
  const std::optional<Time> deadline =
      s.rules.restart == RestartPolicy::Manual ? std::nullopt : next_window(s);
  return wait(Topic::RestartPending, say(change_text(s), " needs a restart (policy ",
                                         name_of(s.rules.restart), until, "): ", fit_text(s)),
              deadline);
}

// Spaced out, and so many a day.
Rule budget_rule(const Situation& s) {
  const Restart* last = last_restart(s.history);
  if (last != nullptr && s.now < last->time + s.rules.min_interval) {
    return wait(Topic::RestartPending,
                say(change_text(s), " needs a restart: ", fit_text(s),
                    "; the last one was less than ", s.rules.min_interval.count(), " s ago"),
                last->time + s.rules.min_interval);
  }
  const std::vector<Time> today = restarts_today(s);
  const auto most = static_cast<std::size_t>(std::max(1, s.rules.max_per_day));
  if (today.size() < most) return std::nullopt;
  return wait(Topic::RestartPending,
              say(change_text(s), " needs a restart: ", fit_text(s), "; there were ", today.size(),
                  " within 24 hours, and restart.maxPerDay is ", most),
              today[today.size() - most] + kDay);
}

// Absent when the server may be restarted now; else why not.
Rule why_not_now(const Situation& s, const Occasion& occasion) {
  if (s.seen.operator_restarts && s.seen.cannot_restart) {
    return wait(Topic::RestartUnsafe, say(change_text(s), " waits: ", *s.seen.cannot_restart));
  }
  if (s.seen.restart_retry_at && s.now < *s.seen.restart_retry_at) {
    return wait(Topic::RestartPending, say(change_text(s), " waits: the last restart was refused"),
                s.seen.restart_retry_at);
  }
  if (asked(s)) return std::nullopt;
  // A node that creates many containers has no time for PostgreSQL, whose start then takes ten
  // times as long; behind the pooler nobody is refused meanwhile.
  if (all_pooled(s.seen) && s.seen.starting_instances > 0 && !any_paused(s.seen)) {
    return wait(Topic::RestartPending, say(change_text(s), " waits a moment: ",
                                           s.seen.starting_instances, " instances are starting"));
  }
  if (!allowed(s, occasion)) return not_allowed(s);
  return budget_rule(s);
}

// Somebody else's value is put back only if live connections would not fit it, after a minute,
// then at most hourly.
Rule foreign_rule(const Situation& s) {
  if (!s.seen.foreign_change_since) return foreign_primary_rule(s);
  const bool fits = s.seen.committed() <= s.seen.requested - s.seen.reserved;
  std::optional<Time> when;
  if (!fits) {
    when = *s.seen.foreign_change_since + kForeignPatience;
    if (s.history.put_back) when = std::max(*when, *s.history.put_back + kForeignInterval);
    if (s.now >= *when) return std::nullopt;
  }
  return wait(Topic::ForeignChange,
              say("somebody else requested max_connections ", s.seen.requested,
                  fits ? "; live connections fit, it is left alone" : "; it will be put back"),
              when);
}

Step patch(const Situation& s, Count value, const std::string& why) {
  if (Rule foreign = foreign_rule(s)) return *std::move(foreign);
  Step step =
      step_of(StepKind::PatchMaxConnections, Topic::RestartPending,
              say("request max_connections ", value, " (was ", s.seen.requested, "): ", why));
  step.value = value;
  step.old_value = s.seen.requested;
  return step;
}

// The last stage of both directions: the value is requested, the restart is permitted.
Step restart(const Situation& s) {
  if (overridden(s)) return overridden_wait(s);
  if (!s.seen.operator_restarts) {
    return wait(Topic::RestartPending,
                say(change_text(s), " is requested and waits for somebody to restart PostgreSQL"));
  }
  if (Rule first = before_restart_rule(s)) return *std::move(first);
  Step step = step_of(StepKind::Restart, Topic::RestartPending,
                      say("restart for ", change_text(s), ": ", fit_text(s)));
  step.value = goal(s);
  step.old_value = s.seen.effective;
  return step;
}

// Waits, with the running value requested: an accidental restart must not change anything.
Step keep_running_value(const Situation& s, Step wait_for) {
  if (s.seen.requested == s.seen.effective) return wait_for;
  return patch(s, s.seen.effective, "the running value stays for now");
}

// Standbys first: so nothing is requested of the primary before its restart is permitted, and an
// accidental one must not change anything until all of them are raised.
Rule raise_replicated(const Situation& s, const Occasion& occasion) {
  const bool requested = s.seen.requested == s.plan.max_connections;
  if (!requested) {
    if (Rule foreign = foreign_rule(s)) return foreign;
  }
  if (Rule not_now = why_not_now(s, occasion)) {
    if (requested && standbys_are_raised(s)) return not_now;
    return keep_running_value(s, *std::move(not_now));
  }
  if (Rule first = raise_standbys_rule(s)) {
    return requested ? keep_running_value(s, *std::move(first)) : first;
  }
  if (!requested) return patch(s, s.plan.max_connections, s.plan.formula);
  return restart(s);
}

}  // namespace

Rule raise_rule(const Situation& s, const Occasion& occasion) {
  if (s.seen.effective >= s.plan.max_connections) return std::nullopt;
  if (const auto& no = s.history.rejected; no && forbids(*no, s)) {
    return keep_running_value(s, rejected_wait(s, *no));
  }
  if (replicated(s.seen)) return raise_replicated(s, occasion);
  if (s.seen.requested != goal(s)) return patch(s, goal(s), s.plan.formula);
  if (!s.seen.operator_restarts || overridden(s)) return restart(s);
  if (Rule not_now = why_not_now(s, occasion)) return not_now;
  return restart(s);
}

Rule lower_rule(const Situation& s, const Occasion& occasion, Rule obstacle, Rule prepare) {
  if (s.seen.effective <= s.plan.max_connections) return keep_rule(s);
  if (const auto& no = s.history.rejected; no && forbids(*no, s)) {
    return keep_running_value(s, rejected_wait(s, *no));
  }
  if (!s.seen.stabilized) {
    return keep_running_value(
        s, wait(Topic::Stabilizing, say(change_text(s), " waits for the scale-down window")));
  }
  if (obstacle) return keep_running_value(s, *std::move(obstacle));
  if (Rule not_now = why_not_now(s, occasion)) return keep_running_value(s, *std::move(not_now));
  if (Rule broken = broken_replication_rule(s)) return keep_running_value(s, *std::move(broken));
  if (prepare) return prepare;
  if (s.seen.requested != s.plan.max_connections) {
    return patch(s, s.plan.max_connections, s.plan.formula);
  }
  return restart(s);
}

Rule keep_rule(const Situation& s) {
  if (s.seen.effective < s.plan.max_connections) return std::nullopt;
  if (s.seen.requested == s.seen.effective) return std::nullopt;
  return patch(s, s.seen.effective, "the running value stays for now");
}

}  // namespace pgrightsizer::transition
