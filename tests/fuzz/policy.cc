// A ConnectionPolicy as somebody wrote it, and its status as somebody may have changed it.
#include <nlohmann/json.hpp>

#include "pgrightsizer/api/connection_policy.h"

using namespace pgrightsizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto object = nlohmann::json::parse(data, data + size, nullptr, false);
  if (object.is_discarded()) return 0;
  const auto policy = api::parse(object);
  const auto metadata = policy ? *policy : api::parse_metadata(object);
  static_cast<void>(api::status_patch(metadata.status, metadata.status));
  return 0;
}
