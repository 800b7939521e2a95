#include "exchange.h"

#include <pplx/threadpool.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "http_headers.h"
#include "sink.h"
#include "transport_errors.h"

namespace pgrightsizer::kube::detail {
namespace {

constexpr auto kGrace = std::chrono::seconds(1);
constexpr int kOk = 200;

thread_local bool t_delivering = false;

auto& pool() { return crossplat::threadpool::shared_instance().service(); }

std::string header(const web::http::http_response& response, const char* name) {
  const auto it = response.headers().find(name);
  return it == response.headers().end() ? std::string() : it->second;
}

}  // namespace

void initialize_pool() {
  try {
    // One thread: with more, the library has data races, and is slower for serial calls.
    crossplat::threadpool::initialize_with_threads(1);
  } catch (const std::exception&) {
    // Called a second time: the pool exists.
  }
}

void dispose(std::shared_ptr<const void> object) {
  boost::asio::post(pool(), [object = std::move(object)] {});
}

bool delivering() { return t_delivering; }

void Exchange::start(const web::http::client::http_client& client,
                     const web::http::http_request& request, std::optional<Instant> deadline) {
  boost::asio::post(pool(), [self = shared_from_this(), client, request, deadline] {
    self->begin(client, request, deadline);
  });
}

void Exchange::begin(web::http::client::http_client client, web::http::http_request request,
                     std::optional<Instant> deadline) {
  const auto self = shared_from_this();
  try {
    if (deadline) {
      timer_.emplace(pool(), *deadline);
      timer_->async_wait([self](const boost::system::error_code& error) {
        if (error) return;
        self->deadline_passed_ = true;
        self->cancel();
      });
    }
    auto sink = std::make_shared<Sink>([self](std::string_view bytes) { self->on_piece(bytes); });
    request.set_response_stream(
        Concurrency::streams::ostream(Concurrency::streams::streambuf<std::uint8_t>(sink)));
    client.request(request, cancel_.get_token())
        .then([self](const web::http::http_response& response) {
          self->on_headers(response);
          return response.content_ready();
        })
        .then([self](const pplx::task<web::http::http_response>& task) { self->on_end(task); });
  } catch (const pplx::task_canceled&) {
    finish({fail(transport_error(ECANCELED, server_)), ECANCELED});
  } catch (const std::exception& error) {
    finish({fail(ErrorKind::Internal, std::string("the request cannot be sent: ") + error.what())});
  }
}

void Exchange::on_headers(const web::http::http_response& response) {
  response_.status = response.status_code();
  response_.retry_after = parse_retry_after(header(response, "Retry-After"));
  response_.warnings = parse_warnings(header(response, "Warning"));
  if (response_.status == kOk) deliver({});
  if (!early_.empty()) on_piece(std::exchange(early_, {}));
}

void Exchange::on_piece(std::string_view bytes) {
  if (response_.status == 0) {
    early_ += bytes;
  } else if (response_.status == kOk) {
    deliver(bytes);
  } else {
    response_.body += bytes;
  }
}

void Exchange::deliver(std::string_view bytes) {
  std::scoped_lock lock(mutex_);
  if (abandoned_ || !consumer_failed_.empty()) return;
  if (!on_bytes_) {
    response_.body += bytes;
    return;
  }
  t_delivering = true;
  try {
    on_bytes_(bytes);
  } catch (const std::exception& error) {  // must not reach the library's noexcept thread
    consumer_failed_ = error.what();
    post_cancel();
  }
  t_delivering = false;
}

void Exchange::on_end(const pplx::task<web::http::http_response>& task) {
  int code = 0;
  if (!consumer_failed_.empty()) {
    finish({fail(ErrorKind::Internal, "the reader of the stream failed: " + consumer_failed_)});
    return;
  }
  try {
    task.get();  // finished: does not block
    finish({std::move(response_)});
    return;
  } catch (const web::http::http_exception& error) {
    code = error.error_code().value();
  } catch (const pplx::task_canceled&) {
    code = ECANCELED;
  } catch (const std::exception& error) {
    finish({fail(ErrorKind::Unavailable, server_ + " cannot be reached: " + error.what())});
    return;
  }
  if (code == ECANCELED && deadline_passed_) {
    finish({fail(transport_error(ETIMEDOUT, server_)), ETIMEDOUT});
  } else {
    finish({fail(transport_error(code, server_)), code});
  }
}

void Exchange::cancel() { cancel_.cancel(); }

void Exchange::post_cancel() {
  boost::asio::post(pool(), [self = shared_from_this()] { self->cancel(); });
}

void Exchange::finish(Outcome outcome) {
  timer_.reset();
  std::scoped_lock lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

Outcome Exchange::wait(std::optional<Instant> deadline, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { post_cancel(); });
  const auto ended = [this] { return outcome_.has_value(); };
  std::unique_lock lock(mutex_);
  bool in_time = true;
  if (deadline) {
    in_time = changed_.wait_until(lock, stop, *deadline + kGrace, ended);
  } else {
    in_time = changed_.wait(lock, stop, ended);
  }
  if (!in_time && stop.stop_requested()) changed_.wait_for(lock, kGrace, ended);
  if (outcome_) return std::move(*outcome_);
  abandoned_ = true;
  on_bytes_ = nullptr;
  const int code = stop.stop_requested() ? ECANCELED : ETIMEDOUT;
  return {fail(transport_error(code, server_)), code};
}

}  // namespace pgrightsizer::kube::detail
