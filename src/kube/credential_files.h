#pragma once

#include <string>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::kube {

// The whole file, or an Error about `object` that names it.
[[nodiscard]] Result<std::string> read_credential_file(const std::string& path,
                                                       const std::string& object);

}  // namespace pgrightsizer::kube
