#include "pgrightsizer/telemetry/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <utility>

#include "telemetry/pages.h"

namespace pgrightsizer::telemetry {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr milliseconds kPatience{10'000};

// A socket to the server, with a deadline for everything.
class Peer {
 public:
  explicit Peer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  Peer(Peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
  Peer(const Peer&) = delete;
  ~Peer() {
    if (socket_ >= 0) ::close(socket_);
  }

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(const std::string& text) {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // Until the other side closes; nullopt when it does not within the deadline.
  std::optional<std::string> read_to_end() { return read([](const std::string&) { return false; }); }
  // Until that text has come.
  std::optional<std::string> read_until(const std::string& end) {
    return read([&](const std::string& all) { return all.find(end) != std::string::npos; });
  }

 private:
  template <class Done>
  std::optional<std::string> read(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string all;
    while (!done(all)) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd wait{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
      char buffer[4096];
      const auto got = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (got <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }

  int socket_;
  bool connected_ = false;
};

class ServerTest : public testing::Test {
 protected:
  void start() {
    ServerContent content;
    content.health = {{"alive", [] { return std::string(); }}};
    content.ready = {{"list-of-pods", [this] { return trouble_; }}};
    content.metrics = [] { return std::string("shop_carts 1\n"); };
    content.log_level = [this] { return level_.load(); };
    content.set_log_level = [this](LogLevel level) { level_ = level; };
    options_.port = 0;
    auto server = start_server(options_, std::move(content), logger_);
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
  }
  std::string ask(const std::string& request) {
    Peer peer(server_->port());
    if (!peer.send(request)) return "cannot send";
    return peer.read_to_end().value_or("no end");
  }
  std::string get(const std::string& path) {
    return ask("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }

  NullLogger logger_;
  ServerOptions options_{.address = "127.0.0.1"};
  std::string trouble_;
  std::atomic<LogLevel> level_{LogLevel::Info};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, ProbesAnswerOk) {
  start();
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/readyz?verbose"), HasSubstr("\r\n\r\nok list-of-pods\nok\n"));
}

TEST_F(ServerTest, AFailedCheckIsNamed) {
  trouble_ = "forbidden; grant list on pods";
  start();
  const auto answer = get("/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, HasSubstr("failed list-of-pods: forbidden; grant list on pods\n"));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, MetricsHaveTheirContentType) {
  start();
  const auto answer = get("/metrics");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nshop_carts 1\n"));
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  const auto answer = ask("HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("shop_carts")));
}

TEST_F(ServerTest, AConnectionServesMoreThanOneRequest) {
  start();
  Peer peer(server_->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(peer.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(peer.read_until("\r\n\r\nok\n")) << i;
  }
}

TEST_F(ServerTest, OtherPathsAndMethodsAreRefused) {
  start();
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("DELETE /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(ServerTest, TheLogLevelIsReadAndSet) {
  start();
  EXPECT_THAT(get("/log-level"), HasSubstr("\r\n\r\ninfo\n"));
  const std::string put = "PUT /log-level HTTP/1.1\r\nConnection: close\r\nContent-Length: ";
  EXPECT_THAT(ask(put + "5\r\n\r\ndebug"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(level_, LogLevel::Debug);
  EXPECT_THAT(ask(put + "4\r\n\r\nloud"), HasSubstr("the body is one of debug, info, warning, error"));
  EXPECT_EQ(level_, LogLevel::Debug);
}

TEST_F(ServerTest, TheLogLevelIsSetOverIPv4WhereIPv6IsListenedOn) {
  const int probe = ::socket(AF_INET6, SOCK_STREAM, 0);
  if (probe < 0) GTEST_SKIP() << "no IPv6 here";
  ::close(probe);
  options_.address = "::";
  start();
  EXPECT_THAT(ask("PUT /log-level HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\ndebug"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(level_, LogLevel::Debug);
}

TEST(PagesTest, TheLogLevelIsNotSetFromElsewhere) {
  ServerContent content;
  content.set_log_level = [](LogLevel) { FAIL(); };
  HttpRequest request(boost::beast::http::verb::put, "/log-level", 11, "debug");
  EXPECT_EQ(answer(content, request, false).result_int(), 403U);
}

TEST(PagesTest, WhatThrowsIsAnError) {
  ServerContent content;
  content.metrics = []() -> std::string { throw std::runtime_error("out of ink"); };
  const HttpRequest request(boost::beast::http::verb::get, "/metrics", 11);
  const auto response = answer(content, request, true);
  EXPECT_EQ(response.result_int(), 500U);
  EXPECT_EQ(response.body(), "out of ink\n");
}

// ── Hostile peers ───────────────────────────────────────────────────────────────────────────────

TEST_F(ServerTest, AHalfRequestIsCutOff) {
  options_.request_timeout = milliseconds(100);
  start();
  Peer peer(server_->port());
  ASSERT_TRUE(peer.send("GET /healthz HT"));
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(ServerTest, ASilentPeerIsCutOff) {
  options_.request_timeout = milliseconds(100);
  start();
  Peer peer(server_->port());
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(ServerTest, AnIdleConnectionIsCutOff) {
  options_.idle_timeout = milliseconds(100);
  start();
  Peer peer(server_->port());
  ASSERT_TRUE(peer.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(peer.read_to_end().value_or("no end"), HasSubstr("\r\n\r\nok\n"));
}

TEST_F(ServerTest, EndlessHeadersAreCutOff) {
  start();
  Peer peer(server_->port());
  peer.send("GET /healthz HTTP/1.1\r\n");
  const std::string line = "X-Filler: " + std::string(1000, 'x') + "\r\n";
  for (int i = 0; i < 64 && peer.send(line); ++i) {
  }
  EXPECT_TRUE(peer.read_to_end().has_value());
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ABodyThatIsTooLongIsCutOff) {
  start();
  EXPECT_THAT(ask("PUT /log-level HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\ndebug"), Not(HasSubstr(" 200 ")));
  EXPECT_EQ(level_, LogLevel::Info);
}

TEST_F(ServerTest, BadChunksAreCutOff) {
  start();
  EXPECT_THAT(ask("PUT /log-level HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\ndebug\r\n0\r\n\r\n"),
              Not(HasSubstr(" 200 ")));
  EXPECT_THAT(ask("\x16\x03\x01\x02garbage\r\n\r\n"), Not(HasSubstr(" 200 ")));
  EXPECT_EQ(level_, LogLevel::Info);
}

TEST_F(ServerTest, WhoeverHoldsAllConnectionsDoesNotHoldOffAProbe) {
  options_.max_connections = 8;
  options_.request_timeout = 6 * kPatience;  // not that which makes room
  start();
  std::vector<Peer> crowd;
  for (int i = 0; i < 100; ++i) {
    crowd.emplace_back(server_->port());
    ASSERT_TRUE(crowd.back().connected()) << i;
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(crowd.front().read_to_end(), "") << "the one silent for the longest time makes room";
}

TEST_F(ServerTest, APortThatIsTakenIsAnError) {
  start();
  ServerOptions same = options_;
  same.port = server_->port();
  const auto second = start_server(same, {}, logger_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("cannot listen on 127.0.0.1:"));
  EXPECT_THAT(second.error().message(), HasSubstr("--metrics-address"));
  same.address = "nowhere";
  EXPECT_FALSE(start_server(same, {}, logger_));
}

TEST_F(ServerTest, EndsWhileConnectionsAreOpen) {
  start();
  Peer silent(server_->port());
  Peer busy(server_->port());
  ASSERT_TRUE(busy.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(busy.read_until("\r\n\r\nok\n"));
  server_.reset();
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(busy.read_to_end(), "");
}

}  // namespace
}  // namespace pgrightsizer::telemetry
