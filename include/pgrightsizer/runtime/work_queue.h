// The set of keys that need a look. A key is handed to one worker at a time; adding one that waits
// is nothing, adding one that is being worked on hands it out once more when it is done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "pgrightsizer/base/metrics.h"

namespace pgrightsizer::runtime {

// Thread-safe.
class WorkQueue {
 public:
  struct Backoff {
    std::chrono::milliseconds first{500};
    std::chrono::milliseconds limit{60'000};
  };

  WorkQueue() = default;
  explicit WorkQueue(Backoff backoff, Metrics& metrics = no_metrics())
      : backoff_(backoff), metrics_(metrics) {}

  void add(const std::string& key);
  // For keys that a first picture brings: handed out when no other key is due. One that is added
  // otherwise before its turn is as any other.
  void add_last(const std::string& key);
  // The earlier of this and an already planned time wins.
  void add_after(const std::string& key, std::chrono::milliseconds delay);
  // For changes of which many may come together: `quiet` after the last of these calls, and at the latest
  // `patience` after the first. An already planned time that is earlier than that holds.
  void add_gathered(const std::string& key, std::chrono::milliseconds quiet, std::chrono::milliseconds patience);
  // After a failure: doubling from `first` to `limit`, with up to 20 % of jitter.
  void add_backed_off(const std::string& key);
  // After a success: the next failure starts from `first`.
  void forget(const std::string& key);

  // Blocks until a key is due; nullopt after shut_down().
  [[nodiscard]] std::optional<std::string> get();
  // Must follow every get().
  void done(const std::string& key);
  void shut_down();
  // Keys that wait, due or not.
  [[nodiscard]] std::size_t size() const;

 private:
  using Instant = std::chrono::steady_clock::time_point;

  // false sorts before true.
  struct Plan {
    bool last = false;
    Instant due;     // from when on it may be handed out
    Instant latest;  // until when another change may put that off; `due` if none may
  };
  using Place = std::tuple<bool, Instant, std::string>;

  // The one that is due earlier, unless `more` is gathered; last only if neither asks for more now.
  [[nodiscard]] static Plan merged(const Plan& before, const Plan& more);
  void plan_locked(const std::string& key, Plan plan);
  // The place of the key that is to be handed out, end() if none is due, and when one will be.
  [[nodiscard]] std::pair<std::set<Place>::iterator, Instant> next_locked(Instant now) const;
  void tell_depth_locked() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Backoff backoff_{};
  Metrics& metrics_ = no_metrics();
  std::map<std::string, Plan> waiting_;
  std::set<Place> order_;  // the same
  std::map<std::string, Instant> working_;  // since when
  std::map<std::string, Plan> again_;  // asked for while being worked on
  std::map<std::string, int> failures_;
  std::minstd_rand random_{std::random_device{}()};
  bool stopping_ = false;
};

}  // namespace pgrightsizer::runtime
