// One HTTP request and its answer, from the moment it is posted to the pool thread. Only
// transport_cpprest.cc includes this file.
#pragma once

#include <cpprest/http_client.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::kube::detail {

// The code of the HTTP library with what it means, so that the caller can judge by either.
struct Outcome {
  Result<Response> result;
  int code = 0;
};

// Before anything else uses the library.
void initialize_pool();

// On the pool's thread, when it comes to it.
void dispose(std::shared_ptr<const void> object);

// For a shared_ptr to a client, whose sockets are closed with it.
template <class T>
void delete_on_pool(T* object) {
  dispose(std::shared_ptr<T>(object));
}

// True on the pool thread while it runs somebody's on_bytes: waiting there would be for ever.
[[nodiscard]] bool delivering();

// Life: start() once, wait() once, both from the caller's thread; everything else happens on the
// pool's only thread, because cpprestsdk closes sockets without a lock. It is owned by the caller
// and by the library's continuations, whichever lives longer.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using OnBytes = std::function<void(std::string_view)>;
  using Instant = std::chrono::steady_clock::time_point;

  // `on_bytes` empty: the body is collected.
  Exchange(std::string server, OnBytes on_bytes)
      : server_(std::move(server)), on_bytes_(std::move(on_bytes)) {}

  void start(const web::http::client::http_client& client, const web::http::http_request& request,
             std::optional<Instant> deadline);
  // A request that cannot be stopped (the library does not cancel a resolver) is abandoned a little
  // after its deadline or stop: the caller goes on, the library finishes when it can.
  [[nodiscard]] Outcome wait(std::optional<Instant> deadline, const std::stop_token& stop);

  void on_piece(std::string_view bytes);  // for the sink

 private:
  void begin(web::http::client::http_client client, web::http::http_request request,
             std::optional<Instant> deadline);
  void on_headers(const web::http::http_response& response);
  void on_end(const pplx::task<web::http::http_response>& task);
  void deliver(std::string_view bytes);
  void cancel();
  void post_cancel();
  void finish(Outcome outcome);

  const std::string server_;

  // Pool thread only.
  pplx::cancellation_token_source cancel_;
  std::optional<boost::asio::steady_timer> timer_;
  Response response_;
  std::string early_;  // bytes that came before the status was seen
  bool deadline_passed_ = false;
  std::string consumer_failed_;  // what on_bytes threw

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Outcome> outcome_;
  OnBytes on_bytes_;  // emptied when the caller has left
  bool abandoned_ = false;
};

}  // namespace pgrightsizer::kube::detail
