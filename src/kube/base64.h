#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgrightsizer::kube {

// RFC 4648 with padding; white space is skipped. nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// On one line.
[[nodiscard]] std::string encode_base64(std::string_view text);

}  // namespace pgrightsizer::kube
