// Visits every state that a scenario can reach, with every interleaving of the operator's effects
// and the world's events, and checks each effect of the operator.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "events.h"
#include "mutations.h"
#include "packing.h"
#include "world.h"

namespace pgrightsizer::model {

struct Scenario {
  std::string name;
  Budget budget;
  std::vector<int> instance_counts = {1, 3, 4, 6};
};

// What the operator should bring about for a number of instances: the tiers, scaled down.
[[nodiscard]] sizing::Plan plan_for(int instances, const Scale& scale);
[[nodiscard]] const Values& max_connections_values();
[[nodiscard]] const std::vector<Scenario>& scenarios();

struct Findings {
  std::size_t states = 0;
  std::uint64_t transitions = 0;
  std::map<std::string, std::uint64_t> steps;  // by kind
  // Replacements of pooler pods that found no room: the world's doing, told for information.
  std::uint64_t tight_replacements = 0;
  std::string violation;           // empty: none
  std::vector<std::string> trace;  // the shortest way to it
};

class Checker {
 public:
  Checker(Scale scale, Scenario scenario, Decide decide);

  // Stops at the first violation.
  [[nodiscard]] Findings run();

 private:
  struct Origin {
    std::uint32_t parent;
    std::uint32_t label;
  };

  void start();
  void expand(std::uint32_t index);
  void operator_moves(std::uint32_t index, const World& world);
  void check_effect(const World& before, const World& after, const Step& step);
  void check_step(const World& world, const Step& step);
  void reach(std::uint32_t from, const std::string& label, const World& world);
  void find_livelock();
  [[nodiscard]] std::uint32_t label_of(const std::string& text);
  [[nodiscard]] std::uint32_t intern(const Packed& packed, bool& fresh);
  void grow_table();
  void violate(const std::string& what, std::uint32_t at, const std::string& last_step);

  Scale scale_;
  Scenario scenario_;
  Decide decide_;
  Findings findings_;
  std::vector<Packed> states_;
  std::vector<Origin> origins_;
  std::vector<std::uint32_t> table_;      // open addressing: positions in states_, plus one
  std::vector<std::uint32_t> operators_;  // where the operator alone goes from each state
  std::vector<std::string> labels_;
  std::map<std::string, std::uint32_t> label_index_;
  std::uint32_t current_ = 0;
};

}  // namespace pgrightsizer::model
