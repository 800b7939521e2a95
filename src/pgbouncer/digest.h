#pragma once

#include <string>

namespace pgrightsizer::pgbouncer {

[[nodiscard]] std::string base64(const std::string& bytes);
// The first 16 hexadecimal digits of the SHA-256.
[[nodiscard]] std::string short_digest(const std::string& bytes);

}  // namespace pgrightsizer::pgbouncer
