// Of several processes one works: the holder of a Lease (coordination.k8s.io/v1), by the rules of
// client-go's leader election. No clock but this machine's is trusted: a holder counts as dead when
// its record has not changed for the record's duration, as seen from here.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/metrics.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {

struct LeaseRecord {
  std::string holder;  // empty: given back
  std::chrono::seconds duration{0};
  std::string acquired;  // as the API server has it
  std::string renewed;
  std::int64_t transitions = 0;
  bool operator==(const LeaseRecord&) const = default;
};

enum class LeaseAction { Wait, Take, Renew };

// Thread-compatible.
class LeaseRule {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit LeaseRule(std::string identity) : identity_(std::move(identity)) {}

  // Call it with every look; `now` must not run backwards.
  [[nodiscard]] LeaseAction decide(const LeaseRecord& seen, Instant now);

 private:
  const std::string identity_;
  std::optional<LeaseRecord> last_;
  Instant unchanged_since_{};
};

struct LeaderElectorOptions {
  std::string name_space;
  std::string name = "pg-rightsizer";
  std::string identity;  // of this process, not of the machine alone
  std::chrono::seconds duration{15};
  // A holder that could not renew for so long stops; the rest of `duration` is for what it is at.
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry{2'000};
};

// Life: construct, start() once, stop() once (the destructor stops, too).
class LeaderElector {
 public:
  LeaderElector(kube::Transport& transport, const Clock& clock, Logger& logger, Metrics& metrics,
                LeaderElectorOptions options);
  ~LeaderElector();

  // Both are called at most once, on a thread of the elector. After on_lost nothing may be changed
  // any more: another works from now on.
  void start(std::function<void()> on_elected, std::function<void()> on_lost);
  // Gives the lease back, so that another need not wait for it to run out.
  void stop();
  // Why it has not come to see or make the lease since the start; empty from then on. Thread-safe.
  [[nodiscard]] std::string trouble() const;

 private:
  void run(const std::stop_token& stop, const std::function<void()>& on_elected,
           const std::function<void()>& on_lost);
  enum class Held { ByUs, ByAnother, Unknown };

  [[nodiscard]] Held try_once(std::chrono::milliseconds patience);
  [[nodiscard]] Result<Held> look_and_write(std::chrono::milliseconds patience);
  [[nodiscard]] Result<void> write(const kube::Json& lease, LeaseAction action,
                                   std::chrono::milliseconds patience);
  [[nodiscard]] Held unknown(const std::string& trouble);
  [[nodiscard]] Held seen(Held held);
  void give_back();
  [[nodiscard]] Result<kube::Json> send(const kube::Request& request,
                                        std::chrono::milliseconds patience) const;
  [[nodiscard]] kube::Ref ref() const;

  kube::Transport& transport_;
  const Clock& clock_;
  Logger& logger_;
  Metrics& metrics_;
  const LeaderElectorOptions options_;
  LeaseRule rule_;
  mutable std::mutex mutex_;
  std::string trouble_;  // told last, so that it is not told every two seconds
  bool seen_ = false;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace pgrightsizer::runtime
