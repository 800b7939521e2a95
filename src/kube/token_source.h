// The bearer token of each request.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace pgrightsizer::kube {

struct FreshToken {
  std::string token;  // may be empty: a certificate says who we are
  std::chrono::milliseconds good_for{};
};

// A fixed token, or one that is renewed: from a file by the kubelet, or by a program. It is asked
// for when it is no longer good, and after a refusal; while there is none the last one stays in use.
// Thread-safe; callers wait for the one that renews.
class TokenSource {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  using Renew = std::function<std::optional<FreshToken>()>;

  explicit TokenSource(std::string token, Renew renew = {})
      : token_(std::move(token)), renew_(std::move(renew)) {}

  // Empty: no token at all.
  [[nodiscard]] std::string get(Instant now);
  // The server refused `token` (401). True if there is another one now, so that it is worth trying.
  [[nodiscard]] bool renew_after_refusal(const std::string& token, Instant now);

 private:
  void renew_locked(Instant now);

  std::mutex mutex_;
  std::string token_;
  Renew renew_;
  Instant next_{};
};

// For a file that the kubelet renews: read once a minute.
[[nodiscard]] TokenSource::Renew from_file(std::string path);

}  // namespace pgrightsizer::kube
