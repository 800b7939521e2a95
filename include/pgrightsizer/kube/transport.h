// HTTP to one API server, behind one interface: the only place that knows cpprestsdk, and what a
// fake replaces in tests.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pgrightsizer/base/metrics.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/credentials.h"

namespace pgrightsizer::kube {

enum class Method { Get, Post, Put, Patch, Delete };

struct Request {
  Method method = Method::Get;
  std::string path;  // with query, "/api/v1/pods?limit=500"
  std::string content_type;
  std::string body;
  // May be sent a second time when the connection was lost before the answer came. GETs always may.
  bool repeatable = false;
  std::string accept = "application/json";
};

struct Response {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
  std::vector<std::string> warnings;
  std::string remark = {};  // our own, of a 401: why the credentials could not be renewed
};

// Thread-safe. Any answer of the server, also 4xx and 5xx, is a Response; an Error means that none
// arrived (Unavailable, Timeout, Cancelled, Unauthorized for a refused certificate). No request may
// be under way when it is destroyed.
class Transport {
 public:
  virtual ~Transport() = default;

  // Blocks the caller until the answer is complete or the deadline has passed. Must not be called
  // from within an `on_bytes`: that is an Internal error, not a deadlock.
  [[nodiscard]] virtual Result<Response> call(const Request& request,
                                              std::chrono::milliseconds deadline) = 0;

  // Blocks the caller until the stream ends. `on_bytes` runs on a thread of the transport, one call
  // at a time and none after the return, with pieces that may break anywhere; it must not block.
  // Its first piece is empty and says that the status is 200. A status other than 200 is returned
  // with its body, and `on_bytes` never runs. A stream silent for `idle` is a Timeout; one cut off
  // is Unavailable; a clean end is the Response with an empty body.
  [[nodiscard]] virtual Result<Response> stream(
      const Request& request, const std::function<void(std::string_view)>& on_bytes,
      std::chrono::milliseconds idle, const std::stop_token& stop) = 0;
};

// Must be called once, first thing in main: bounds cpprestsdk's thread pool and keeps OpenSSL from
// reading the system's CA bundle on every connection.
void initialize_http();

[[nodiscard]] Result<std::unique_ptr<Transport>> make_transport(const Credentials& credentials);

// Counts and times what goes through `inner`, which must outlive it.
[[nodiscard]] std::unique_ptr<Transport> measured(Transport& inner, Metrics& metrics,
                                                  const std::string& server);

}  // namespace pgrightsizer::kube
