#include <algorithm>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::sizing {

namespace {

// Idle backends after catalog-heavy queries were measured at 4.1 to 5.5 MB each, a slot of shared
// memory at 50 kB. What sorts and hashes take on top is what the remaining 15 % are for.
constexpr Count kBackendBytes = 5'000'000;
constexpr Count kSlotBytes = 50'000;
constexpr Count kUsablePercent = 85;

Count usable_bytes(const Memory& memory) { return memory.limit_bytes / 100 * kUsablePercent; }

std::string gigabytes(Count bytes) {
  const Count tenths = (bytes + 50'000'000) / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

}  // namespace

Count predicted_bytes(const Memory& memory, Count max_connections) {
  const Count slots = saturating_multiply(std::max(Count{0}, max_connections), kSlotBytes) -
                      saturating_multiply(std::max(Count{0}, memory.max_connections), kSlotBytes);
  return std::max(Count{0}, memory.shared_bytes + slots) +
         std::max(Count{0}, max_connections) * kBackendBytes;
}

Count memory_ceiling(const Memory& memory) {
  const Count fixed = memory.shared_bytes - memory.max_connections * kSlotBytes;
  const Count fitting = (usable_bytes(memory) - fixed) / (kSlotBytes + kBackendBytes);
  return std::max(fitting, memory.max_connections);
}

std::string memory_text(const Memory& memory, Count max_connections) {
  return std::to_string(max_connections) + " connections need " +
         gigabytes(predicted_bytes(memory, max_connections)) + ", more than " +
         std::to_string(kUsablePercent) + " % of the container's " +
         gigabytes(memory.limit_bytes) + ": at most " + std::to_string(memory_ceiling(memory)) +
         " fit";
}

Count ceiling_of(const Settings& settings) {
  const Count asked = std::min(settings.max_connections, kMaxConnectionsCeiling);
  return settings.memory ? std::min(asked, memory_ceiling(*settings.memory)) : asked;
}

}  // namespace pgrightsizer::sizing
