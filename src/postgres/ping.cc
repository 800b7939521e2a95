#include "pgrightsizer/postgres/ping.h"

#include <libpq-fe.h>

#include <array>
#include <future>
#include <thread>

namespace pgrightsizer::postgres {
namespace {

bool ping(const std::string& host, int port, std::chrono::seconds deadline) {
  const auto number = std::to_string(port);
  const auto seconds = std::to_string(deadline.count());
  const std::array<const char*, 5> keywords = {"host", "port", "connect_timeout", "user", nullptr};
  const std::array<const char*, 5> values = {host.c_str(), number.c_str(), seconds.c_str(),
                                             "postgres", nullptr};
  return PQpingParams(keywords.data(), values.data(), 0) == PQPING_OK;
}

}  // namespace

// In a thread of its own: connect_timeout is of each address, and nothing interrupts getaddrinfo. One
// that is too late ends by the resolver's own limits.
bool accepts(const std::string& host, int port, std::chrono::seconds deadline) {
  std::packaged_task<bool()> task([host, port, deadline] { return ping(host, port, deadline); });
  auto answer = task.get_future();
  std::thread(std::move(task)).detach();
  return answer.wait_for(deadline) == std::future_status::ready && answer.get();
}

}  // namespace pgrightsizer::postgres
