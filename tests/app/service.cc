#include "app/service.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pgrightsizer::app {
namespace {

using std::chrono::milliseconds;

constexpr Duration kLongestWait = std::chrono::seconds(30);
constexpr std::size_t kLongestQueue = 100'000;
// Between closing a connection and opening its successor: the server needs a moment to give the
// slot free, and a pool of 20 must not be seen as 21.
constexpr Duration kHandover = milliseconds(20);
// How long a failed validation keeps transactions off the other idle connections. Behind a pooler
// whose server is down they all look alive, and trying each would cost each of them. A little more
// than the longest back-off, so that the next probe decides.
constexpr Duration kLongestBackoff = milliseconds(2000);
constexpr Duration kHold = kLongestBackoff + milliseconds(500);

std::string make_nonce(unsigned seed) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", seed);
  return text.data();
}

}  // namespace

Service::Service(const Config& config, TimePoint start)
    : config_(config),
      nonce_(make_nonce(std::random_device{}())),
      random_(std::random_device{}()),
      schedule_(config_.rate_per_s, start, random_),
      backoff_(milliseconds(100), kLongestBackoff, random_),
      resolver_(config_.host) {
  for (int i = 0; i < config_.connections; ++i) slots_.push_back(std::make_unique<Slot>(config_));
}

void Service::tick(TimePoint now) {
  accept_arrivals(now);
  for (auto& slot : slots_) expire(*slot, now);
  if (!draining_) open_connections_due(now);
  dispatch(now);
}

void Service::accept_arrivals(TimePoint now) {
  while (!draining_ && schedule_.next() <= now) {
    ++stats_.intended;
    if (queue_.size() < kLongestQueue) {
      queue_.push_back({.id = {}, .pod = config_.pod, .seq = 0, .scheduled = schedule_.next()});
    } else {
      ++stats_.skipped;
    }
    schedule_.advance();
  }
  while (!queue_.empty() && queue_.front().scheduled + kLongestWait <= now) {
    queue_.pop_front();
    ++stats_.skipped;
  }
}

void Service::expire(Slot& slot, TimePoint now) {
  Connection& connection = slot.connection;
  if (connection.deadline() <= now) {
    apply(slot, connection.give_up("timeout", "no answer in time"), now);
  } else if (connection.is_idle() && slot.expires <= now) {
    connection.close();
    slot.open_after = now + kHandover;
    ++stats_.expired;
  }
}

int Service::attempts_allowed() const {
  const auto connecting = std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot->connection.is_connecting();
  });
  const int most = backoff_.failing() ? 1 : config_.parallel_connects;
  return most - static_cast<int>(connecting);
}

bool Service::may_open(const Slot& slot, TimePoint now) const {
  return slot.connection.is_closed() && slot.open_after <= now && connect_after_ <= now;
}

void Service::open_connections_due(TimePoint now) {
  for (auto& slot : slots_) {
    if (may_open(*slot, now) && attempts_allowed() > 0) open(*slot, now);
  }
}

void Service::open(Slot& slot, TimePoint now) {
  ++stats_.attempted_connects;
  slot.attempted = now;
  const std::string address = resolver_.address(now);
  if (!resolver_.error().empty()) {
    stats_.count_refused("dns", resolver_.error());
    back_off(slot, now);
    return;
  }
  apply(slot,
        slot.connection.open(parameters(address), backoff_.failing(), now, config_.connect_timeout),
        now);
}

Connection::Parameters Service::parameters(const std::string& address) const {
  Connection::Parameters list{
      {"host", config_.host},
      {"port", config_.port},
      {"dbname", config_.dbname},
      {"user", config_.user},
      {"sslmode", config_.sslmode},
      {"gssencmode", "disable"},  // else libpq asks Kerberos first
      {"application_name", config_.pod},
      // A peer that vanished without a word (its pod is gone) is noticed in seconds; one that is
      // only paused still answers on the TCP level and is waited for.
      {"keepalives_idle", "10"},
      {"keepalives_interval", "3"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "15000"},
  };
  list.emplace_back("password", config_.password_file.empty() ? config_.password
                                                              : read_secret(config_.password_file));
  if (!address.empty()) list.emplace_back("hostaddr", address);
  return list;
}

Service::Slot* Service::longest_idle() {
  Slot* chosen = nullptr;
  for (auto& slot : slots_) {
    if (!slot->connection.is_idle()) continue;
    if (chosen == nullptr || slot->idle_since < chosen->idle_since) chosen = slot.get();
  }
  return chosen;
}

void Service::dispatch(TimePoint now) {
  while (!queue_.empty() && hold_until_ <= now) {
    Slot* slot = longest_idle();
    if (slot == nullptr) return;
    Transaction transaction = std::move(queue_.front());
    queue_.pop_front();
    if (transaction.seq == 0) {
      transaction.seq = ++last_seq_;
      transaction.id = config_.pod + "-" + nonce_ + "-" + std::to_string(transaction.seq);
    }
    apply(*slot, slot->connection.run(std::move(transaction), now), now);
  }
}

void Service::apply(Slot& slot, const Event& event, TimePoint now) {
  const auto waited =
      std::chrono::duration_cast<std::chrono::microseconds>(now - event.transaction.scheduled);
  switch (event.kind) {
    case Event::Kind::kNone:
      break;
    case Event::Kind::kOpened:
      ++stats_.opened;
      backoff_.reset();
      hold_until_ = now;
      slot.expires = now + jittered(config_.lifetime, 0.1, random_);
      break;
    case Event::Kind::kRefused:
      stats_.count_refused(event.cls, event.message);
      break;
    case Event::Kind::kLost:
      ++stats_.lost_idle;
      break;
    case Event::Kind::kBounced:
      ++stats_.failed_validations;
      hold_until_ = now + kHold;
      if (event.transaction.scheduled != TimePoint{}) queue_.push_front(event.transaction);
      break;
    case Event::Kind::kSucceeded:
      stats_.count_succeeded(event.transaction.seq, static_cast<std::uint64_t>(waited.count()));
      break;
    case Event::Kind::kFailed:
      stats_.count_failed(event.cls, event.message);
      break;
    case Event::Kind::kUnknown:
      stats_.count_unknown(event.cls, event.message);
      break;
  }
  if (slot.connection.is_idle()) slot.idle_since = now;
  if (slot.connection.is_closed()) back_off(slot, now);
}

// After any connection that was refused or lost: one back-off for the whole pool, and one attempt
// at a time, probed, until one succeeds. Twenty connections of a hundred instances, each knocking
// for itself, would keep a full server busy with refusing and a pooler with passwords.
void Service::back_off(const Slot& slot, TimePoint now) {
  if (slot.attempted < failing_since_) return;
  failing_since_ = now;
  connect_after_ = now + backoff_.fail();
}

TimePoint Service::next_wakeup(TimePoint now) const {
  TimePoint next = draining_ ? kNever : schedule_.next();
  if (!queue_.empty()) {
    next = std::min(next, queue_.front().scheduled + kLongestWait);
    if (hold_until_ > now) next = std::min(next, hold_until_);
  }
  const bool may_connect = !draining_ && attempts_allowed() > 0;
  for (const auto& slot : slots_) {
    const Connection& connection = slot->connection;
    next = std::min(next, connection.deadline());
    if (connection.is_idle()) next = std::min(next, slot->expires);
    if (connection.is_closed() && may_connect) {
      next = std::min(next, std::max(slot->open_after, connect_after_));
    }
  }
  return next;
}

void Service::wanted(std::vector<pollfd>& fds) {
  for (auto& slot : slots_) {
    slot->polled = !slot->connection.is_closed();
    if (!slot->polled) continue;
    slot->place = fds.size();
    fds.push_back(slot->connection.wanted());
  }
}

void Service::handle(const std::vector<pollfd>& fds, TimePoint now) {
  for (auto& slot : slots_) {
    if (!slot->polled || fds[slot->place].revents == 0) continue;
    apply(*slot, slot->connection.on_ready(now), now);
  }
}

// A transaction whose connection is being validated still runs: it counts as started.
void Service::drain() {
  draining_ = true;
  stats_.abandoned += queue_.size();
  queue_.clear();
}

bool Service::drained() const { return in_flight() == 0; }

void Service::shut_down() {
  const TimePoint now = std::chrono::steady_clock::now();
  for (auto& slot : slots_) {
    Connection& connection = slot->connection;
    if (connection.has_transaction()) {
      apply(*slot, connection.give_up("shutdown", "still running when the process had to stop"),
            now);
    }
    connection.close();
  }
  stats_.abandoned += queue_.size();
  queue_.clear();
}

int Service::open_connections() const {
  return static_cast<int>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& slot) { return slot->connection.is_open(); }));
}

int Service::in_flight() const {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot->connection.has_transaction();
  }));
}

}  // namespace pgrightsizer::app
