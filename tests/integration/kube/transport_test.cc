// The transport against servers that are slow, silent, strange or foreign. Needs no API server.
#include "pgrightsizer/kube/transport.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "integration/kube/loopback.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

const ::testing::Environment* const kHttp = [] {
  struct Http : ::testing::Environment {
    void SetUp() override { initialize_http(); }
  };
  return ::testing::AddGlobalTestEnvironment(new Http);
}();

constexpr seconds kEnough{60};  // also on a machine that has other things to do
constexpr const char* kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::unique_ptr<Transport> connect(const std::string& url) {
  Credentials credentials;
  credentials.server = url;
  auto transport = make_transport(credentials);
  EXPECT_TRUE(transport);
  return std::move(*transport);
}

Request get(const std::string& path = "/x") { return {Method::Get, path, {}, {}}; }

TEST(Transport, SendsWhoItIsAndWhatItWants) {
  std::string head;
  LoopbackServer server([&head](const Socket& client) {
    head = client.read_head();
    client.send(answer("200 OK", "{\"a\":1}"));
  });
  const auto response = connect(server.url())->call(get("/api?x=%20y"), kEnough);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "{\"a\":1}");
  EXPECT_EQ(head.rfind("GET /api?x=%20y HTTP/1.1\r\n", 0), 0u) << head;
  EXPECT_NE(head.find("User-Agent:pg-rightsizer/"), std::string::npos) << head;
  EXPECT_NE(head.find("Accept:application/json\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Authorization"), std::string::npos) << head;
}

TEST(Transport, HandsOverStatusRetryAfterAndWarnings) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(
        "HTTP/1.1 429 Busy\r\nRetry-After: 3\r\nWarning: 299 - \"old\"\r\nContent-Length: "
        "2\r\n\r\nno");
  });
  const auto response = connect(server.url())->call(get(), kEnough);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(response->retry_after, seconds(3));
  EXPECT_EQ(response->warnings, std::vector<std::string>{"old"});
}

TEST(Transport, ADrippingServerDoesNotOutliveTheDeadline) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (client.send("x")) std::this_thread::sleep_for(milliseconds(20));
  });
  const auto transport = connect(server.url());
  const auto begin = steady_clock::now();
  const auto response = transport->call(get(), milliseconds(400));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Timeout);
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
}

TEST(Transport, NobodyListens) {
  std::string url;
  {
    LoopbackServer server([](const Socket&) {});
    url = server.url();
  }
  const auto response = connect(url)->call(get(), kEnough);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Unavailable);
}

TEST(Transport, AStreamIsHandedOverAsItComes) {
  std::atomic<bool> first_seen{false};
  LoopbackServer server([&first_seen](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(std::string(kStreamHead) + "4\r\none\n\r\n");
    while (!first_seen) std::this_thread::sleep_for(milliseconds(1));
    client.send("4\r\ntwo\n\r\n0\r\n\r\n");
  });
  std::vector<std::string> pieces;
  const auto end = connect(server.url())
                       ->stream(get(),
                                [&](std::string_view piece) {
                                  pieces.emplace_back(piece);
                                  if (piece == "one\n") first_seen = true;
                                },
                                kEnough, {});
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->status, 200);
  EXPECT_EQ(pieces, (std::vector<std::string>{"", "one\n", "two\n"}));
}

TEST(Transport, ARefusedStreamReturnsItsBody) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(answer("410 Gone", "{\"code\":410}"));
  });
  const auto end =
      connect(server.url())->stream(get(), [](std::string_view) { FAIL(); }, kEnough, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 410);
  EXPECT_EQ(end->body, "{\"code\":410}");
}

TEST(Transport, ASilentStreamIsNoticed) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(std::string(kStreamHead) + "4\r\none\n\r\n");
    static_cast<void>(client.closed_by_peer());
  });
  const auto begin = steady_clock::now();
  const auto end =
      connect(server.url())->stream(get(), [](std::string_view) {}, milliseconds(500), {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::Timeout);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(450));
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
}

TEST(Transport, AStreamThatIsCutOffIsNotAnEnd) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(std::string(kStreamHead) + "4\r\non");
  });
  const auto end = connect(server.url())->stream(get(), [](std::string_view) {}, kEnough, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::Unavailable);
}

TEST(Transport, AStreamIsStoppedAtOnceAndSilentAfterwards) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(kStreamHead);
    while (client.send("1\r\nx\r\n")) std::this_thread::sleep_for(milliseconds(1));
  });
  const auto transport = connect(server.url());
  std::stop_source stop;
  std::atomic<int> pieces{0};
  std::thread stopper([&] {
    while (pieces < 5) std::this_thread::sleep_for(milliseconds(1));
    stop.request_stop();
  });
  const auto end = transport->stream(
      get(), [&](std::string_view) { ++pieces; }, kEnough, stop.get_token());
  const int at_the_end = pieces;
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::Cancelled);
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(pieces, at_the_end);
  stopper.join();
  EXPECT_EQ(transport
                ->stream(
                    get(), [](std::string_view) {}, kEnough, stop.get_token())
                .error()
                .kind,
            ErrorKind::Cancelled);
}

TEST(Transport, AReaderThatThrowsEndsItsStreamOnly) {
  LoopbackServer server([](const Socket& client) {
    while (!client.read_head().empty()) {
      client.send(std::string(kStreamHead) + "1\r\nx\r\n");
      static_cast<void>(client.closed_by_peer());
    }
  });
  const auto transport = connect(server.url());
  const auto end = transport->stream(get(),
                                     [](std::string_view piece) {
                                       if (!piece.empty()) throw std::runtime_error("boom");
                                     },
                                     kEnough, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::Internal);
}

TEST(Transport, AReaderThatThrowsWhenNothingMoreComesIsNotACleanEnd) {
  LoopbackServer server([](const Socket& client) {
    while (!client.read_head().empty()) client.send(answer("200 OK", ""));
  });
  const auto end = connect(server.url())->stream(
      get(), [](std::string_view) { throw std::runtime_error("boom"); }, kEnough, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, ErrorKind::Internal);
}

TEST(Transport, ACallFromWithinAReaderIsRefusedInsteadOfWaitingForEver) {
  LoopbackServer server([](const Socket& client) {
    static_cast<void>(client.read_head());
    client.send(std::string(kStreamHead) + "0\r\n\r\n");
  });
  const auto transport = connect(server.url());
  std::optional<ErrorKind> kind;
  const auto end = transport->stream(
      get(), [&](std::string_view) { kind = transport->call(get(), seconds(1)).error().kind; },
      kEnough, {});
  EXPECT_TRUE(end);
  EXPECT_EQ(kind, ErrorKind::Internal);
}

// Serves one request on each connection, then closes the next one without an answer.
LoopbackServer::Serve close_second(std::atomic<int>& requests) {
  return [&requests](const Socket& client) {
    const std::string head = client.read_head();
    if (head.empty()) return;
    ++requests;
    client.send(answer("200 OK", "{}"));
    if (!client.read_head().empty()) ++requests;
  };
}

TEST(Transport, AReadThatMeetsADeadConnectionIsRepeated) {
  std::atomic<int> requests{0};
  LoopbackServer server(close_second(requests));
  const auto transport = connect(server.url());
  ASSERT_TRUE(transport->call(get(), kEnough));
  const auto second = transport->call(get(), kEnough);
  EXPECT_TRUE(second) << second.error().message();
  EXPECT_EQ(server.connections(), 2);
}

Request patch(bool repeatable) { return {Method::Patch, "/x", "application/json", "{}", repeatable}; }

// Closes the first connection instead of answering.
LoopbackServer::Serve close_first(std::atomic<int>& requests) {
  return [&requests](const Socket& client) {
    if (client.read_head().empty() || client.read(2).empty()) return;
    if (++requests > 1) client.send(answer("200 OK", "{}"));
  };
}

TEST(Transport, AnAnswerThatIsLostOnAFreshConnectionIsAskedForOnceMore) {
  std::atomic<int> requests{0};
  LoopbackServer server(close_first(requests));
  const auto response = connect(server.url())->call(patch(true), kEnough);
  EXPECT_TRUE(response) << response.error().message();
  EXPECT_EQ(requests, 2);
}

TEST(Transport, WhatMustNotBeSentTwiceIsNot) {
  std::atomic<int> requests{0};
  LoopbackServer server(close_first(requests));
  EXPECT_FALSE(connect(server.url())->call(patch(false), kEnough));
  EXPECT_EQ(requests, 1);
}

TEST(Transport, AServerThatDiesWithoutTlssGoodbyeIsAskedOnceMore) {
  std::string pem;
  LoopbackServer server(serve_self_signed(&pem, 1));
  Credentials credentials;
  credentials.server = "https://127.0.0.1:" + std::to_string(server.port());
  credentials.ca_pem = pem;
  const auto transport = make_transport(credentials);
  ASSERT_TRUE(transport);
  const auto response = (*transport)->call(patch(true), kEnough);
  EXPECT_TRUE(response) << response.error().message();
  EXPECT_EQ(server.connections(), 2);
}

// A server behind a load balancer that is gone without a word, with all its connections: the first two fall
// silent after their first answer.
class FallsSilent : public ::testing::Test {
 protected:
  // Makes both at once.
  void fill(const std::function<bool()>& ask) {
    std::thread another([&] { EXPECT_TRUE(ask()); });
    EXPECT_TRUE(ask());
    another.join();
  }

 private:
  std::atomic<int> connections_{0};
  std::atomic<int> asked_{0};
  LoopbackServer server_{[this](const Socket& client) {
    const bool falls_silent = connections_++ < 2;
    while (!client.read_head().empty()) {
      const int number = ++asked_;
      while (falls_silent && asked_ < 2) std::this_thread::sleep_for(milliseconds(1));
      if (falls_silent && number > 2) static_cast<void>(client.closed_by_peer());
      client.send(answer("200 OK", "{}"));
    }
  }};

 protected:
  const std::unique_ptr<Transport> transport_ = connect(server_.url());
};

TEST_F(FallsSilent, ACallTakesTheConnectionsBesideItAlong) {
  const auto call = [this](milliseconds deadline) { return transport_->call(get(), deadline); };
  fill([&] { return call(kEnough).has_value(); });
  const auto silent = call(milliseconds(300));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, ErrorKind::Timeout);
  const auto next = call(kEnough);
  EXPECT_TRUE(next) << next.error().message();
}

TEST_F(FallsSilent, AStreamTakesTheConnectionsBesideItAlong) {
  const auto stream = [this] { return transport_->stream(get(), [](std::string_view) {}, milliseconds(1'000), {}); };
  fill([&] { return stream().has_value(); });
  const auto silent = stream();
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, ErrorKind::Timeout);
  const auto next = stream();
  EXPECT_TRUE(next) << next.error().message();
}

TEST(Transport, ConnectionsAreUsedAgain) {
  LoopbackServer server([](const Socket& client) {
    while (!client.read_head().empty()) client.send(answer("200 OK", "{}"));
  });
  const auto transport = connect(server.url());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(transport->call(get(), kEnough));
  EXPECT_LE(server.connections(), 2);
}

TEST(Transport, AtMostEightCallsAreUnderWay) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  LoopbackServer server([&](const Socket& client) {
    while (!client.read_head().empty()) {
      const int now = ++inside;
      int seen = most;
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::sleep_for(milliseconds(20));
      --inside;
      client.send(answer("200 OK", "{}"));
    }
  });
  const auto transport = connect(server.url());
  std::vector<std::thread> callers;
  std::atomic<int> done{0};
  for (int i = 0; i < 24; ++i) {
    callers.emplace_back([&] { done += transport->call(get(), kEnough).has_value() ? 1 : 0; });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(done, 24);
  EXPECT_LE(most, 8);
  EXPECT_GT(most, 1);
}

TEST(Transport, ATokenFileIsReadAgainAfterARefusal) {
  const auto path =
      std::filesystem::temp_directory_path() / ("token-" + std::to_string(::getpid()));
  std::ofstream(path) << "old\n";
  LoopbackServer server([](const Socket& client) {
    for (std::string head = client.read_head(); !head.empty(); head = client.read_head()) {
      const bool good = head.find("Authorization:Bearer new\r\n") != std::string::npos;
      client.send(good ? answer("200 OK", "{}") : answer("401 Unauthorized", "{}"));
    }
  });
  Credentials credentials;
  credentials.server = server.url();
  credentials.token_file = path.string();
  const auto transport = make_transport(credentials);
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->call(get(), kEnough)->status, 401);
  std::ofstream(path) << "new\n";
  EXPECT_EQ((*transport)->call(get(), kEnough)->status, 200);
  std::filesystem::remove(path);
}

std::string credential(const Pems& user) {
  return nlohmann::json{{"kind", "ExecCredential"},
                        {"apiVersion", "client.authentication.k8s.io/v1"},
                        {"status", {{"clientCertificateData", user.certificate}, {"clientKeyData", user.key}}}}
      .dump();
}

TEST(Transport, ACertificateThatAPluginBringsIsReplacedAfterARefusal) {
  const auto directory = std::filesystem::temp_directory_path() / ("plugin-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  const auto answer_as = [&](const char* user) {
    std::ofstream(directory / "answer") << credential(pems_of_user(user));
  };
  Credentials credentials;
  LoopbackServer server(serve_to("new", credentials.ca_pem));
  credentials.server = "https://127.0.0.1:" + std::to_string(server.port());
  credentials.exec.api_version = "client.authentication.k8s.io/v1";
  credentials.exec.command = "cat";
  credentials.exec.arguments = {(directory / "answer").string()};
  answer_as("old");
  const auto transport = make_transport(credentials);
  ASSERT_TRUE(transport) << transport.error().message();
  EXPECT_EQ((*transport)->call(get(), kEnough)->status, 401);
  answer_as("new");
  EXPECT_EQ((*transport)->call(get(), kEnough)->status, 401);  // and is asked for another
  EXPECT_EQ((*transport)->call(get(), kEnough)->status, 200);
  std::filesystem::remove_all(directory);
}

// A plugin that brings a token once, and then does something else.
class TransportWithPlugin : public ::testing::Test {
 protected:
  void connect(const std::string& afterwards) {
    std::filesystem::create_directory(directory_);
    const auto plugin = directory_ / "plugin";
    std::ofstream(plugin) << "#!/bin/sh\ncd " << directory_ << "\n"
                          << "if mkdir first 2>/dev/null; then echo '" << kAnswer << "'; else mkdir second; "
                          << afterwards << "; fi\n";
    std::filesystem::permissions(plugin, std::filesystem::perms::owner_all);
    Credentials credentials;
    credentials.server = server_.url();
    credentials.exec.api_version = "client.authentication.k8s.io/v1";
    credentials.exec.command = plugin.string();
    auto transport = make_transport(credentials);
    ASSERT_TRUE(transport) << transport.error().message();
    transport_ = std::move(*transport);
  }
  ~TransportWithPlugin() override { std::filesystem::remove_all(directory_); }

  static constexpr const char* kAnswer =
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
      R"("status":{"token":"old","expirationTimestamp":"2020-01-01T00:00:00Z"}})";
  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("token-plugin-" + std::to_string(::getpid()));
  LoopbackServer server_{[](const Socket& client) {
    while (!client.read_head().empty()) client.send(answer("401 Unauthorized", "{}"));
  }};
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportWithPlugin, OneThatHangsDoesNotOutliveTheDeadline) {
  connect("exec sleep 30");
  const auto begin = steady_clock::now();
  const auto response = transport_->call(get(), milliseconds(500));
  const auto took = steady_clock::now() - begin;
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 401);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "second"));
  EXPECT_LT(took, seconds(10)) << "of a machine that has other things to do";
  transport_.reset();  // and ends it
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
}

TEST_F(TransportWithPlugin, AStreamIsStoppedWhileItHangs) {
  connect("exec sleep 30");
  std::stop_source stop;
  steady_clock::time_point stopped;
  std::thread stopper([&] {
    while (!std::filesystem::exists(directory_ / "second")) std::this_thread::sleep_for(milliseconds(1));
    stopped = steady_clock::now();
    stop.request_stop();
  });
  static_cast<void>(transport_->stream(get(), [](std::string_view) {}, kEnough, stop.get_token()));
  stopper.join();
  EXPECT_LT(steady_clock::now() - stopped, seconds(5));
}

TEST_F(TransportWithPlugin, OneThatFailsIsNamedInTheRefusal) {
  connect("exit 1");
  const auto response = transport_->call(get(), kEnough);
  ASSERT_TRUE(response) << response.error().message();
  const auto error = error_of(*response, {});
  EXPECT_EQ(error.kind, ErrorKind::Unauthorized);
  EXPECT_NE(error.what.find("exec plugin " + (directory_ / "plugin").string() + ": it has failed"), std::string::npos)
      << error.what;
}

class TransportWithAuthorityFile : public ::testing::Test {
 protected:
  TransportWithAuthorityFile() {
    write(unrelated_ca_pem());
    Credentials credentials;
    credentials.server = "https://127.0.0.1:" + std::to_string(server_.port());
    credentials.ca_pem = unrelated_ca_pem();
    credentials.ca_file = path_.string();
    transport_ = std::move(*make_transport(credentials));
  }
  ~TransportWithAuthorityFile() override { std::filesystem::remove(path_); }

  void write(const std::string& pem) { std::ofstream(path_) << pem; }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("authority-" + std::to_string(::getpid()));
  std::string pem_;
  LoopbackServer server_{serve_self_signed(&pem_)};
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportWithAuthorityFile, ReadsItAgainAfterARefusal) {
  ASSERT_FALSE(transport_->call(get(), kEnough));
  write("half a certif");
  const auto refused = transport_->call(get(), kEnough);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Unauthorized) << refused.error().message();
  write(pem_);
  const auto response = transport_->call(get(), kEnough);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
}

TEST_F(TransportWithAuthorityFile, ReadsItAgainForTheNextStreamAfterARefusal) {
  std::string body;
  const auto stream = [&] {
    return transport_->stream(get(), [&](std::string_view piece) { body += piece; }, kEnough, {});
  };
  ASSERT_FALSE(stream());
  write(pem_);
  EXPECT_FALSE(stream());
  EXPECT_TRUE(stream());
  EXPECT_EQ(body, "{}");
}

// An authority need not be a root: who is told to trust it does not know what is above it.
TEST(Transport, TheAuthorityMayBeAnIntermediateOne) {
  Credentials credentials;
  LoopbackServer server(serve_below_intermediate(credentials.ca_pem));
  credentials.server = "https://127.0.0.1:" + std::to_string(server.port());
  const auto transport = make_transport(credentials);
  ASSERT_TRUE(transport);
  const auto response = (*transport)->call(get(), kEnough);
  EXPECT_TRUE(response) << response.error().message();
}

TEST(Transport, AForeignCertificateIsRefused) {
  LoopbackServer server(serve_self_signed());
  Credentials credentials;
  credentials.server = "https://127.0.0.1:" + std::to_string(server.port());
  credentials.ca_pem = unrelated_ca_pem();
  const auto transport = make_transport(credentials);
  ASSERT_TRUE(transport);
  const auto response = (*transport)->call(get(), kEnough);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Unauthorized) << response.error().message();
  EXPECT_NE(response.error().message().find("certificate"), std::string::npos);
}

}  // namespace
}  // namespace pgrightsizer::kube
