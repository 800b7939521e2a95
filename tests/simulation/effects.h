// What surrounds each effect of the operator: chance, and the check of the invariant.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pgrightsizer/base/error.h"
#include "world.h"

namespace pgrightsizer::simulation {

// A request that never arrived; nullopt: all is well.
[[nodiscard]] std::optional<Error> maybe_fail(World& world, const char* what);

// Does the effect unless it is lost on the way; the answer may be lost, or the operator die, before or
// after it. An Error is what the operator sees of a loss.
[[nodiscard]] std::optional<Error> with_faults(World& world, const char* what, const std::function<void()>& effect);

// Charges what happens in its life to the operator: the excess must not rise, and a smaller server that
// is on its way must hold everybody.
class Charge {
 public:
  Charge(World& world, std::string what);
  ~Charge();
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

 private:
  World& world_;
  const std::string what_;
  const bool up_;
  const int before_;
  const int requested_;
  const bool deleting_;
};

}  // namespace pgrightsizer::simulation
