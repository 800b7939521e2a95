#include "app/timeline.h"

#include <algorithm>

namespace pgrightsizer::app {

Timeline::Second& Timeline::at(std::int64_t epoch_s) {
  if (first_s_ == 0) first_s_ = epoch_s;
  Second& second = ring_[static_cast<std::size_t>(epoch_s) % kSeconds];
  if (second.epoch_s != epoch_s) second = Second{.epoch_s = epoch_s};
  return second;
}

std::vector<Timeline::Second> Timeline::between(std::int64_t from_s, std::int64_t to_s) const {
  std::vector<Second> part;
  if (first_s_ == 0) return part;
  const std::int64_t oldest = to_s - static_cast<std::int64_t>(kSeconds) + 1;
  for (std::int64_t s = std::max({from_s, first_s_, oldest}); s <= to_s; ++s) {
    const Second& second = ring_[static_cast<std::size_t>(s) % kSeconds];
    part.push_back(second.epoch_s == s ? second : Second{.epoch_s = s});
  }
  return part;
}

}  // namespace pgrightsizer::app
