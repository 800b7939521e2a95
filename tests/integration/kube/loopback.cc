#include "integration/kube/loopback.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace pgrightsizer {
namespace {

int listen_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 64) != 0) {
    ::close(fd);
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// Copies what is there to read; false at the end of either side.
bool copy_some(int from, int to) {
  std::array<char, 16384> buffer;
  const auto count = ::recv(from, buffer.data(), buffer.size(), 0);
  return count > 0 && Socket(to).send({buffer.data(), static_cast<std::size_t>(count)});
}

int connect_to(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int failed = ::connect(fd, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  if (failed == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

bool Socket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string Socket::read_head() const {
  std::string head;
  char c = 0;
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (::recv(fd_, &c, 1, 0) <= 0) return {};
    head += c;
  }
  return head;
}

std::string Socket::read(std::size_t count) const {
  std::string bytes(count, '\0');
  const auto got = ::recv(fd_, bytes.data(), count, MSG_WAITALL);
  return got == static_cast<ssize_t>(count) ? bytes : std::string();
}

bool Socket::closed_by_peer() const {
  std::array<char, 4096> buffer;
  while (::recv(fd_, buffer.data(), buffer.size(), 0) > 0) {
  }
  return true;
}

LoopbackServer::LoopbackServer(Serve serve, int port)
    : serve_(std::move(serve)), listener_(listen_on(port)), port_(port_of(listener_)) {
  acceptor_ = std::thread([this] { accept_loop(); });
}

LoopbackServer::~LoopbackServer() { stop(); }

void LoopbackServer::accept_loop() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::scoped_lock lock(mutex_);
    if (stopping_) {
      ::close(fd);
      return;
    }
    ++accepted_;
    open_.insert(fd);
    threads_.emplace_back([this, fd] {
      serve_(Socket(fd));
      std::scoped_lock close_lock(mutex_);
      open_.erase(fd);
      ::close(fd);
    });
  }
}

void LoopbackServer::cut_all() {
  std::scoped_lock lock(mutex_);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

void LoopbackServer::stop() {
  if (stopping_.exchange(true)) return;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  cut_all();
  for (auto& thread : threads_) thread.join();
}

LoopbackServer::Serve forward_to(const std::string& host, const std::string& port) {
  return [host, port](const Socket& client) {
    const int server = connect_to(host, port);
    if (server < 0) return;
    std::array<pollfd, 2> watched{{{client.fd(), POLLIN, 0}, {server, POLLIN, 0}}};
    while (::poll(watched.data(), watched.size(), -1) > 0) {
      if (watched[0].revents != 0 && !copy_some(client.fd(), server)) break;
      if (watched[1].revents != 0 && !copy_some(server, client.fd())) break;
    }
    ::close(server);
  };
}

}  // namespace pgrightsizer
