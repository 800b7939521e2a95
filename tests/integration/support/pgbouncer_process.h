// A real PgBouncer with the very file that a pooler pod would have, only its paths are local.
// $PGRS_PGBOUNCER names another binary than /usr/sbin/pgbouncer.
#pragma once

#include <filesystem>
#include <string>

#include "integration/support/child_process.h"
#include "pgrightsizer/pgbouncer/console.h"
#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::testing {

class PgBouncerProcess {
 public:
  // spec.port 0: a free one. Listens on 127.0.0.1. Throws when it does not start.
  explicit PgBouncerProcess(const pgbouncer::Spec& spec);
  ~PgBouncerProcess();

  void start();
  void stop();
  // Writes both files anew; RELOAD is the caller's.
  void write(const pgbouncer::Spec& spec);

  [[nodiscard]] const pgbouncer::Spec& spec() const { return spec_; }
  [[nodiscard]] int port() const { return spec_.port; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] static pgbouncer::Version version();  // of the binary
  // A login of the application; `index` into spec.logins.
  [[nodiscard]] postgres::ConnectOptions login(std::size_t index = 0) const;
  // Throws when there is none.
  [[nodiscard]] pgbouncer::Console console() const;
  [[nodiscard]] ChildProcess& process() { return process_; }

 private:
  TemporaryDirectory directory_;
  pgbouncer::Spec spec_;
  ChildProcess process_;
};

}  // namespace pgrightsizer::testing
