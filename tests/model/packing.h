// A world in 16 bytes, so that millions of them can be remembered.
#pragma once

#include <cstdint>
#include <vector>

#include "world.h"

namespace pgrightsizer::model {

struct Packed {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Packed&) const = default;
};

// The values that max_connections takes; their positions are what is stored.
using Values = std::vector<int>;

[[nodiscard]] Packed pack(const World& world, const Values& values);
[[nodiscard]] World unpack(const Packed& packed, const Values& values);

}  // namespace pgrightsizer::model
