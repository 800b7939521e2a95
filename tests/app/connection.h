#pragma once

#include <libpq-fe.h>
#include <poll.h>

#include <cstdint>
#include <string>
#include <vector>

#include "app/clocks.h"
#include "app/outcome.h"

namespace pgrightsizer::app {

struct Transaction {
  std::string id;
  std::string pod;
  std::int64_t seq = 0;
  TimePoint scheduled;
};

// What a connection tells its owner. After any event but kOpened and kSucceeded the connection may
// be closed: look at is_closed().
struct Event {
  enum class Kind {
    kNone,
    kOpened,
    kRefused,    // the attempt to connect failed
    kLost,       // closed under us while no transaction was on it
    kBounced,    // found dead on borrow, `transaction` is handed back; or on its probe, without one
    kSucceeded,  // COMMIT's answer arrived
    kFailed,     // certainly not committed
    kUnknown,    // COMMIT was sent, its answer never came
  };
  Kind kind = Kind::kNone;
  std::string cls;
  std::string message;
  Transaction transaction;
};

// One libpq connection as a state machine that never blocks:
//
//   closed → connecting (→ probing) → idle → validating → BEGIN → INSERT → COMMIT → idle
//                                                 └──────┴──→ ROLLBACK → idle
//
// Only unnamed statements and no session state, so that it may sit behind a pooler in transaction
// mode. Owned and called by one thread.
class Connection {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  explicit Connection(Duration command_timeout) : command_timeout_(command_timeout) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // With `probe` it is open only when a statement was answered: a pooler accepts connections while
  // the server behind it is down.
  Event open(const Parameters& parameters, bool probe, TimePoint now, Duration timeout);
  // Borrows an idle connection: validates it, then runs the transaction.
  Event run(Transaction transaction, TimePoint now);
  // Call when poll() says that the descriptor of wanted() is ready.
  Event on_ready(TimePoint now);
  // Call when deadline() is over: gives up what is being done and closes.
  Event give_up(const std::string& cls, const std::string& why);
  void close();

  bool is_closed() const { return step_ == Step::kClosed; }
  bool is_connecting() const { return step_ == Step::kConnecting || step_ == Step::kProbe; }
  bool is_idle() const { return step_ == Step::kIdle; }
  bool is_open() const { return !is_closed() && !is_connecting(); }
  bool has_transaction() const { return is_open() && !is_idle() && step_ != Step::kRollback; }

  pollfd wanted() const;
  TimePoint deadline() const { return deadline_; }

 private:
  enum class Step {
    kClosed,
    kConnecting,
    kProbe,
    kIdle,
    kValidate,
    kBegin,
    kInsert,
    kCommit,
    kRollback
  };

  Event advance_connect(TimePoint now);
  Event send(Step step, TimePoint now);
  void remember(const PGresult* result);
  Event finish_step(TimePoint now);
  Event finish_commit();
  Event fail_transaction(TimePoint now);
  Event close_with(Event::Kind kind);
  Event event(Event::Kind kind);
  bool alive() const;
  void flush();
  void become_idle();

  Duration command_timeout_;
  PGconn* pg_ = nullptr;
  Step step_ = Step::kClosed;
  bool probe_ = false;
  bool wants_write_ = false;
  TimePoint deadline_ = kNever;
  Answer answer_;
  Transaction transaction_;
};

}  // namespace pgrightsizer::app
