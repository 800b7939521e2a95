#include "integration/pgbouncer/pooled.h"

#include <stdexcept>

namespace pgrightsizer::testing {

pgbouncer::Login shop_login() { return {"shop", "pa\"ss'wd", "shop"}; }

std::unique_ptr<PostgresProcess> make_database(int max_connections,
                                               std::vector<std::string> settings) {
  auto database = std::make_unique<PostgresProcess>(PostgresProcess::Options{
      .max_connections = max_connections, .settings = std::move(settings), .arguments = {}});
  const auto login = shop_login();
  database->execute("create role shop login password " + postgres::quote_literal(login.password));
  database->execute("create database shop owner shop");
  return database;
}

pgbouncer::Spec spec_for(const PostgresProcess& database) {
  pgbouncer::Spec spec;
  spec.policy = "shop-db";
  spec.name_space = "shop";
  spec.boot_cap = 18;
  spec.pool_size = 150;
  spec.max_clients = 500;
  spec.port = 0;
  spec.image = "pgbouncer";
  spec.server_host = "127.0.0.1";
  spec.server_port = database.port();
  spec.logins = {shop_login()};
  spec.console_password = "console-\"password";
  return spec;
}

pgbouncer::Spec spec_with_stock(const PostgresProcess& database) {
  database.execute("create role stock login password 'stock'");
  database.execute("create database stock owner stock");
  auto spec = spec_for(database);
  spec.logins.push_back({"stock", "stock", "stock"});
  return spec;
}

Load::Load(const postgres::ConnectOptions& login, int clients, std::string statement) {
  for (int i = 0; i < clients; ++i) {
    auto session = postgres::Session::connect(login);
    if (!session) throw std::runtime_error(session.error().message());
    threads_.emplace_back([this, statement, open = std::move(*session)]() mutable {
      run(std::move(open), statement);
    });
  }
}

void Load::run(postgres::Session session, const std::string& statement) {
  while (!stopping_) {
    const auto done = session.query(statement, {}, std::chrono::seconds(60));
    if (done) {
      ++succeeded_;
      continue;
    }
    ++failed_;
    {
      const std::lock_guard lock(mutex_);
      if (first_failure_.empty()) first_failure_ = done.error().message();
    }
    if (!session.alive()) return;
  }
}

void Load::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace pgrightsizer::testing
