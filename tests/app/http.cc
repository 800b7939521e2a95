#include "app/http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace pgrightsizer::app {
namespace {

constexpr std::size_t kMostClients = 16;
constexpr std::size_t kLongestRequest = 4096;
constexpr Duration kPatience = std::chrono::seconds(5);

int bind_listener(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (getaddrinfo(host.c_str(), service.c_str(), &hints, &found) != 0) {
    throw std::runtime_error("not an address to listen on: " + host);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 32) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) close(fd);
    throw std::runtime_error("cannot listen on " + host + ":" + service + ": " + why);
  }
  return fd;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);  // same place in sockaddr_in6
  return ntohs(v4->sin_port);
}

}  // namespace

HttpServer::HttpServer(const std::string& host, std::uint16_t port, Handler handler)
    : handler_(std::move(handler)),
      listener_(bind_listener(host, port)),
      port_(bound_port(listener_)) {}

HttpServer::~HttpServer() {
  for (const Client& client : clients_) close(client.fd);
  close(listener_);
}

void HttpServer::wanted(std::vector<pollfd>& fds) {
  listening_ = clients_.size() < kMostClients;
  listener_place_ = fds.size();
  if (listening_) fds.push_back({.fd = listener_, .events = POLLIN, .revents = 0});
  for (Client& client : clients_) {
    client.place = fds.size();
    const short events = client.answer.empty() ? POLLIN : POLLOUT;
    fds.push_back({.fd = client.fd, .events = events, .revents = 0});
  }
}

void HttpServer::handle(const std::vector<pollfd>& fds, TimePoint now) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    const bool ready = fds[client->place].revents != 0;
    if ((ready && !serve(*client)) || client->deadline <= now) {
      close(client->fd);
      client = clients_.erase(client);
    } else {
      ++client;
    }
  }
  // Last: a client accepted now has no place in `fds` yet.
  if (listening_ && fds[listener_place_].revents != 0) accept_client(now);
}

TimePoint HttpServer::next_wakeup() const {
  TimePoint next = kNever;
  for (const Client& client : clients_) next = std::min(next, client.deadline);
  return next;
}

void HttpServer::accept_client(TimePoint now) {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  clients_.push_back({.fd = fd, .deadline = now + kPatience, .request = {}, .answer = {}});
}

bool HttpServer::serve(Client& client) {
  if (client.answer.empty()) {
    if (!read_request(client)) return false;
    if (client.answer.empty()) return true;
  }
  const ssize_t n = send(client.fd, client.answer.data() + client.sent,
                         client.answer.size() - client.sent, MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN;
  client.sent += static_cast<std::size_t>(n);
  return client.sent < client.answer.size();
}

bool HttpServer::read_request(Client& client) {
  std::array<char, kLongestRequest> chunk;
  const ssize_t n = recv(client.fd, chunk.data(), chunk.size(), 0);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  client.request.append(chunk.data(), static_cast<std::size_t>(n));
  if (client.request.find("\r\n\r\n") != std::string::npos) make_answer(client);
  return client.request.size() <= kLongestRequest;
}

void HttpServer::make_answer(Client& client) {
  const std::string line = client.request.substr(0, client.request.find("\r\n"));
  HttpAnswer answer{.status = 405, .body = R"({"error":"only GET"})"};
  if (line.starts_with("GET ")) {
    const std::string target = line.substr(4, line.find(' ', 4) - 4);
    const auto mark = target.find('?');
    const std::string query = mark == std::string::npos ? "" : target.substr(mark + 1);
    answer = handler_(target.substr(0, mark), query);
  }
  client.answer = "HTTP/1.1 " + std::to_string(answer.status) +
                  (answer.status == 200 ? " OK" : " Error") +
                  "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                  std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
}

}  // namespace pgrightsizer::app
