// The bearer token of each request.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace pgrightsizer::kube {

// A fixed token, or a file that the kubelet renews. The file is read once a minute and after a
// refusal; while it cannot be read the last token stays in use. Thread-safe.
class TokenSource {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  TokenSource(std::string token, std::string file)
      : token_(std::move(token)), file_(std::move(file)) {}

  // Empty: no token at all.
  [[nodiscard]] std::string get(Instant now);
  // The server refused `token` (401). True if there is another one now, so that it is worth trying.
  [[nodiscard]] bool renew_after_refusal(const std::string& token, Instant now);

 private:
  void read_locked(Instant now);

  std::mutex mutex_;
  std::string token_;
  std::string file_;
  Instant next_read_{};
};

}  // namespace pgrightsizer::kube
