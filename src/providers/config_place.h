// The user's ConfigMap as the place that holds max_connections: read, and one line of it changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/postgres/config_file.h"

namespace pgrightsizer::providers {

struct ConfigPlace {
  std::string resource_version;
  std::string text;
  postgres::ConfigFile file;
  std::optional<WallTime> changed;  // last write by anybody, from managedFields
};

[[nodiscard]] Result<ConfigPlace> read_config_place(kube::Client& client, const kube::Ref& ref,
                                                    const std::string& key);

// Changes the one line if `place` is still what the server holds, and `place` with it.
[[nodiscard]] Result<void> write_config_place(kube::Client& client, const kube::Ref& ref,
                                              const std::string& key, std::int64_t value,
                                              ConfigPlace& place);

}  // namespace pgrightsizer::providers
