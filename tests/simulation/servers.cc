#include "servers.h"

#include <algorithm>

#include "effects.h"

namespace pgrightsizer::simulation {

namespace {

using postgres::ConnectOptions;
using postgres::Link;
using postgres::Row;
using postgres::Rows;

std::string text(std::int64_t number) { return std::to_string(number); }

tl::unexpected<Error> unknown(const std::string& sql) {
  return fail(ErrorKind::Internal, "the simulation does not know: " + sql);
}

// A statement is answered at once, or at its poll.
class AnswersAtOnce : public Link {
 public:
  Result<void> start(const std::string& sql) override {
    started_ = query(sql, {}, milliseconds(0));
    return {};
  }
  Result<std::optional<Rows>> poll(milliseconds wait) override {
    auto rows = std::move(*started_);
    if (!rows && rows.error().kind == ErrorKind::Timeout && wait.count() == 0) {
      started_ = std::move(rows);
      return std::optional<Rows>{};
    }
    if (!rows && rows.error().kind == ErrorKind::Timeout) {
      started_ = retry(wait);
      return std::optional<Rows>{};
    }
    if (!rows) return fail(rows.error());
    return std::optional<Rows>(std::move(*rows));
  }
  [[nodiscard]] int backend_pid() const override { return 1; }
  [[nodiscard]] int server_version() const override { return 170000; }

 protected:
  virtual Result<Rows> retry(milliseconds) { return fail(ErrorKind::Timeout, "still waiting"); }

 private:
  std::optional<Result<Rows>> started_;
};

// ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────

class PostgresLink final : public AnswersAtOnce {
 public:
  PostgresLink(World& world, std::string uid) : world_(world), uid_(std::move(uid)) {}

  Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters, milliseconds) override {
    if (!alive()) return fail(ErrorKind::Unavailable, "the session is closed");
    if (auto lost = maybe_fail(world_, "a statement fails")) {
      open_ = false;
      return fail(*lost);
    }
    const auto has = [&](const char* part) { return sql.find(part) != std::string::npos; };
    if (has("pg_postmaster_start_time")) return settings();
    if (has("from pg_file_settings")) return files();
    if (has("pg_terminate_backend")) return terminate(parameters);
    if (has("from pg_stat_activity a")) return activity();
    if (has("with mine as")) return Rows{{"what", "usename", "address", "detail"}, {}};
    if (sql == "checkpoint" || sql == "select 1" || sql == "SELECT 1") return Rows{{"one"}, {{"1"}}};
    return unknown(sql);
  }
  void close() override { open_ = false; }
  [[nodiscard]] bool alive() const override {
    return open_ && world_.db.pod_uid == uid_ && world_.db.state == Server::Up;
  }

 private:
  Rows settings() const {
    const auto& db = world_.db;
    return {{"max_connections", "pending", "source", "sourcefile", "sourceline", "superuser", "reserved", "version",
             "shared_memory", "sees_sessions", "data_directory", "started"},
            {{text(db.effective), "0", "configuration file", "/conf/postgresql.conf", "1", text(kReserved), "0",
              "170000", "0", "1", "/data", text(db.started.time_since_epoch().count())}}};
  }
  Rows files() const {
    return {{"sourcefile", "sourceline", "setting", "error"},
            {{"/conf/postgresql.conf", "1", text(world_.requested()), ""}}};
  }
  Rows activity() const {
    Rows rows{{"pid", "usename", "datname", "address", "state", "application_name", "tls", "idle", "age", "transaction"}, {}};
    const auto add = [&](int pid, const char* user, const std::string& address) {
      rows.rows.push_back({text(pid), user, "shop", address, "idle", "", "0", "5000", "5000", "0"});
    };
    for (std::size_t i = 0; i < world_.app.size(); ++i)
      for (int k = 0; k < world_.app[i].direct; ++k)
        add(10'000 + static_cast<int>(i) * 100 + k, "shop", "10.2.0." + std::to_string(i));
    for (std::size_t i = 0; i < world_.poolers.size(); ++i)
      for (int k = 0; k < world_.poolers[i].servers; ++k)
        add(100'000 + static_cast<int>(i) * 1'000 + k, "shop", world_.poolers[i].ip);
    for (int i = 0; i < kOthers; ++i) add(500 + i, "postgres", "10.3.0.1");
    return rows;
  }
  Result<Rows> terminate(const std::vector<std::string>& parameters) {
    int ended = 0;
    const auto lost = with_faults(world_, "terminate", [&] {
      for (std::size_t i = 0; i < world_.app.size(); ++i) {
        auto& pod = world_.app[i];
        for (int k = pod.direct - 1; k >= 0; --k)
          if (parameters[0].find(text(10'000 + static_cast<int>(i) * 100 + k)) != std::string::npos) --pod.direct, ++ended;
      }
    });
    if (lost) return fail(*lost);
    return Rows{{"ended"}, {{text(ended)}}};
  }

  World& world_;
  const std::string uid_;
  bool open_ = true;
};

// ── PgBouncer ───────────────────────────────────────────────────────────────────────────────────

class ConsoleLink final : public AnswersAtOnce {
 public:
  ConsoleLink(World& world, std::string ip) : world_(world), ip_(std::move(ip)) {}

  Result<Rows> query(const std::string& sql, const std::vector<std::string>&, milliseconds) override {
    auto* pod = alive() ? world_.pooler_at(ip_) : nullptr;
    if (!pod) return fail(ErrorKind::Unavailable, "the console is closed");
    if (sql.starts_with("SHOW ")) {
      if (auto lost = maybe_fail(world_, "a console fails")) return fail(*lost);
      return show(*pod, sql.substr(5));
    }
    Result<Rows> answer = Rows{};
    const auto lost = with_faults(world_, "console", [&] {
      const Charge charge(world_, pod->name + " " + sql);
      answer = command(*pod, sql);
    });
    if (lost) {
      open_ = false;
      return fail(*lost);
    }
    return answer;
  }
  void close() override { open_ = false; }
  [[nodiscard]] bool alive() const override {
    const auto* pod = world_.pooler_at(ip_);
    return open_ && pod && pod->ready && !pod->terminating;
  }

 private:
  static Rows show(const Pooler& pod, const std::string& what) {
    if (what == "CONFIG")
      return {{"key", "value"},
              {{"default_pool_size", text(pod.cap)}, {"max_db_connections", text(pod.cap)}, {"max_client_conn", "10000"}}};
    if (what == "VERSION") return {{"version"}, {{"PgBouncer 1.24.1"}}};
    if (what == "DATABASES") return {{"name", "paused"}, {{"shop", pod.paused ? "1" : "0"}, {"pgbouncer", "0"}}};
    if (what == "POOLS")
      return {{"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_login", "maxwait", "maxwait_us",
               "pool_mode"},
              {{"shop", "shop", text(pod.clients), "0", "0", text(pod.servers), "0", "0", "0", "transaction"}}};
    Rows rows;
    if (what == "SERVERS") {
      rows.columns = {"remote_pid", "database", "user", "state", "close_needed"};
      // Its place in the world's list is not known here: the operator knows them by address, too.
      for (int i = 0; i < pod.servers; ++i) rows.rows.push_back({text(900'000 + i), "shop", "shop", "idle", "0"});
    }
    if (what == "CLIENTS") {
      rows.columns = {"id", "database", "user", "addr", "state", "request_time"};
      for (int i = 0; i < pod.clients; ++i)
        rows.rows.push_back({text(i + 1), "shop", "shop", "10.2.0.1", "idle", "2027-01-01 00:00:00 UTC"});
    }
    return rows;
  }

  Result<Rows> command(Pooler& pod, const std::string& sql) {
    if (sql.starts_with("SET default_pool_size = ") || sql.starts_with("SET max_db_connections = ")) {
      pod.cap = std::stoi(sql.substr(sql.rfind(' ') + 1));
      return Rows{};
    }
    if (sql.starts_with("RECONNECT")) {
      pod.servers = std::min(pod.servers, pod.cap);
      return Rows{};
    }
    if (sql.starts_with("RELOAD") || sql.starts_with("SET ") || sql.starts_with("KILL_CLIENT")) return Rows{};
    if (sql.starts_with("PAUSE")) {
      if (pod.paused) return fail(ErrorKind::Invalid, "database \"shop\" already suspended/paused");
      pod.paused = true;
      pod.paused_at = world_.clock.elapsed();
      pod.servers = 0;
      // Sometimes a transaction is open for longer than anybody waits.
      if (world_.faults.on && world_.dice.one_in(6)) {
        ++world_.fault_counts["PAUSE held up"];
        return fail(ErrorKind::Timeout, "transactions are open");
      }
      return Rows{};
    }
    if (sql.starts_with("RESUME")) {
      if (!pod.paused) return fail(ErrorKind::Invalid, "database \"shop\" is not paused");
      pod.paused = false;
      return Rows{};
    }
    return unknown(sql);
  }

  World& world_;
  const std::string ip_;
  bool open_ = true;
};

// A session of the application through a pooler: only whether it serves is asked.
class ClientLink final : public AnswersAtOnce {
 public:
  Result<Rows> query(const std::string&, const std::vector<std::string>&, milliseconds) override {
    return Rows{{"one"}, {{"1"}}};
  }
  void close() override {}
  [[nodiscard]] bool alive() const override { return true; }
};

Result<postgres::Session> to_postgres(World& world, const ConnectOptions& options) {
  if (world.db.state != Server::Up) return fail(ErrorKind::Unavailable, "connection refused");
  if (options.user != "postgres" && world.sessions() >= world.usable())
    return fail(ErrorKind::TooManySessions, "remaining connection slots are reserved");
  return postgres::Session(std::make_unique<PostgresLink>(world, world.db.pod_uid));
}

Result<postgres::Session> through_pooler(World& world, Pooler& pod) {
  if (pod.paused) {
    world.clock.advance(milliseconds(2'000));
    return fail(ErrorKind::Timeout, "no answer to the login in time");
  }
  if (world.db.state != Server::Up) return fail(ErrorKind::Unavailable, "server login failed");
  if (pod.servers == 0 && world.sessions() >= world.usable())
    return fail(ErrorKind::TooManySessions, "remaining connection slots are reserved");
  return postgres::Session(std::make_unique<ClientLink>());
}

}  // namespace

postgres::Connect connect_to(World& world) {
  return [&world](const ConnectOptions& options) -> Result<postgres::Session> {
    if (auto lost = maybe_fail(world, "a login fails")) return fail(*lost);
    if (options.host == world.db.ip || options.host == "10.96.0.1") return to_postgres(world, options);
    auto* pod = world.pooler_at(options.host);
    if (!pod || !pod->ready || pod->terminating) return fail(ErrorKind::Unavailable, "connection refused");
    if (options.console) return postgres::Session(std::make_unique<ConsoleLink>(world, options.host));
    return through_pooler(world, *pod);
  };
}

}  // namespace pgrightsizer::simulation
