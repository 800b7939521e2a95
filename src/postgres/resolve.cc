#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace pgrightsizer::postgres {
namespace {

struct Answer {
  std::mutex mutex;
  std::condition_variable done;
  bool ready = false;
  int error = 0;
  std::vector<std::string> addresses;
};

std::vector<std::string> addresses_of(const addrinfo* list) {
  std::vector<std::string> found;
  for (; list; list = list->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0 &&
        std::find(found.begin(), found.end(), text.data()) == found.end())
      found.emplace_back(text.data());
  }
  return found;
}

void look_up(const std::string& host, Answer& answer) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  auto addresses = error == 0 ? addresses_of(list) : std::vector<std::string>{};
  if (error == 0) freeaddrinfo(list);
  const std::lock_guard lock(answer.mutex);
  answer.error = error;
  answer.addresses = std::move(addresses);
  answer.ready = true;
  answer.done.notify_all();
}

}  // namespace

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

Result<std::vector<std::string>> resolve(const std::string& host,
                                         std::chrono::milliseconds deadline) {
  const auto answer = std::make_shared<Answer>();
  // Nothing can interrupt getaddrinfo; a look-up that is too late ends by the resolver's own limits
  // and writes to an answer that nobody reads.
  std::thread([answer, host] { look_up(host, *answer); }).detach();
  std::unique_lock lock(answer->mutex);
  if (!answer->done.wait_for(lock, deadline, [&] { return answer->ready; }))
    return fail(ErrorKind::Timeout, "its name did not resolve in time", host);
  if (answer->error != 0 || answer->addresses.empty())
    return fail(ErrorKind::Unavailable,
                std::string("its name does not resolve: ") + gai_strerror(answer->error), host);
  return answer->addresses;
}

}  // namespace pgrightsizer::postgres
