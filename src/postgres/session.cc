#include "pgrightsizer/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <thread>
#include <utility>

#include "errors.h"
#include "memory_file.h"
#include "resolve.h"

namespace pgrightsizer::postgres {
namespace {

using Steady = std::chrono::steady_clock;

struct FreeConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, FreeConnection>;
using Answer = std::unique_ptr<PGresult, FreeResult>;

constexpr int kRequireAuthSince = 160000;  // libpq
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

// False when the time is up first.
bool wait_for(int socket, short events, Steady::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
    pollfd wanted{socket, events, 0};
    const int n = ::poll(&wanted, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

bool over_unix_socket(const ConnectOptions& options) { return options.host.starts_with('/'); }

std::string object_of(const ConnectOptions& options) {
  const std::string what = options.console ? "PgBouncer " : "PostgreSQL ";
  return what + options.host + ":" + std::to_string(options.port);
}

// Keyword and value pairs as PQconnectStartParams takes them.
class Parameters {
 public:
  void add(const char* keyword, std::string value) {
    pairs_.emplace_back(keyword, std::move(value));
  }

  [[nodiscard]] PGconn* start() const {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    keywords.reserve(pairs_.size() + 1);
    values.reserve(pairs_.size() + 1);
    for (const auto& [keyword, value] : pairs_) {
      keywords.push_back(keyword);
      values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    return PQconnectStartParams(keywords.data(), values.data(), 0);
  }

 private:
  std::vector<std::pair<const char*, std::string>> pairs_;
};

// `host` stays the name that a certificate is compared with; the addresses are ours.
void add_addresses(Parameters& parameters, const std::string& host,
                   const std::vector<std::string>& addresses) {
  std::string hosts;
  std::string numbers;
  for (const auto& address : addresses) {
    if (!hosts.empty()) {
      hosts += ',';
      numbers += ',';
    }
    hosts += host;
    numbers += address;
  }
  parameters.add("host", hosts);
  parameters.add("hostaddr", numbers);
}

Parameters parameters_of(const ConnectOptions& options, const std::vector<std::string>& addresses,
                         const std::string& root_file) {
  Parameters parameters;
  if (over_unix_socket(options))
    parameters.add("host", options.host);
  else
    add_addresses(parameters, options.host, addresses);
  parameters.add("port", std::to_string(options.port));
  parameters.add("dbname", options.console && options.database == ConnectOptions{}.database
                               ? "pgbouncer"
                               : options.database);
  parameters.add("user", options.user);
  parameters.add("password", options.password);
  parameters.add("application_name", options.application_name);
  parameters.add("gssencmode", "disable");
  parameters.add("sslmode", options.sslmode.empty() ? "prefer" : options.sslmode);
  if (!root_file.empty()) parameters.add("sslrootcert", root_file);
  if (!options.console) parameters.add("client_encoding", "UTF8");
  if (!over_unix_socket(options) && PQlibVersion() >= kRequireAuthSince)
    parameters.add("require_auth", "scram-sha-256");
  return parameters;
}

Result<Connection> log_in(const Parameters& parameters, const std::string& object,
                          Steady::time_point until) {
  Connection connection(parameters.start());
  if (!connection) return fail(ErrorKind::Internal, "libpq has no memory for a connection", object);
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  auto next =
      PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED)
      return fail(login_error(PQerrorMessage(connection.get()), object));
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for(PQsocket(connection.get()), events, until))
      return fail(ErrorKind::Timeout, "no answer to the login in time", object);
    next = PQconnectPoll(connection.get());
  }
  return connection;
}

Result<std::vector<std::string>> addresses_for(const ConnectOptions& options) {
  if (over_unix_socket(options)) return std::vector<std::string>{};
  if (is_address(options.host)) return std::vector<std::string>{options.host};
  if (options.host.empty())
    return fail(ErrorKind::Invalid, "the host is empty", object_of(options));
  auto addresses = resolve(options.host, options.deadline);
  if (!addresses) addresses.error().object = object_of(options);
  return addresses;
}

// Without the cancel request a statement would hold one of the few reserved slots for as long as it
// likes. PQcancel blocks, so a thread of its own does it; PGcancel needs no connection.
void cancel_behind(PGconn* connection) {
  PGcancel* cancel = PQgetCancel(connection);
  if (!cancel) return;
  std::thread([cancel] {
    std::array<char, 256> error{};
    PQcancel(cancel, error.data(), error.size());
    PQfreeCancel(cancel);
  }).detach();
}

Rows rows_of(const PGresult* result) {
  Rows out;
  const int columns = PQnfields(result);
  const int count = PQntuples(result);
  for (int c = 0; c < columns; ++c) out.columns.emplace_back(PQfname(result, c));
  out.rows.reserve(static_cast<std::size_t>(count));
  for (int r = 0; r < count; ++r) {
    Row row(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c)
      if (!PQgetisnull(result, r, c)) row[static_cast<std::size_t>(c)] = PQgetvalue(result, r, c);
    out.rows.push_back(std::move(row));
  }
  return out;
}

bool is_success(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
}

class LibpqLink final : public Link {
 public:
  LibpqLink(Connection connection, std::string object, bool console)
      : connection_(std::move(connection)), object_(std::move(object)), console_(console) {}

  Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters,
                     std::chrono::milliseconds deadline) override {
    if (!alive()) return closed();
    const auto until = Steady::now() + deadline;
    if (!send(sql, parameters)) return lost();
    return collect(until);
  }

  Result<void> start(const std::string& sql) override {
    if (!alive()) return closed();
    if (!send(sql, {})) return lost();
    return {};
  }

  Result<std::optional<Rows>> poll(std::chrono::milliseconds wait) override {
    if (!alive()) return closed();
    const auto until = Steady::now() + wait;
    while (PQflush(get()) != 0 || PQisBusy(get())) {
      if (!wait_for(PQsocket(get()), POLLIN, until)) return std::optional<Rows>{};
      if (!PQconsumeInput(get())) return lost();
    }
    // What follows the first answer comes with it.
    auto rows = collect(Steady::now() + std::chrono::seconds(1));
    if (!rows) return fail(std::move(rows.error()));
    return std::optional<Rows>(std::move(*rows));
  }

  void close() override { connection_.reset(); }
  [[nodiscard]] bool alive() const override { return connection_ != nullptr; }
  [[nodiscard]] int backend_pid() const override { return alive() ? PQbackendPID(get()) : 0; }
  [[nodiscard]] int server_version() const override { return alive() ? PQserverVersion(get()) : 0; }

 private:
  [[nodiscard]] PGconn* get() const { return connection_.get(); }

  [[nodiscard]] tl::unexpected<Error> closed() const {
    return fail(ErrorKind::Unavailable, "the session is closed", object_);
  }

  [[nodiscard]] tl::unexpected<Error> lost() {
    auto error = lost_error(PQerrorMessage(get()), object_);
    connection_.reset();
    return fail(std::move(error));
  }

  [[nodiscard]] tl::unexpected<Error> too_late() {
    if (!console_) cancel_behind(get());
    connection_.reset();
    return fail(ErrorKind::Timeout, "no answer to a statement in time", object_);
  }

  bool send(const std::string& sql, const std::vector<std::string>& parameters) {
    if (parameters.empty()) return PQsendQuery(get(), sql.c_str()) == 1;
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& parameter : parameters) values.push_back(parameter.c_str());
    return PQsendQueryParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0) == 1;
  }

  // Sends what is left while it reads, so that neither side waits for the other.
  Result<void> await(Steady::time_point until) {
    while (true) {
      const int unsent = PQflush(get());
      if (unsent < 0) return lost();
      if (unsent == 0 && !PQisBusy(get())) return {};
      const short events = static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN);
      if (!wait_for(PQsocket(get()), events, until)) return too_late();
      if (!PQconsumeInput(get())) return lost();
    }
  }

  // All results of the statement: the rows of the last, or the first error.
  Result<Rows> collect(Steady::time_point until) {
    Result<Rows> out = Rows{};
    while (true) {
      if (auto ready = await(until); !ready) {
        // The server's last word, if there was one, says more than "connection lost".
        if (!out && ready.error().kind == ErrorKind::Unavailable) return out;
        return fail(std::move(ready.error()));
      }
      const Answer answer(PQgetResult(get()));
      if (!answer) break;
      if (is_success(answer.get())) {
        if (out) out = rows_of(answer.get());
      } else if (out) {
        out = fail(statement_error(answer.get(), PQstatus(get()) == CONNECTION_BAD, object_));
      }
      // COPY is not for here: its other end would wait for data for ever.
      if (const auto status = PQresultStatus(answer.get());
          status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
        return too_late();
    }
    if (PQstatus(get()) == CONNECTION_BAD) {
      connection_.reset();
      if (!out && out.error().kind == ErrorKind::Invalid) out.error().kind = ErrorKind::Unavailable;
    }
    return out;
  }

  Connection connection_;
  const std::string object_;
  const bool console_;
};

tl::unexpected<Error> moved_from() {
  return fail(ErrorKind::Unavailable, "the session was given away");
}

}  // namespace

Session::Session(std::unique_ptr<Link> link) : link_(std::move(link)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::connect(const ConnectOptions& options) {
  const auto until = Steady::now() + options.deadline;
  const std::string object = object_of(options);
  const auto addresses = addresses_for(options);
  if (!addresses) return fail(addresses.error());

  std::optional<MemoryFile> root;
  std::string root_file;
  if (!options.sslrootcert_pem.empty()) {
    auto file = MemoryFile::create(options.sslrootcert_pem);
    if (!file) return fail(std::move(file.error()));
    root.emplace(std::move(*file));
    root_file = root->path();
  } else if (options.sslmode.starts_with("verify-")) {
    root_file = kSystemRoots;
  }

  auto connection = log_in(parameters_of(options, *addresses, root_file), object, until);
  if (!connection) return fail(std::move(connection.error()));
  PQsetnonblocking(connection->get(), 1);
  return Session(std::make_unique<LibpqLink>(std::move(*connection), object, options.console));
}

Result<Rows> Session::query(const std::string& sql, const std::vector<std::string>& parameters,
                            std::chrono::milliseconds deadline) {
  return link_ ? link_->query(sql, parameters, deadline) : Result<Rows>(moved_from());
}

Result<void> Session::start(const std::string& sql) {
  return link_ ? link_->start(sql) : Result<void>(moved_from());
}

Result<std::optional<Rows>> Session::poll(std::chrono::milliseconds wait) {
  return link_ ? link_->poll(wait) : Result<std::optional<Rows>>(moved_from());
}

void Session::close() {
  if (link_) link_->close();
}

bool Session::alive() const { return link_ && link_->alive(); }

int Session::backend_pid() const { return alive() ? link_->backend_pid() : 0; }

int Session::server_version() const { return alive() ? link_->server_version() : 0; }

}  // namespace pgrightsizer::postgres
