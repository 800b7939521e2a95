#include "pgrightsizer/postgres/ping.h"

#include <libpq-fe.h>

#include <array>

namespace pgrightsizer::postgres {

bool accepts(const std::string& host, int port, std::chrono::seconds deadline) {
  const auto number = std::to_string(port);
  const auto seconds = std::to_string(deadline.count());
  const std::array<const char*, 5> keywords = {"host", "port", "connect_timeout", "user", nullptr};
  const std::array<const char*, 5> values = {host.c_str(), number.c_str(), seconds.c_str(),
                                             "postgres", nullptr};
  return PQpingParams(keywords.data(), values.data(), 0) == PQPING_OK;
}

}  // namespace pgrightsizer::postgres
