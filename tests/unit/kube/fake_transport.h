// A Transport whose answers a test writes down beforehand. Shared by the tests of every module.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::kube {

// Thread-safe. Calls are answered by `on_call`, if set, else by the queued answers in their order,
// else by 404. Streams are answered by the scripts in their order; without one they stay open
// and silent until they are stopped.
class FakeTransport : public Transport {
 public:
  // What one stream does: `status` and `body` if it is not 200; else the pieces, then `error`, or
  // a clean end, or, with stay_open, silence until it is stopped.
  struct Script {
    std::vector<std::string> pieces;
    std::optional<Error> error = std::nullopt;
    bool stay_open = false;
    int status = 200;
    std::string body = {};
  };

  std::function<Result<Response>(const Request&)> on_call;

  void answer(int status, const nlohmann::json& body) {
    answer(Response{status, body.dump(), {}, {}});
  }
  void answer(Result<Response> response) {
    std::scoped_lock lock(mutex_);
    answers_.push_back(std::move(response));
  }
  // For streams whose path begins so; empty: any.
  void script(Script next, const std::string& path_begins = {}) {
    std::scoped_lock lock(mutex_);
    scripts_.emplace_back(path_begins, std::move(next));
  }

  [[nodiscard]] std::vector<Request> requests() const {
    std::scoped_lock lock(mutex_);
    return requests_;
  }
  // Blocks until so many requests, calls and streams together, were made; false after `patience`.
  [[nodiscard]] bool wait_for_requests(
      std::size_t count, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return requests_.size() >= count; });
  }

  Result<Response> call(const Request& request, std::chrono::milliseconds) override {
    {
      std::scoped_lock lock(mutex_);
      note(request);
    }
    if (on_call) return on_call(request);
    std::scoped_lock lock(mutex_);
    if (answers_.empty())
      return Response{404, R"({"kind":"Status","message":"not scripted"})", {}, {}};
    auto response = std::move(answers_.front());
    answers_.pop_front();
    return response;
  }

  Result<Response> stream(const Request& request,
                          const std::function<void(std::string_view)>& on_bytes,
                          std::chrono::milliseconds, const std::stop_token& stop) override {
    Script script = take(request);
    if (script.status != 200) return Response{script.status, script.body, {}, {}};
    on_bytes({});
    for (const auto& piece : script.pieces) {
      if (stop.stop_requested()) break;
      if (!piece.empty()) on_bytes(piece);
    }
    if (script.stay_open) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [] { return false; });
    }
    if (stop.stop_requested()) return fail(ErrorKind::Cancelled, "stopped");
    if (script.error) return fail(*script.error);
    return Response{200, {}, {}, {}};
  }

 private:
  void note(const Request& request) {
    requests_.push_back(request);
    changed_.notify_all();
  }

  Script take(const Request& request) {
    std::scoped_lock lock(mutex_);
    note(request);
    for (auto it = scripts_.begin(); it != scripts_.end(); ++it) {
      if (request.path.rfind(it->first, 0) != 0) continue;
      Script out = std::move(it->second);
      scripts_.erase(it);
      return out;
    }
    Script silent;
    silent.stay_open = true;
    return silent;
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Result<Response>> answers_;
  std::deque<std::pair<std::string, Script>> scripts_;
  std::vector<Request> requests_;
};

}  // namespace pgrightsizer::kube
