// One seed: an operator in a world that goes wrong for a while and then lets it be.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/mutations.h"

namespace pgrightsizer::simulation {

struct Outcome {
  std::string violation;  // empty: none
  std::map<std::string, long> steps;
  std::map<std::string, long> faults;
  long restarts = 0;
  double virtual_seconds = 0;
};

struct Settings {
  model::Decide decide;  // empty: the real one
  bool trace = false;    // tell each step on standard output
};

[[nodiscard]] Outcome run(std::uint64_t seed, const Settings& settings);

}  // namespace pgrightsizer::simulation
