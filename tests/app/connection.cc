#include "app/connection.h"

#include <array>
#include <memory>
#include <utility>

namespace pgrightsizer::app {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string field(const PGresult* result, int code) {
  const char* value = PQresultErrorField(result, code);
  return value == nullptr ? std::string() : std::string(value);
}

std::string one_line(const char* message) {
  std::string text(message);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace

Event Connection::open(const Parameters& parameters, bool probe, TimePoint now, Duration timeout) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  pg_ = PQconnectStartParams(names.data(), values.data(), 0);
  step_ = Step::kConnecting;
  deadline_ = now + timeout;
  probe_ = probe;
  wants_write_ = true;
  if (pg_ == nullptr || PQstatus(pg_) == CONNECTION_BAD) return close_with(Event::Kind::kRefused);
  // Verbose: that is the only way to learn the SQLSTATE of a refused connection.
  PQsetErrorVerbosity(pg_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      pg_, [](void*, const char*) {}, nullptr);
  return {};
}

Event Connection::advance_connect(TimePoint now) {
  switch (PQconnectPoll(pg_)) {
    case PGRES_POLLING_OK:
      if (PQsetnonblocking(pg_, 1) != 0) return close_with(Event::Kind::kRefused);
      transaction_ = {};
      if (probe_) return send(Step::kProbe, now);
      become_idle();
      return event(Event::Kind::kOpened);
    case PGRES_POLLING_FAILED:
      return close_with(Event::Kind::kRefused);
    case PGRES_POLLING_WRITING:
      wants_write_ = true;
      return {};
    default:
      wants_write_ = false;
      return {};
  }
}

Event Connection::run(Transaction transaction, TimePoint now) {
  transaction_ = std::move(transaction);
  return send(Step::kValidate, now);
}

Event Connection::send(Step step, TimePoint now) {
  step_ = step;
  answer_ = {};
  deadline_ = now + command_timeout_;
  const std::string seq = std::to_string(transaction_.seq);
  const std::array<const char*, 3> values{transaction_.id.c_str(), transaction_.pod.c_str(),
                                          seq.c_str()};
  const char* sql = "SELECT 1";
  if (step == Step::kBegin) sql = "BEGIN";
  if (step == Step::kInsert) sql = "INSERT INTO ledger (id, pod, seq) VALUES ($1, $2, $3)";
  if (step == Step::kCommit) sql = "COMMIT";
  if (step == Step::kRollback) sql = "ROLLBACK";
  const int count = step == Step::kInsert ? static_cast<int>(values.size()) : 0;
  if (PQsendQueryParams(pg_, sql, count, nullptr, values.data(), nullptr, nullptr, 0) == 0) {
    answer_.message = one_line(PQerrorMessage(pg_));
    return finish_step(now);
  }
  flush();
  return {};
}

Event Connection::on_ready(TimePoint now) {
  if (step_ == Step::kConnecting) return advance_connect(now);
  const bool readable = PQconsumeInput(pg_) == 1;
  if (step_ == Step::kIdle) {
    while (PQisBusy(pg_) == 0) {
      const Result unexpected(PQgetResult(pg_), &PQclear);
      if (!unexpected) break;
    }
    return readable && alive() ? Event{} : close_with(Event::Kind::kLost);
  }
  flush();
  // A connection that broke may still have left an answer in libpq's buffer: read to the end.
  while (!readable || PQisBusy(pg_) == 0) {
    const Result result(PQgetResult(pg_), &PQclear);
    if (!result) return finish_step(now);
    remember(result.get());
  }
  return {};
}

void Connection::remember(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    answer_.ok = true;
    answer_.tag = PQcmdStatus(const_cast<PGresult*>(result));  // reads only, older than const
    return;
  }
  if (!answer_.message.empty()) return;  // the first error is the cause
  answer_.sqlstate = field(result, PG_DIAG_SQLSTATE);
  answer_.severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  // Poolers send the older field only.
  if (answer_.severity.empty()) answer_.severity = field(result, PG_DIAG_SEVERITY);
  answer_.message = one_line(PQresultErrorMessage(result));
}

Event Connection::finish_step(TimePoint now) {
  const bool good = answer_.ok && answer_.message.empty() && alive();
  switch (step_) {
    case Step::kProbe:
      if (!good) return close_with(Event::Kind::kBounced);
      become_idle();
      return event(Event::Kind::kOpened);
    case Step::kValidate:
      return good ? send(Step::kBegin, now) : close_with(Event::Kind::kBounced);
    case Step::kBegin:
      return good ? send(Step::kInsert, now) : fail_transaction(now);
    case Step::kInsert:
      return good ? send(Step::kCommit, now) : fail_transaction(now);
    case Step::kCommit:
      return finish_commit();
    default:
      if (!good) return close_with(Event::Kind::kLost);
      become_idle();
      return {};
  }
}

Event Connection::finish_commit() {
  Event::Kind kind = Event::Kind::kUnknown;
  switch (commit_verdict(answer_, alive())) {
    case Verdict::kSucceeded:
      kind = Event::Kind::kSucceeded;
      break;
    case Verdict::kFailed:
      kind = Event::Kind::kFailed;
      break;
    case Verdict::kUnknown:
      break;
  }
  if (!alive() || PQtransactionStatus(pg_) != PQTRANS_IDLE) return close_with(kind);
  Event result = event(kind);
  become_idle();
  return result;
}

Event Connection::fail_transaction(TimePoint now) {
  if (!alive()) return close_with(Event::Kind::kFailed);
  Event failed = event(Event::Kind::kFailed);
  if (PQtransactionStatus(pg_) == PQTRANS_IDLE) {
    become_idle();
  } else if (send(Step::kRollback, now).kind != Event::Kind::kNone) {
    close();
  }
  return failed;
}

Event Connection::give_up(const std::string& cls, const std::string& why) {
  answer_ = {};
  answer_.message = why;
  Event::Kind kind = Event::Kind::kLost;
  if (step_ == Step::kConnecting) kind = Event::Kind::kRefused;
  if (step_ == Step::kValidate || step_ == Step::kProbe) kind = Event::Kind::kBounced;
  if (step_ == Step::kBegin || step_ == Step::kInsert) kind = Event::Kind::kFailed;
  if (step_ == Step::kCommit) kind = Event::Kind::kUnknown;
  Event result = close_with(kind);
  result.cls = cls;
  result.message = why;
  return result;
}

Event Connection::event(Event::Kind kind) {
  Event result{.kind = kind, .cls = {}, .message = {}, .transaction = {}};
  if (kind == Event::Kind::kOpened) return result;
  result.transaction = std::move(transaction_);
  if (kind == Event::Kind::kSucceeded) return result;
  result.message = answer_.message;
  if (result.message.empty()) result.message = one_line(PQerrorMessage(pg_));
  if (result.message.empty()) result.message = "answered " + answer_.tag;
  std::string sqlstate = answer_.sqlstate;
  if (sqlstate.empty() && kind == Event::Kind::kRefused) sqlstate = sqlstate_in(result.message);
  result.cls = failure_class(sqlstate, result.message);
  return result;
}

Event Connection::close_with(Event::Kind kind) {
  Event result = event(kind);
  close();
  return result;
}

void Connection::close() {
  if (pg_ != nullptr) PQfinish(pg_);
  pg_ = nullptr;
  step_ = Step::kClosed;
  deadline_ = kNever;
  answer_ = {};
}

bool Connection::alive() const {
  return PQstatus(pg_) == CONNECTION_OK && PQtransactionStatus(pg_) != PQTRANS_UNKNOWN;
}

void Connection::flush() { wants_write_ = PQflush(pg_) == 1; }

void Connection::become_idle() {
  step_ = Step::kIdle;
  deadline_ = kNever;
  wants_write_ = false;
  answer_ = {};
}

pollfd Connection::wanted() const {
  // While connecting libpq waits for one direction only; later it always wants to read.
  short events = POLLIN;
  if (wants_write_) {
    const bool connecting = step_ == Step::kConnecting;
    events = connecting ? static_cast<short>(POLLOUT) : static_cast<short>(POLLIN | POLLOUT);
  }
  return {.fd = PQsocket(pg_), .events = events, .revents = 0};
}

}  // namespace pgrightsizer::app
