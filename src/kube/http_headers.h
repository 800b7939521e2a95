// The two response headers that need more than a look-up.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgrightsizer::kube {

// The texts of a Warning header: `299 - "policy/v1beta1 is deprecated"`, several joined by commas.
[[nodiscard]] std::vector<std::string> parse_warnings(std::string_view header);

// Seconds only: the API server never sends a date.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view header);

}  // namespace pgrightsizer::kube
