// Names to addresses within a time limit: libpq itself would block in getaddrinfo for as long as
// the resolver likes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::postgres {

[[nodiscard]] bool is_address(const std::string& host);  // IPv4 or IPv6

// Never empty. Unavailable when the name does not resolve now, Timeout.
[[nodiscard]] Result<std::vector<std::string>> resolve(const std::string& host,
                                                       std::chrono::milliseconds deadline);

}  // namespace pgrightsizer::postgres
