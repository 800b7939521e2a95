#include "app/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <memory>

namespace pgrightsizer::app {

const std::string& Resolver::address(TimePoint now) {
  if (host_.starts_with('/')) return address_;
  if (now >= valid_until_) {
    look_up();
    valid_until_ = now + std::chrono::seconds(1);
  }
  return address_;
}

void Resolver::look_up() {
  address_.clear();
  error_.clear();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int rc = getaddrinfo(host_.c_str(), nullptr, &hints, &list); rc != 0) {
    error_ = "could not translate host name \"" + host_ + "\": " + gai_strerror(rc);
    return;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  const addrinfo* chosen = list;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      chosen = a;
      break;
    }
  }
  std::array<char, NI_MAXHOST> text{};
  getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text.data(), text.size(), nullptr, 0,
              NI_NUMERICHOST);
  address_ = text.data();
}

}  // namespace pgrightsizer::app
