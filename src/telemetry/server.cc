#include "pgrightsizer/telemetry/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "pages.h"

namespace pgrightsizer::telemetry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint32_t kHeaderLimit = 8 * 1024;
constexpr std::uint64_t kBodyLimit = 1024;
constexpr std::chrono::milliseconds kAcceptAgain{100};

// From this pod itself. A socket that listens on [::] has IPv4 peers in a form of IPv6.
bool is_loopback(const asio::ip::address& peer) {
  if (!peer.is_v6() || !peer.to_v6().is_v4_mapped()) return peer.is_loopback();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, peer.to_v6()).is_loopback();
}

class Connection;
// The one heard of last stands at the end.
using Connections = std::list<std::shared_ptr<Connection>>;

// One connection, from accept to close. All of it runs on the server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const ServerOptions& options, const ServerContent& content,
             Connections& all)
      : stream_(std::move(socket)), options_(options), content_(content), all_(all) {
    error_code failed;
    const auto peer = stream_.socket().remote_endpoint(failed);
    local_ = !failed && is_loopback(peer.address());
  }

  void start() {
    place_ = all_.insert(all_.end(), shared_from_this());
    read(options_.request_timeout);
  }

  void close() {
    error_code ignored;
    stream_.socket().close(ignored);
    if (const auto place = std::exchange(place_, std::nullopt)) all_.erase(*place);
  }

 private:
  void read(std::chrono::milliseconds patience) {
    parser_ = std::make_unique<Parser>();
    parser_->header_limit(kHeaderLimit);
    parser_->body_limit(kBodyLimit);
    stream_.expires_after(patience);
    // The first byte ends an idle time; from there on the request has its own.
    const auto self = shared_from_this();
    http::async_read_some(stream_, buffer_, *parser_, [self](error_code error, std::size_t) {
      if (error) return self->close();
      self->all_.splice(self->all_.end(), self->all_, *self->place_);
      if (self->parser_->is_done()) return self->write();
      self->stream_.expires_after(self->options_.request_timeout);
      self->read_rest();
    });
  }

  void read_rest() {
    const auto self = shared_from_this();
    http::async_read(stream_, buffer_, *parser_, [self](error_code error, std::size_t) {
      if (error) return self->close();
      self->write();
    });
  }

  void write() {
    response_ = answer(content_, parser_->get(), local_);
    stream_.expires_after(options_.request_timeout);
    const auto self = shared_from_this();
    http::async_write(stream_, response_, [self](error_code error, std::size_t) {
      if (error || self->response_.need_eof()) return self->close();
      self->read(self->options_.idle_timeout);
    });
  }

  beast::tcp_stream stream_;
  const ServerOptions& options_;
  const ServerContent& content_;
  Connections& all_;
  std::optional<Connections::iterator> place_;
  bool local_ = false;
  beast::flat_buffer buffer_{kHeaderLimit + kBodyLimit};
  using Parser = http::request_parser<http::string_body>;
  std::unique_ptr<Parser> parser_;  // of the request that is read; each needs its own
  HttpResponse response_;
};

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, ServerContent content, Logger& logger)
      : options_(std::move(options)), content_(std::move(content)), logger_(logger) {}

  ~BeastServer() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    while (!connections_.empty()) connections_.front()->close();
  }

  // Throws what the library throws.
  void listen() {
    const tcp::endpoint endpoint(asio::ip::make_address(options_.address), options_.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return accept_later(error);
      while (connections_.size() >= options_.max_connections) connections_.front()->close();
      std::make_shared<Connection>(std::move(socket), options_, content_, connections_)->start();
      accept();
    });
  }

  // Out of file descriptors, mostly: asking again at once would be a busy loop.
  void accept_later(error_code error) {
    logger_.warning("the probes and metrics server cannot accept", {{"error", error.message()}});
    again_.expires_after(kAcceptAgain);
    again_.async_wait([this](error_code cancelled) {
      if (!cancelled) accept();
    });
  }

  const ServerOptions options_;
  const ServerContent content_;
  Logger& logger_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer again_{io_};
  Connections connections_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Server>> start_server(const ServerOptions& options, ServerContent content,
                                             Logger& logger) {
  auto server = std::make_unique<BeastServer>(options, std::move(content), logger);
  try {
    server->listen();
  } catch (const boost::system::system_error& error) {
    return fail(ErrorKind::Invalid,
                "cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " +
                    error.code().message(),
                "probes and metrics server", "choose another --metrics-address");
  }
  return server;
}

}  // namespace pgrightsizer::telemetry
