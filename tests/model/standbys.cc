// standby_check [--mutation NAME]: a primary and one streaming standby, with every interleaving of
// the operator's effects and of what else may happen: replay that lags, crashes of either server and
// of the operator, mounts that lag, a plan that changes. Exit 0 when no standby ever stops following
// and everything comes to rest, else 1.
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pgrightsizer/transition/transition.h"

namespace {

using namespace pgrightsizer::transition;
namespace sizing = pgrightsizer::sizing;

constexpr int kValues[] = {250, 290, 310};
constexpr Time kNow{seconds{1'000'000}};

enum class Flight { None, Remembered, Deleted };

struct Instance {
  int effective = 250;
  int pinned = 0;  // 0: not
  int mounted = 250;
  bool up = true;
  bool clean = true;  // it was shut down, and did not crash
  auto operator<=>(const Instance&) const = default;
  [[nodiscard]] int next() const { return pinned != 0 ? pinned : mounted; }
};

struct World {
  int plan = 250;
  int file = 250;
  Instance primary;
  Instance standby;
  // Values of max_connections in the WAL, from the one in force at the standby's restartpoint on.
  std::vector<int> wal = {250};
  int replayed = 0;  // index into it
  Flight flight = Flight::None;
  int from = 0;
  int to = 0;
  unsigned pins = 0;  // what the operator remembers to have pinned: bits of kValues
  int plan_changes = 3;
  int standby_crashes = 2;
  int primary_crashes = 1;
  int operator_crashes = 1;
  const char* broken = nullptr;
  auto operator<=>(const World&) const = default;
};

void replays_from_here(World& w) {
  w.wal.erase(w.wal.begin(), w.wal.begin() + w.replayed);
  w.replayed = 0;
}

void start_standby(World& w) {
  const int value = w.standby.next();
  if (w.standby.clean) replays_from_here(w);  // its shutdown makes a restartpoint
  for (int i = 0; i <= w.replayed; ++i)
    if (w.wal[static_cast<std::size_t>(i)] > value) w.broken = "the standby refuses to start";
  w.standby.effective = value;
  w.standby.up = true;
}

void start_primary(World& w) {
  const int value = w.primary.next();
  if (value != w.wal.back()) w.wal.push_back(value);
  w.primary.effective = value;
  w.primary.up = true;
  w.flight = Flight::None;
}

void replay(World& w) {
  if (w.wal[static_cast<std::size_t>(++w.replayed)] > w.standby.effective)
    w.broken = "the standby pauses its replay";
}

std::optional<Count> as_pin(int value) { return value == 0 ? std::nullopt : std::optional<Count>(value); }

Observation observe(const World& w) {
  Observation seen;
  seen.database_up = w.primary.up;
  seen.effective = w.primary.effective;
  seen.reserved = 3;
  seen.file = w.file;
  seen.mounted = w.primary.mounted;
  seen.pinned = w.primary.up ? as_pin(w.primary.pinned) : std::nullopt;
  seen.requested = seen.pinned.value_or(w.file);
  if (w.primary.up) seen.postmaster_start = kNow - seconds{100'000};
  seen.direct_capacity = seen.direct_sessions = seen.peak_direct_sessions = 100;
  seen.direct_login = Login::Ok;
  seen.checkpointed = true;  // when it is begun is the other model's subject
  seen.primary = "db-0";
  for (unsigned i = 0; i < 3; ++i)
    if ((w.pins >> i & 1U) != 0) seen.pins.push_back(kValues[i]);
  Standby standby;
  standby.name = "db-1";
  standby.up = w.standby.up;
  standby.streaming = w.standby.up && w.primary.up;
  if (w.standby.up) {
    standby.effective = w.standby.effective;
    standby.mounted = w.standby.mounted;
    standby.pinned = as_pin(w.standby.pinned);
    standby.caught_up = w.replayed + 1 == static_cast<int>(w.wal.size());
    standby.restartpoint = w.wal.size() == 1;
  }
  seen.standbys = {standby};
  return seen;
}

using Decide =
    std::function<Step(Observation, const sizing::Plan&, const Rules&, const History&, Time)>;

Step next(const World& w, const Decide& decide) {
  sizing::Plan plan;
  plan.instances = 5;
  plan.demand = 100;
  plan.max_connections = w.plan;
  Rules rules;
  rules.restart = RestartPolicy::Immediate;
  rules.min_interval = seconds{0};
  History history;
  if (w.flight != Flight::None)
    history.restarts.push_back({kNow - seconds{50'000}, w.from, w.to, std::nullopt});
  return decide(observe(w), plan, rules, history, kNow);
}

void remember(World& w, int value) {
  for (unsigned i = 0; i < 3; ++i)
    if (kValues[i] == value) w.pins |= 1U << i;
}

// False: nothing is done.
bool act(World& w, const Step& step) {
  const int value = static_cast<int>(step.value);
  switch (step.kind) {
    case StepKind::PatchMaxConnections:
      w.primary.pinned = value;
      remember(w, value);
      return true;
    case StepKind::Restart:
      w.flight = Flight::Remembered;
      w.from = static_cast<int>(step.old_value);
      w.to = value;
      return true;
    case StepKind::PinStandby:
      w.standby.pinned = value;
      remember(w, value);
      return true;
    case StepKind::RestartStandby:
      w.standby.up = false;
      w.standby.clean = true;
      w.standby.mounted = w.file;
      return true;
    case StepKind::CheckpointStandby:
      replays_from_here(w);
      return true;
    case StepKind::WriteFile:
      w.file = value;
      return true;
    case StepKind::ResetInstance:
      (step.pod == "db-0" ? w.primary : w.standby).pinned = 0;
      return true;
    default:
      return false;
  }
}

void delete_primary(World& w) {
  w.flight = Flight::Deleted;
  w.primary.up = false;
  w.primary.mounted = w.file;
}

class Checker {
 public:
  explicit Checker(Decide decide) : decide_(std::move(decide)) {}

  int run() {
    reach(World{}, nullptr, "at rest");
    while (!open_.empty() && violation_.empty()) {
      const World w = open_.front();
      open_.pop_front();
      expand(w);
      if (violation_.empty()) comes_to_rest(w);
    }
    std::printf("%zu states\n", origins_.size());
    for (const auto& [kind, count] : steps_) std::printf("    %-24s %9zu\n", kind.c_str(), count);
    if (violation_.empty()) return 0;
    std::printf("VIOLATION: %s\n%s", violation_.c_str(), trace_.c_str());
    return 1;
  }

 private:
  struct Origin {
    const World* parent;
    std::string label;
  };

  void reach(const World& w, const World* parent, const std::string& label) {
    const auto [at, fresh] = origins_.emplace(w, Origin{parent, label});
    if (!fresh) return;
    if (w.broken != nullptr)
      violate(w.broken, &at->first);
    else
      open_.push_back(w);
  }

  void violate(const std::string& what, const World* at) {
    if (!violation_.empty()) return;
    violation_ = what;
    for (; at != nullptr; at = origins_.at(*at).parent) {
      char line[200];
      std::snprintf(line, sizeof line, "    plan %d file %d primary %d/%d%s standby %d/%d%s\n", at->plan,
                    at->file, at->primary.effective, at->primary.next(), at->primary.up ? "" : " DOWN",
                    at->standby.effective, at->standby.next(), at->standby.up ? "" : " DOWN");
      trace_ = "  " + origins_.at(*at).label + "\n" + line + trace_;
    }
  }

  void expand(const World& w) {
    const World* here = &origins_.find(w)->first;
    const auto happen = [&](bool possible, const char* name, const auto& change) {
      if (!possible) return;
      World then = w;
      change(then);
      reach(then, here, name);
    };
    if (w.flight == Flight::Remembered) {
      happen(true, "OPERATOR deletes the primary's pod", delete_primary);
      happen(w.operator_crashes > 0, "the operator dies before the deletion", [](World& t) {
        --t.operator_crashes;
        t.pins = 0;
        t.flight = Flight::None;
      });
    } else {
      World then = w;
      const Step step = next(w, decide_);
      if (act(then, step)) {
        ++steps_[to_string(step.kind)];
        reach(then, here, std::string("OPERATOR ") + to_string(step.kind) + ": " + step.reason);
      }
    }
    for (const int value : kValues)
      happen(w.plan_changes > 0 && value != w.plan, "the plan changes", [&](World& t) {
        t.plan = value;
        --t.plan_changes;
      });
    happen(w.operator_crashes > 0 && w.pins != 0, "the operator dies", [](World& t) {
      --t.operator_crashes;
      t.pins = 0;
    });
    const bool behind = w.replayed + 1 < static_cast<int>(w.wal.size());
    happen(w.standby.up && behind, "the standby replays", replay);
    happen(!w.standby.up, "the standby starts", start_standby);
    happen(!w.primary.up, "the primary starts", start_primary);
    happen(w.standby.up && w.standby_crashes > 0, "the standby crashes", [](World& t) {
      --t.standby_crashes;
      t.standby.up = t.standby.clean = false;
    });
    happen(w.standby.up && w.standby_crashes > 0, "the standby's pod is killed", [](World& t) {
      --t.standby_crashes;
      t.standby.up = t.standby.clean = false;
      t.standby.mounted = t.file;
    });
    happen(w.primary.up && w.primary_crashes > 0, "the primary crashes", [](World& t) {
      --t.primary_crashes;
      t.primary.up = false;
    });
    happen(w.primary.mounted != w.file, "the primary's mount follows",
           [](World& t) { t.primary.mounted = t.file; });
    happen(w.standby.mounted != w.file, "the standby's mount follows",
           [](World& t) { t.standby.mounted = t.file; });
  }

  static bool calm(World& w) {
    const World before = w;
    if (w.flight == Flight::Remembered) return delete_primary(w), true;
    if (!w.primary.up) return start_primary(w), true;
    if (!w.standby.up) return start_standby(w), true;
    if (w.replayed + 1 < static_cast<int>(w.wal.size())) return replay(w), true;
    w.primary.mounted = w.standby.mounted = w.file;
    return w != before;
  }

  // When nothing else happens: everything gets the plan's value, and the file alone holds it. Or
  // somebody is asked about a value that the operator cannot know any more.
  void comes_to_rest(World w) {
    const World start = w;
    for (int i = 0; i < 100; ++i) {
      if (calm(w)) continue;
      const Step step = next(w, decide_);
      if (act(w, step)) continue;
      const bool done = w.primary.effective == w.plan && w.standby.effective == w.plan &&
                        w.file == w.plan && w.primary.pinned == 0 && w.standby.pinned == 0;
      if (!done && step.topic != Topic::ForeignChange)
        violate("it does not come to rest: " + step.reason, &origins_.find(start)->first);
      return;
    }
    violate("the operator goes in circles", &origins_.find(start)->first);
  }

  Decide decide_;
  std::map<World, Origin> origins_;
  std::deque<World> open_;
  std::map<std::string, std::size_t> steps_;
  std::string violation_;
  std::string trace_;
};

// ── Wrong operators, each of which must be found ────────────────────────────────────────────────

struct Mutation {
  const char* name;
  Decide decide;
};

Step on_standby(StepKind kind, Count value) {
  Step step;
  step.kind = kind;
  step.pod = "db-1";
  step.value = value;
  return step;
}

const std::vector<Mutation>& mutations() {
  using sizing::Plan;
  static const std::vector<Mutation> all = {
      {"raise-primary-first",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         if (seen.effective < plan.max_connections)
           seen.standbys[0].effective = seen.standbys[0].mounted = plan.max_connections;
         return next_step(seen, plan, rules, history, now);
       }},
      {"lower-standby-first",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         const Standby& standby = seen.standbys[0];
         if (seen.database_up && standby.up && standby.effective > plan.max_connections &&
             seen.effective > plan.max_connections)
           return on_standby(standby.pinned == plan.max_connections ? StepKind::RestartStandby
                                                                   : StepKind::PinStandby,
                             plan.max_connections);
         return next_step(seen, plan, rules, history, now);
       }},
      {"lower-before-replay",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         seen.standbys[0].caught_up = true;
         seen.standbys[0].restartpoint = true;
         return next_step(seen, plan, rules, history, now);
       }},
      {"lower-without-restartpoint",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         seen.standbys[0].restartpoint = true;
         return next_step(seen, plan, rules, history, now);
       }},
      {"file-first",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         if (seen.database_up && seen.file != plan.max_connections)
           return on_standby(StepKind::WriteFile, plan.max_connections);
         return next_step(seen, plan, rules, history, now);
       }},
      {"reset-before-mounts",
       [](Observation seen, const Plan& plan, const Rules& rules, const History& history, Time now) {
         if (seen.file == seen.effective) seen.mounted = seen.standbys[0].mounted = seen.file;
         return next_step(seen, plan, rules, history, now);
       }},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return Checker(next_step).run();
  if (argc != 3 || std::strcmp(argv[1], "--mutation") != 0) return 2;
  for (const Mutation& mutation : mutations())
    if (std::strcmp(mutation.name, argv[2]) == 0) return Checker(mutation.decide).run();
  std::fprintf(stderr, "no mutation %s\n", argv[2]);
  return 2;
}
