// A database with one application role behind one PgBouncer, and clients that load it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "integration/support/pgbouncer_process.h"
#include "integration/support/postgres_process.h"

namespace pgrightsizer::testing {

// Role shop, password pa"ss'wd, database shop.
[[nodiscard]] pgbouncer::Login shop_login();
[[nodiscard]] std::unique_ptr<PostgresProcess> make_database(
    int max_connections = 100, std::vector<std::string> settings = {});
// For that database: boot cap 18, console user pgrightsizer.
[[nodiscard]] pgbouncer::Spec spec_for(const PostgresProcess& database);

// The same with a second role and database, stock, which it makes.
[[nodiscard]] pgbouncer::Spec spec_with_stock(const PostgresProcess& database);

// Sessions that each run short transactions one after another until stop().
class Load {
 public:
  Load(const postgres::ConnectOptions& login, int clients, std::string statement);
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  void stop();
  [[nodiscard]] long succeeded() const { return succeeded_; }
  [[nodiscard]] long failed() const { return failed_; }
  // What the first failure was; empty: none. After stop().
  [[nodiscard]] const std::string& first_failure() const { return first_failure_; }

 private:
  void run(postgres::Session session, const std::string& statement);

  std::atomic<bool> stopping_{false};
  std::atomic<long> succeeded_{0};
  std::atomic<long> failed_{0};
  std::mutex mutex_;
  std::string first_failure_;
  std::vector<std::thread> threads_;
};

}  // namespace pgrightsizer::testing
