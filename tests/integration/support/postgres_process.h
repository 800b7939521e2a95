// A PostgreSQL of its own for one test: the newest installed, on a free port of 127.0.0.1, in a
// temporary directory. $PGRS_POSTGRES_BIN names another directory of binaries.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "integration/support/child_process.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::testing {

class PostgresProcess {
 public:
  struct Options {
    int max_connections = 100;
    std::vector<std::string> settings;   // lines of the configuration file
    std::vector<std::string> arguments;  // of the command line
    const PostgresProcess* primary = nullptr;  // made as a streaming standby of this one
  };

  // Superuser "postgres" with the password "secret", SCRAM over TCP. Throws when it does not start.
  PostgresProcess() : PostgresProcess(Options{}) {}
  explicit PostgresProcess(const Options& options);
  ~PostgresProcess();

  void start();  // throws with the log when it does not accept within 30 s
  void stop();   // fast
  void crash();  // at once, as a node does that dies
  // Starts and expects it to exit by itself: its log.
  [[nodiscard]] std::string start_and_fail();
  void restart() {
    stop();
    start();
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::filesystem::path data() const { return directory_.path() / "data"; }
  // The file whose lines are `settings`; data()/postgresql.conf includes it.
  [[nodiscard]] std::filesystem::path config() const {
    return directory_.path() / "conf" / "postgresql.conf";
  }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] postgres::ConnectOptions login() const;  // of the superuser
  // A session of the superuser; throws when there is none.
  [[nodiscard]] postgres::Session session() const;
  // As the superuser; throws when it fails.
  void execute(const std::string& sql) const;
  [[nodiscard]] ChildProcess& process() { return process_; }

 private:
  void initialize(const Options& options);
  void copy_from(const PostgresProcess& primary);
  void configure(const Options& options);
  void launch();

  TemporaryDirectory directory_;
  std::vector<std::string> arguments_;
  int port_;
  ChildProcess process_;
};

}  // namespace pgrightsizer::testing
