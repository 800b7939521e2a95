// One session with a server. Bounded in time: every call has a deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::postgres {

struct ConnectOptions {
  std::string host;  // an IP or a name
  int port = 5432;
  std::string database = "postgres";
  std::string user;
  std::string password;
  std::string sslmode = "prefer";
  std::string sslrootcert_pem;  // empty: the system's
  std::string application_name = "pg-rightsizer";
  bool console = false;  // PgBouncer's admin console, "pgbouncer" unless `database` says otherwise
  std::chrono::milliseconds deadline{5'000};
};

using Row = std::vector<std::optional<std::string>>;

struct Rows {
  std::vector<std::string> columns;
  std::vector<Row> rows;

  [[nodiscard]] std::optional<std::size_t> column(const std::string& name) const;
  // The cell as text, nullopt when NULL or when there is no such column or row.
  [[nodiscard]] std::optional<std::string> text(std::size_t row, const std::string& column) const;
  [[nodiscard]] std::optional<std::int64_t> number(std::size_t row,
                                                   const std::string& column) const;
};

// What carries the statements of a Session: libpq, or a simulated server. Not thread-safe.
class Link {
 public:
  virtual ~Link() = default;
  // Session's functions of the same names.
  virtual Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters,
                             std::chrono::milliseconds deadline) = 0;
  virtual Result<void> start(const std::string& sql) = 0;
  virtual Result<std::optional<Rows>> poll(std::chrono::milliseconds wait) = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual bool alive() const = 0;
  [[nodiscard]] virtual int backend_pid() const = 0;
  [[nodiscard]] virtual int server_version() const = 0;
};

// Not thread-safe. A session that lost its connection or its time stays failed; open another. A
// statement that the server refused leaves it usable. The text of an error is the server's own.
// Errors: Unauthorized (28xxx, no SCRAM, certificate), TooManySessions (53300), Unavailable
// (refused, starting up 57P03, shut down 57P01/02, connection lost), Timeout, Forbidden (42501),
// Invalid (anything else the server refuses).
class Session {
 public:
  // Logs in with SCRAM only (require_auth=scram-sha-256 where libpq knows it: 16 and later), except
  // over a unix socket, where no stranger can listen.
  [[nodiscard]] static Result<Session> connect(const ConnectOptions& options);
  explicit Session(std::unique_ptr<Link> link);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // The rows of the last statement. Without parameters the simple protocol is used: the only one a
  // console understands. A statement that is still running at its deadline is cancelled.
  [[nodiscard]] Result<Rows> query(const std::string& sql,
                                   const std::vector<std::string>& parameters = {},
                                   std::chrono::milliseconds deadline = std::chrono::seconds(5));
  // Sends one statement and does not wait for it; nothing else may be sent until poll() has its
  // answer. For what takes long: CHECKPOINT, PAUSE.
  [[nodiscard]] Result<void> start(const std::string& sql);
  // The answer to start(), nullopt when there is none yet after waiting that long at most.
  [[nodiscard]] Result<std::optional<Rows>> poll(std::chrono::milliseconds wait);
  // Ends the session now; it is not alive afterwards.
  void close();
  [[nodiscard]] bool alive() const;  // no failure so far, not closed, not moved from
  [[nodiscard]] int backend_pid() const;
  [[nodiscard]] int server_version() const;  // 170002

 private:
  std::unique_ptr<Link> link_;
};

// How sessions are opened: Session::connect, or a test's own.
using Connect = std::function<Result<Session>(const ConnectOptions&)>;

// 'it''s' and "odd""name": for statements that take no parameters.
[[nodiscard]] std::string quote_literal(const std::string& text);
[[nodiscard]] std::string quote_identifier(const std::string& name);

}  // namespace pgrightsizer::postgres
