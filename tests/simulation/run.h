// One seed: an operator in a world that goes wrong for a while and then lets it be.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "informers.h"
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
  // Defects of what is around it.
  InformerFlaws informers;
  bool reads_from_cache = false;  // a GET is answered from the cache of the watches
  bool forgets_silently = false;  // a watch from a version that is too old begins where it can
};

[[nodiscard]] Outcome run(std::uint64_t seed, const Settings& settings);

}  // namespace pgrightsizer::simulation
