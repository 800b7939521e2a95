#include <algorithm>
#include <cstdlib>

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
  const auto& tiers = settings.tiers;
  if (tiers.empty() || pool_size <= 0) return 0;
  const auto pool_of = [&](const Tier& tier) {
    return pool_within_ceiling(settings, tier.pool_size);
  };
  if (settings.provision == Provision::Always && pool_size < pool_of(tiers.front())) return 0;
  const auto away = [&](const Tier& tier) { return std::abs(pool_size - pool_of(tier)); };
  const auto nearest = std::min_element(
      tiers.begin(), tiers.end(), [&](const Tier& a, const Tier& b) { return away(a) < away(b); });
  return static_cast<int>(nearest - tiers.begin()) + 1;
}

}  // namespace pgrightsizer::sizing
