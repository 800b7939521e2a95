// Transport on cpprestsdk: the only file, with exchange.cc, that knows the library. It is no longer
// maintained; what it does well is used, what it does badly is kept away from it (see comments).
#include <openssl/crypto.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <utility>

#include "exchange.h"
#include "exec_plugin.h"
#include "pgrightsizer/kube/transport.h"
#include "tls_source.h"
#include "token_source.h"
#include "transport_errors.h"

namespace pgrightsizer::kube {
namespace {

using detail::Exchange;
using detail::Outcome;
using web::http::client::http_client;
using web::http::client::http_client_config;
using Instant = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

constexpr auto kStepTimeout = std::chrono::seconds(10);
constexpr int kMaxCalls =
    8;  // the library opens a connection for each call in flight, without limit
constexpr int kUnauthorized = 401;
constexpr const char* kUserAgent = "pg-rightsizer/" PGRS_VERSION;

// At most kMaxCalls at a time.
class Gate {
 public:
  [[nodiscard]] bool enter(Instant deadline) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, deadline, [this] { return inside_ < kMaxCalls; })) return false;
    ++inside_;
    return true;
  }
  void leave() {
    std::scoped_lock lock(mutex_);
    --inside_;
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  int inside_ = 0;
};

web::http::method method_of(Method method) {
  switch (method) {
    case Method::Get:
      return web::http::methods::GET;
    case Method::Post:
      return web::http::methods::POST;
    case Method::Put:
      return web::http::methods::PUT;
    case Method::Patch:
      return web::http::methods::PATCH;
    case Method::Delete:
      return web::http::methods::DEL;
  }
  return web::http::methods::GET;
}

web::http::http_request build(const Request& request, const std::string& token) {
  web::http::http_request out(method_of(request.method));
  out.set_request_uri(request.path);
  out.headers().add("Accept", request.accept);
  out.headers().add("User-Agent", kUserAgent);  // the server indents JSON for some others
  if (!token.empty()) out.headers().add("Authorization", "Bearer " + token);
  if (!request.body.empty()) out.set_body(request.body, request.content_type);
  return out;
}

// Its connections were all begun with the same material.
struct HttpClient {
  http_client http;
  std::shared_ptr<const TlsMaterial> tls;
};
using HttpClientPtr = std::shared_ptr<const HttpClient>;

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(const Credentials& credentials, std::shared_ptr<TlsSource> tls, TokenSource::Renew renew)
      : server_(credentials.server),
        uri_(server_),
        tls_(std::move(tls)),
        token_(credentials.token, std::move(renew)) {
    static_cast<void>(calls());  // a URL that the library does not take is an error at the start
  }

  Result<Response> call(const Request& request, milliseconds timeout) override {
    if (detail::delivering()) {
      return fail(ErrorKind::Internal, "a request from within the reader of a stream");
    }
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    if (!gate_.enter(deadline)) {
      return fail(ErrorKind::Timeout, "too many requests to " + server_ + " are under way");
    }
    auto client = calls();
    Outcome outcome = attempt(*client, request, deadline);
    if (is_refused_in_vain(outcome, *client)) {
      client = calls();
      outcome = attempt(*client, request, deadline);  // nothing was sent the first time
    }
    const bool lost = !outcome.result && is_lost_connection(outcome.code);
    const bool silent = !outcome.result && outcome.code == ETIMEDOUT;
    if (lost || silent) renew(client);
    const bool repeatable = request.repeatable || request.method == Method::Get;
    if (lost && repeatable) outcome = attempt(*calls(), request, deadline);
    gate_.leave();
    return explained(std::move(outcome));
  }

  Result<Response> stream(const Request& request,
                          const std::function<void(std::string_view)>& on_bytes, milliseconds idle,
                          const std::stop_token& stop) override {
    if (stop.stop_requested()) return fail(transport_error(ECANCELED, server_));
    const auto begun = std::chrono::steady_clock::now();
    const std::string token = token_.get(begun + kStepTimeout, stop);
    const auto client = streams(idle);
    Outcome outcome = run(*client, request, token, on_bytes, std::nullopt, stop);
    if (outcome.result && outcome.result->status == kUnauthorized) {
      const auto until = std::chrono::steady_clock::now() + kStepTimeout;
      static_cast<void>(token_.renew_after_refusal(token, begun, until, stop));
    }
    static_cast<void>(is_refused_in_vain(outcome, *client));  // the next one has what is new
    if (!outcome.result && outcome.code == ETIMEDOUT) renew(client);
    return explained(std::move(outcome));
  }

 private:
  [[nodiscard]] HttpClientPtr calls() {
    std::scoped_lock lock(mutex_);
    return current(calls_, kStepTimeout);
  }

  // The library's time-out is for each step, which for a stream is an idle time-out, and belongs to
  // the client; so there is one client for each of the few values in use.
  [[nodiscard]] HttpClientPtr streams(milliseconds idle) {
    std::scoped_lock lock(mutex_);
    return current(streams_[idle], idle);
  }

  // One that was made with other material than there is now is left to those who use it.
  const HttpClientPtr& current(HttpClientPtr& client, milliseconds step) {
    auto tls = tls_->get(std::chrono::steady_clock::now());
    if (!client || client->tls != tls) {
      client = {new HttpClient{http_client(uri_, config(step, tls)), tls}, detail::delete_on_pool<const HttpClient>};
    }
    return client;
  }

  // The certificate was refused by material that has been replaced meanwhile.
  [[nodiscard]] bool is_refused_in_vain(const Outcome& outcome, const HttpClient& client) {
    return !outcome.result && is_refused_certificate(outcome.code) &&
           tls_->renew_after_refusal(client.tls, std::chrono::steady_clock::now());
  }

  // Connections that are kept open die together, with their server: a client that has met one may
  // have ten, and would offer them one after the other.
  void renew(const HttpClientPtr& client) {
    std::scoped_lock lock(mutex_);
    if (calls_ == client) calls_ = nullptr;
    for (auto& [idle, one] : streams_)
      if (one == client) one = nullptr;
  }

  // A refusal with why there is nothing better to come with.
  Result<Response> explained(Outcome outcome) const {
    if (outcome.result && outcome.result->status == kUnauthorized) outcome.result->remark = token_.trouble();
    return std::move(outcome.result);
  }

  // With a fresh token once more if the one that was used has been replaced meanwhile.
  Outcome attempt(const HttpClient& client, const Request& request, Instant deadline) {
    const auto begun = std::chrono::steady_clock::now();
    const std::string token = token_.get(begun + (deadline - begun) / 2);  // leaves time for the last one
    Outcome outcome = run(client, request, token, nullptr, deadline, {});
    if (outcome.result && outcome.result->status == kUnauthorized &&
        token_.renew_after_refusal(token, begun, deadline)) {
      return run(client, request, token_.get(deadline), nullptr, deadline, {});
    }
    return outcome;
  }

  Outcome run(const HttpClient& client, const Request& request, const std::string& token,
              const Exchange::OnBytes& on_bytes, std::optional<Instant> deadline,
              const std::stop_token& stop) {
    web::http::http_request message;
    try {
      message = build(request, token);
    } catch (const std::exception& error) {
      return {
          fail(ErrorKind::Internal, "not a request path: " + request.path + ": " + error.what())};
    }
    const auto exchange = std::make_shared<Exchange>(server_, on_bytes);
    exchange->start(client.http, message, deadline);
    return exchange->wait(deadline, stop);
  }

  static http_client_config config(milliseconds step, const std::shared_ptr<const TlsMaterial>& tls) {
    http_client_config out;
    out.set_timeout(step);
    out.set_max_redirects(0);  // never carry a token to somebody else
    if (tls) {
      out.set_ssl_context_callback([tls](boost::asio::ssl::context& context) {
        tls->install(context.native_handle());
      });
    }
    return out;
  }

  const std::string server_;
  const web::uri uri_;
  const std::shared_ptr<TlsSource> tls_;  // shared with a plugin that brings certificates
  TokenSource token_;
  Gate gate_;
  std::mutex mutex_;
  HttpClientPtr calls_;
  std::map<milliseconds, HttpClientPtr> streams_;
};

}  // namespace

void initialize_http() {
  // Without these two the library makes OpenSSL read the system's whole CA bundle for each
  // connection (27 ms of CPU); we trust only the certificates of the credentials.
  setenv("SSL_CERT_FILE", "/dev/null", 1);
  setenv("SSL_CERT_DIR", "/nonexistent", 1);
  // The pool's thread ends after OpenSSL's own exit handler would have run, with state of its own.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  detail::initialize_pool();
}

namespace {

// Null for a server without TLS.
Result<std::shared_ptr<const TlsMaterial>> material_of(const Credentials& credentials) {
  const web::uri uri(credentials.server);
  if (uri.scheme() == "http") return nullptr;
  if (uri.scheme() != "https") return fail(ErrorKind::Invalid, "\"" + credentials.server + "\" is not an http(s) URL");
  return TlsMaterial::parse(credentials.ca_pem, credentials.client_cert_pem, credentials.client_key_pem);
}

Result<std::unique_ptr<Transport>> begin(const Credentials& credentials, std::optional<ExecCredential> answer) {
  auto material = material_of(credentials);
  if (!material) return fail(std::move(material.error()));
  auto tls = std::make_shared<TlsSource>(std::move(*material), credentials);
  TokenSource::Renew renew;
  if (!credentials.token_file.empty()) renew = from_file(credentials.token_file);
  if (answer)
    renew = from_plugin(credentials.exec, std::move(*answer),
                        [tls](const std::string& cert, const std::string& key) { return tls->show(cert, key); });
  return std::make_unique<CpprestTransport>(credentials, std::move(tls), std::move(renew));
}

}  // namespace

Result<std::unique_ptr<Transport>> make_transport(const Credentials& given) {
  Credentials credentials = given;
  std::optional<ExecCredential> answer;
  if (!credentials.exec.command.empty()) {
    auto first = run_exec_plugin(credentials.exec);
    if (!first) return fail(std::move(first.error()));
    if (!first->client_key_pem.empty()) {
      credentials.client_cert_pem = first->client_cert_pem;
      credentials.client_key_pem = first->client_key_pem;
      credentials.client_cert_file = credentials.client_key_file = "";
    }
    answer = std::move(*first);
  }
  try {
    return begin(credentials, std::move(answer));
  } catch (const std::exception& error) {
    return fail(ErrorKind::Invalid,
                "\"" + credentials.server + "\" is not a usable URL: " + error.what());
  }
}

}  // namespace pgrightsizer::kube
