// The bearer token of each request.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::kube {

struct FreshToken {
  std::string token;  // may be empty: a certificate says who we are
  std::chrono::milliseconds good_for{};
};

// A fixed token, or one that is renewed: from a file by the kubelet, or by a program. It is asked
// for when it is no longer good, and after a refusal; while there is none the last one stays in use.
// Whoever finds that a new one is due has it fetched by a thread of this class and waits for it, as
// the others do, but no longer than it likes: a program may hang. Thread-safe.
class TokenSource {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  // Gives up when it is told to stop.
  using Renew = std::function<Result<FreshToken>(const std::stop_token&)>;

  // Without `renew` the token is fixed; else it is asked for here for the first time.
  explicit TokenSource(std::string token, Renew renew = {},
                       std::function<Instant()> clock = std::chrono::steady_clock::now);

  // Empty: no token at all. When a new one is late by more than a second, the last one must do.
  [[nodiscard]] std::string get(Instant until, const std::stop_token& stop = {});
  // The server refused `token` (401) in a request that was begun at `begun`; what has come since then is
  // not asked for again. True if there is another token now, so that it is worth trying.
  [[nodiscard]] bool renew_after_refusal(const std::string& token, Instant begun, Instant until,
                                         const std::stop_token& stop = {});
  // Why the last renewal brought nothing; empty: it did.
  [[nodiscard]] std::string trouble() const;

 private:
  void want_locked();
  void take_locked(Result<FreshToken> fresh);
  void work(const std::stop_token& stop);

  const Renew renew_;
  const std::function<Instant()> clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string token_;
  Instant renewed_{};    // when it came
  Instant next_{};       // when a new one is due
  bool wanted_ = false;  // a new one, and it is not there yet
  Instant since_{};      // it is wanted
  std::string trouble_;
  std::jthread thread_;  // renews; the last member, so that it ends first
};

// For a file that the kubelet renews: read once a minute.
[[nodiscard]] TokenSource::Renew from_file(std::string path);

}  // namespace pgrightsizer::kube
