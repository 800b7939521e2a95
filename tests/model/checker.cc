#include "checker.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::model {

namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;

using transition::History;
using transition::Observation;
using transition::Rules;
using transition::StepKind;

bool acts(const Step& step) { return step.kind != StepKind::None && step.kind != StepKind::Wait; }

std::uint64_t mixed(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ULL;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBULL;
  return word ^ (word >> 31);
}

std::uint64_t hash_of(const Packed& packed) { return mixed(packed.low + 3 * mixed(packed.high)); }

std::string text_of(const Step& step) {
  return std::string("OPERATOR ") + to_string(step.kind) + ": " + step.reason;
}

}  // namespace

// One instance holds 3 connections; tiers at 4 and 6 instances with pools of 6 and 14. Real
// constants (10 for others, caps of at least 2) stay as they are: they only shift the figures.
sizing::Plan plan_for(int instances, const Scale& scale) {
  sizing::Plan plan;
  plan.instances = instances;
  plan.demand = instances * scale.connections;
  plan.tier = instances >= 6 ? 2 : instances >= 4 ? 1 : 0;
  plan.route = plan.tier > 0 ? Route::Pooler : Route::Direct;
  plan.pool_size = plan.tier == 2 ? 14 : plan.tier == 1 ? 6 : 0;
  plan.max_connections = (plan.tier > 0 ? plan.pool_size : plan.demand) + scale.buffer;
  return plan;
}

const Values& max_connections_values() {
  static const Values values = {20, 26, 23, 31};
  return values;
}

Checker::Checker(Scale scale, Scenario scenario, Decide decide)
    : scale_(scale), scenario_(std::move(scenario)), decide_(std::move(decide)) {
  table_.assign(std::size_t{1} << 20, 0);
}

std::uint32_t Checker::label_of(const std::string& text) {
  const auto [position, fresh] =
      label_index_.emplace(text, static_cast<std::uint32_t>(labels_.size()));
  if (fresh) labels_.push_back(text);
  return position->second;
}

void Checker::grow_table() {
  table_.assign(table_.size() * 2, 0);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    std::size_t slot = hash_of(states_[i]) & (table_.size() - 1);
    while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<std::uint32_t>(i) + 1;
  }
}

std::uint32_t Checker::intern(const Packed& packed, bool& fresh) {
  if (states_.size() * 2 > table_.size()) grow_table();
  std::size_t slot = hash_of(packed) & (table_.size() - 1);
  while (table_[slot] != 0) {
    if (states_[table_[slot] - 1] == packed) {
      fresh = false;
      return table_[slot] - 1;
    }
    slot = (slot + 1) & (table_.size() - 1);
  }
  fresh = true;
  states_.push_back(packed);
  table_[slot] = static_cast<std::uint32_t>(states_.size());
  return static_cast<std::uint32_t>(states_.size() - 1);
}

void Checker::reach(std::uint32_t from, const std::string& label, const World& world) {
  ++findings_.transitions;
  bool fresh = false;
  current_ = intern(pack(world, max_connections_values()), fresh);
  if (!fresh) return;
  origins_.push_back({from, label_of(label)});
  operators_.push_back(kNone);
}

void Checker::violate(const std::string& what, std::uint32_t at, const std::string& last_step) {
  if (!findings_.violation.empty()) return;
  findings_.violation = what;
  std::vector<std::string> trace;
  for (std::uint32_t i = at; i != kNone; i = origins_[i].parent) {
    const World world = unpack(states_[i], max_connections_values());
    trace.push_back("  " + labels_[origins_[i].label] + "\n      " + describe(world));
  }
  std::reverse(trace.begin(), trace.end());
  trace.push_back("  " + last_step);
  findings_.trace = std::move(trace);
}

void Checker::start() {
  // At rest with each number of instances, brought there by the right operator.
  for (const int instances : scenario_.instance_counts) {
    World world;
    world.effective = world.requested = 20;
    const auto settle = [&] {
      for (int i = 0; i < 1000; ++i) {
        while (world.busy()) proceed(world);
        const Step step =
            transition::next_step(observe(world, scale_), plan_for(world.instances, scale_),
                                  rules_of(scale_), history_of(world), model_now());
        if (acts(step)) {
          begin(world, step);
        } else if (!calm_down(world, scale_)) {
          return;
        }
      }
    };
    settle();
    world.instances = instances;
    settle();
    world.budget = scenario_.budget;
    world.sort_pods();
    reach(kNone, "at rest", world);
  }
}

// What must hold whatever else is true: a step that loses sight of somebody is wrong by itself.
void Checker::check_step(const World& world, const Step& step) {
  if (step.kind == StepKind::RemovePooler && (world.clients || world.route == Route::Pooler)) {
    violate("the pooler is removed under its clients", current_, text_of(step));
  }
  const bool served = std::any_of(world.pods.begin(), world.pods.begin() + world.pod_count,
                                  [](const Pod& pod) { return pod.ready && !pod.terminating; });
  const bool unpaused = std::any_of(
      world.pods.begin(), world.pods.begin() + world.pod_count,
      [](const Pod& pod) { return pod.ready && !pod.terminating && !pod.paused; });
  if (step.kind == StepKind::Restart && world.server == Server::Up &&
      world.route == Route::Pooler && unpaused) {
    violate("PostgreSQL is restarted under clients that are not paused", current_, text_of(step));
  }
  if (step.kind == StepKind::SwitchToPooler && !served) {
    violate("traffic is sent to poolers that do not serve", current_, text_of(step));
  }
  if (step.kind == StepKind::PatchMaxConnections && step.value == world.rejected) {
    violate("a value that failed to start is tried again", current_, text_of(step));
  }
}

void Checker::check_effect(const World& before, const World& after, const Step& step) {
  if (before.server != Server::Up) return;
  const int was = std::max(0, excess_at(before, scale_, before.effective));
  const int is = excess_at(after, scale_, after.effective);
  if (is > was) {
    violate("excess rises from " + std::to_string(was) + " to " + std::to_string(is), current_,
            text_of(step) + "\n      " + describe(after));
  }
  // From the moment it is requested a smaller value may come into force by any accident.
  const bool requested = after.requested < before.requested && after.requested < after.effective;
  const bool deleted = after.server == Server::Down && before.requested < before.effective;
  if (!requested && !deleted) return;
  const int then = excess_at(before, scale_, after.requested);
  if (then > was) {
    violate("a server of " + std::to_string(after.requested) + " cuts off " + std::to_string(then),
            current_, text_of(step) + "\n      " + describe(after));
  }
}

void Checker::operator_moves(std::uint32_t index, const World& world) {
  if (world.busy()) {
    World next = world;
    proceed(next);
    Step rest;
    rest.reason = "the rest of the step";
    current_ = index;
    check_effect(world, next, rest);
    reach(index, "OPERATOR the rest of the step", next);
    operators_[index] = current_;
    return;
  }
  const Observation seen = observe(world, scale_);
  const sizing::Plan plan = plan_for(world.instances, scale_);
  const History history = history_of(world);
  Rules rules = rules_of(scale_);
  // Auto, Auto while a person asks (as Immediate would), and Manual cover what policies allow.
  for (int variant = 0; variant < 3; ++variant) {
    rules.restart =
        variant == 2 ? transition::RestartPolicy::Manual : transition::RestartPolicy::Auto;
    rules.restart_now = variant == 1 ? std::optional(model_now()) : std::nullopt;
    const Step step = decide_(seen, plan, rules, history, model_now());
    if (!acts(step)) continue;
    ++findings_.steps[to_string(step.kind)];
    World next = world;
    begin(next, step);
    current_ = index;
    check_step(world, step);
    check_effect(world, next, step);
    if (next == world) continue;
    reach(index, text_of(step), next);
    if (variant == 0) operators_[index] = current_;
  }
}

void Checker::expand(std::uint32_t index) {
  const World world = unpack(states_[index], max_connections_values());
  operator_moves(index, world);
  const int was = world.server == Server::Up ? excess_at(world, scale_, world.effective) : 0;
  for_each_event(world, scale_, scenario_.instance_counts,
                 [&](const char* name, const World& next) {
                   const bool replaced = next.budget.replacements < world.budget.replacements;
                   if (replaced && excess_at(next, scale_, next.effective) > std::max(0, was)) {
                     ++findings_.tight_replacements;
                   }
                   reach(index, name, next);
                 });
}

// In a quiet world the operator comes to an end: its own moves never lead in a circle.
void Checker::find_livelock() {
  std::vector<std::uint8_t> seen(states_.size(), 0);  // 1: on the present path, 2: comes to rest
  std::vector<std::uint32_t> path;
  for (std::uint32_t i = 0; i < states_.size() && findings_.violation.empty(); ++i) {
    path.clear();
    std::uint32_t at = i;
    while (at != kNone && seen[at] == 0) {
      seen[at] = 1;
      path.push_back(at);
      at = operators_[at];
    }
    if (at != kNone && seen[at] == 1) {
      violate("the operator goes in circles", at, "…");
    }
    for (const std::uint32_t visited : path) seen[visited] = 2;
  }
}

Findings Checker::run() {
  start();
  for (std::uint32_t i = 0; i < states_.size() && findings_.violation.empty(); ++i) expand(i);
  if (findings_.violation.empty()) find_livelock();
  findings_.states = states_.size();
  return std::move(findings_);
}

}  // namespace pgrightsizer::model
