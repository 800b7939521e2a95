#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/connection.h"
#include "app/pacing.h"
#include "app/resolver.h"
#include "app/stats.h"

namespace pgrightsizer::app {

// An instance of the application: a connection pool of fixed size and ledger transactions arriving
// at a fixed rate. One thread owns it: ask wanted(), poll(), then handle() and tick().
class Service {
 public:
  Service(const Config& config, TimePoint start);

  // Does everything that is due by now: arrivals, time-outs, lifetimes, connects, dispatching.
  void tick(TimePoint now);
  // When tick() has something to do again, as seen right after tick(now).
  TimePoint next_wakeup(TimePoint now) const;

  // The descriptors to poll are appended to `fds`; handle() finds its own again by their place.
  void wanted(std::vector<pollfd>& fds);
  void handle(const std::vector<pollfd>& fds, TimePoint now);

  // No new transaction is started from now on.
  void drain();
  bool drained() const;
  // Gives up whatever still runs and closes every connection.
  void shut_down();

  int open_connections() const;
  int in_flight() const;
  std::size_t queued() const { return queue_.size(); }
  const Stats& stats() const { return stats_; }
  const Config& config() const { return config_; }
  const std::string& nonce() const { return nonce_; }

 private:
  struct Slot {
    explicit Slot(const Config& config) : connection(config.command_timeout) {}
    Connection connection;
    TimePoint open_after = TimePoint::min();
    TimePoint attempted;  // when the present connection was asked for
    TimePoint expires = kNever;
    TimePoint idle_since;
    std::size_t place = 0;  // in the vector given to wanted()
    bool polled = false;
  };

  void accept_arrivals(TimePoint now);
  void expire(Slot& slot, TimePoint now);
  void open_connections_due(TimePoint now);
  void open(Slot& slot, TimePoint now);
  void dispatch(TimePoint now);
  Slot* longest_idle();
  int attempts_allowed() const;
  bool may_open(const Slot& slot, TimePoint now) const;
  void apply(Slot& slot, const Event& event, TimePoint now);
  void back_off(const Slot& slot, TimePoint now);
  Connection::Parameters parameters(const std::string& address) const;

  Config config_;
  std::string nonce_;
  Random random_;
  Schedule schedule_;
  Backoff backoff_;
  Resolver resolver_;
  Stats stats_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<Transaction> queue_;
  std::int64_t last_seq_ = 0;
  TimePoint connect_after_ = TimePoint::min();  // nobody connects before: the last one failed
  TimePoint failing_since_ = TimePoint::min();  // an attempt older than this adds no back-off
  TimePoint hold_until_ = TimePoint::min();  // nothing is started before, unless a probe succeeds
  bool draining_ = false;
};

}  // namespace pgrightsizer::app
