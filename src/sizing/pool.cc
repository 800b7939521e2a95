#include <algorithm>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

Count boot_cap(Count buffer, Count reserved, Count pooler_replicas) {
  const Count spare = buffer - reserved - kOthersFloor;
  return std::max(kMinimumCap, spare / std::max(Count{1}, pooler_replicas));
}

Count pool_share(Count pool_size, Count pods) {
  return std::max(kMinimumCap, pool_size / std::max(Count{1}, pods));
}

Count pool_within_ceiling(const Settings& settings, Count pool_size) {
  const Count smallest = saturating_multiply(kMinimumCap, settings.pooler_replicas);
  return std::max(smallest, std::min(pool_size, ceiling_of(settings) - settings.buffer));
}

int tier_of_pool(const Settings& settings, Count pool_size) {
  for (std::size_t i = 0; i < settings.tiers.size(); ++i) {
    if (pool_size == pool_within_ceiling(settings, settings.tiers[i].pool_size)) {
      return static_cast<int>(i) + 1;
    }
  }
  return 0;
}

}  // namespace pgrightsizer::sizing
