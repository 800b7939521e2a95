// Whether a server takes sessions, asked without logging in.
#pragma once

#include <chrono>
#include <string>

namespace pgrightsizer::postgres {

// A server that is full or refuses the login accepts, too; one that starts or stops does not, nor does
// one whose name is not resolved in time.
[[nodiscard]] bool accepts(const std::string& host, int port, std::chrono::seconds deadline);

}  // namespace pgrightsizer::postgres
