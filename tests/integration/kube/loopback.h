// Servers on 127.0.0.1 that misbehave on purpose.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pgrightsizer {

// A connected socket; closed by its owner.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  [[nodiscard]] int fd() const { return fd_; }
  // False when the peer is gone.
  bool send(std::string_view bytes) const;
  // Up to the empty line; empty when the peer has closed.
  [[nodiscard]] std::string read_head() const;
  [[nodiscard]] std::string read(std::size_t count) const;  // empty when the peer closes before
  [[nodiscard]] bool closed_by_peer() const;  // waits until then

 private:
  int fd_;
};

// Accepts on a free port and runs `serve` for each connection on a thread of its own.
// Life: listens from construction to stop() or destruction, which close every connection.
class LoopbackServer {
 public:
  using Serve = std::function<void(const Socket&)>;

  explicit LoopbackServer(Serve serve, int port = 0);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int connections() const { return accepted_; }
  void cut_all();  // resets every open connection, and goes on
  void stop();

 private:
  void accept_loop();

  Serve serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Forwards to host:port; for LoopbackServer.
[[nodiscard]] LoopbackServer::Serve forward_to(const std::string& host, const std::string& port);

// Answers with a fresh self-signed certificate, whatever is asked, but for the first `unanswered` requests;
// then it closes without TLS's goodbye, as a server does that dies. `pem` is to be that certificate.
[[nodiscard]] LoopbackServer::Serve serve_self_signed(std::string* pem = nullptr, int unanswered = 0);
// The same, but 401 to whose certificate is not that of `user`.
[[nodiscard]] LoopbackServer::Serve serve_to(const std::string& user, std::string& pem);
struct Pems {
  std::string certificate;
  std::string key;
};
[[nodiscard]] Pems pems_of_user(const std::string& user);
// Answers whatever is asked with a certificate that `pem` has signed, which a root has signed.
[[nodiscard]] LoopbackServer::Serve serve_below_intermediate(std::string& pem);
// A certificate that signed nothing, as PEM.
[[nodiscard]] std::string unrelated_ca_pem();

}  // namespace pgrightsizer
