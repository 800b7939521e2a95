// Pins the simulated PostgreSQL and PgBouncer to the real ones: one script runs against both, and what
// it tells must be the same.
#include <gmock/gmock.h>

#include <fstream>
#include <functional>

#include "integration/pgbouncer/pooled.h"
#include "pgrightsizer/pgbouncer/pause.h"
#include "pgrightsizer/postgres/server.h"
#include "simulation/servers.h"

namespace pgrightsizer::testing {
namespace {

using namespace std::chrono_literals;
using postgres::ConnectOptions;
using postgres::Session;
using Told = std::vector<std::string>;

std::string word(const Result<void>& done) { return std::string(done ? "ok" : to_string(done.error().kind)); }
template <typename T>
std::string word(const Result<T>& done) {
  return std::string(done ? "ok" : to_string(done.error().kind));
}
std::string word(bool is) { return is ? "yes" : "no"; }

// How to reach one kind of servers, and what only the world around them can do.
struct Servers {
  postgres::Connect open;
  ConnectOptions admin;    // PostgreSQL itself
  ConnectOptions direct;   // the application's login there
  ConnectOptions pooled;   // … and through the pooler
  ConnectOptions console;  // the pooler's
  std::function<void(int)> write_file;      // max_connections for the next start
  std::function<void()> fill;               // the application holds all it can get
};

// ── The real ones: 20 connections, as the simulated server has ──
class Real {
 public:
  Real() {
    servers_.open = Session::connect;
    servers_.admin = database_->login();
    servers_.direct = database_->login();
    servers_.direct.user = servers_.direct.database = "shop";
    servers_.direct.password = shop_login().password;
    servers_.pooled = pooler_.login();
    servers_.console = pooler_.login();
    servers_.console.user = pooler_.spec().console_user;
    servers_.console.password = pooler_.spec().console_password;
    servers_.console.database = "pgbouncer";
    servers_.console.console = true;
    servers_.write_file = [this](int value) {
      std::ofstream(database_->config()) << "max_connections = " << value << "\n";
    };
    servers_.fill = [this] {
      for (int i = 0; i < simulation::kOthers; ++i) held_.push_back(database_->session());
      while (auto one = Session::connect(servers_.direct)) held_.push_back(std::move(*one));
    };
  }
  Servers& servers() { return servers_; }

 private:
  std::unique_ptr<PostgresProcess> database_ = make_database(20);
  PgBouncerProcess pooler_{spec_for(*database_)};
  std::vector<Session> held_;
  Servers servers_;
};

// ── The simulated ones: the same, with one pooler ──
class Simulated {
 public:
  Simulated() {
    simulation::Pooler pooler;
    pooler.name = "pooler";
    pooler.ip = "10.1.0.1";
    pooler.cap = 18;
    pooler.ready = true;
    world_.poolers = {pooler};
    servers_.open = simulation::connect_to(world_);
    servers_.admin.host = servers_.direct.host = world_.db.ip;
    servers_.admin.user = "postgres";
    servers_.direct.user = servers_.pooled.user = "shop";
    servers_.pooled.host = servers_.console.host = pooler.ip;
    servers_.console.user = "pgrightsizer";
    servers_.console.console = true;
    servers_.write_file = [this](int value) {
      const auto path = simulation::path_of("/api/v1", "configmaps", "config");
      auto config = *world_.storage.find(path);
      config["data"]["postgresql.conf"] = "max_connections = " + std::to_string(value) + "\n";
      world_.storage.put(path, std::move(config));
    };
    servers_.fill = [this] { world_.app = {{world_.usable() - simulation::kOthers, 0, false}}; };
  }
  Servers& servers() { return servers_; }

 private:
  simulation::World world_{1, simulation::json::object()};
  Servers servers_;
};

pgbouncer::Console console_of(const Servers& servers) {
  const auto& to = servers.console;
  return std::move(*pgbouncer::Console::connect(to.host, to.port, to.user, to.password, 2s, servers.open));
}

std::string serves(const Servers& servers) {
  auto to = servers.pooled;
  to.deadline = 2s;
  auto session = servers.open(to);
  if (!session) return word(session);
  return word(session->query("select 1", {}, 2s));
}

Told caps(Servers& servers) {
  Told told;
  auto console = console_of(servers);
  told.push_back("a cap of 7: " + word(console.set_cap(7)));
  const auto config = console.config().value();
  told.push_back(std::to_string(config.default_pool_size) + " " + std::to_string(config.max_db_connections));
  told.push_back("RECONNECT: " + word(console.reconnect()));
  told.push_back("RELOAD: " + word(console.reload()));
  return told;
}

Told pauses(Servers& servers) {
  Told told;
  const auto& to = servers.console;
  const std::vector<pgbouncer::PauseTarget> targets = {{"a", to.host, to.port, to.user, to.password}};
  const auto look = [&] {
    const auto seen = console_of(servers).look().value();
    told.push_back("paused " + word(seen.paused) + " all " + word(seen.all_paused) +
                   (seen.paused && !seen.servers.empty() ? ", with servers" : ""));
  };
  told.push_back("serves: " + serves(servers));
  told.push_back("pause: " + word(pgbouncer::pause_all(targets, {"shop"}, servers.open)));
  look();
  told.push_back("serves: " + serves(servers));
  told.push_back("again: " + word(pgbouncer::pause_all(targets, {"shop"}, servers.open)));
  look();
  told.push_back("resume: " + word(pgbouncer::resume_all(targets, servers.open)));
  told.push_back("again: " + word(pgbouncer::resume_all(targets, servers.open)));
  told.push_back("by itself: " + word(console_of(servers).resume("shop")));
  told.push_back("serves: " + serves(servers));
  look();
  return told;
}

Told settings(Servers& servers) {
  Told told;
  auto session = std::move(*servers.open(servers.admin));
  const auto tell = [&] {
    const auto seen = postgres::read_settings(session).value();
    told.push_back(std::to_string(seen.max_connections) + " of which " + std::to_string(seen.superuser_reserved) +
                   " + " + std::to_string(seen.reserved) + ", pending " + word(seen.pending_restart) + ", next " +
                   std::to_string(seen.next_start.value_or(-1)));
  };
  tell();
  servers.write_file(30);
  tell();
  told.push_back("CHECKPOINT: " + word(postgres::checkpoint(session, 10s)));
  return told;
}

Told sessions(Servers& servers) {
  Told told;
  servers.fill();
  told.push_back("the administrator: " + word(servers.open(servers.admin)));
  told.push_back("the application: " + word(servers.open(servers.direct)));
  auto session = std::move(*servers.open(servers.admin));
  const auto of_shop = [&] {
    std::vector<std::int64_t> pids;
    const auto all = postgres::read_backends(session).value();
    for (const auto& one : all)
      if (one.user == "shop" && one.database == "shop") pids.push_back(one.pid);
    return pids;
  };
  const auto pids = of_shop();
  // Several: the simulated server does not count the operator's own session.
  const std::vector<std::int64_t> some(pids.begin(), pids.begin() + 4);
  told.push_back("ended: " + std::to_string(postgres::terminate(session, some).value()));
  told.push_back("fewer: " + word(eventually([&] { return of_shop().size() == pids.size() - some.size(); })));
  auto idle = postgres::read_backends(session).value();
  std::erase_if(idle, [&](const auto& one) { return one.pid != pids[4] && one.pid != pids[5]; });
  told.push_back("idle ones ended: " + std::to_string(postgres::terminate_idle(session, idle).value()));
  told.push_back("the application: " + word(servers.open(servers.direct)));
  return told;
}

template <typename Script>
void expect_the_same(const Script& script) {
  Real real;
  Simulated simulated;
  EXPECT_EQ(script(simulated.servers()), script(real.servers()));
}

TEST(SimulatedServers, HaveCapsAsPgBouncer) { expect_the_same(caps); }
TEST(SimulatedServers, ArePausedAsPgBouncer) { expect_the_same(pauses); }
TEST(SimulatedServers, ShowSettingsAsPostgreSql) { expect_the_same(settings); }
TEST(SimulatedServers, AreFullAsPostgreSql) { expect_the_same(sessions); }

TEST(SimulatedServers, ShowOnlyColumnsThatThereAre) {
  Real real;
  Simulated simulated;
  auto known = std::move(*real.servers().open(real.servers().console));
  auto made_up = std::move(*simulated.servers().open(simulated.servers().console));
  for (const char* what : {"SHOW CONFIG", "SHOW VERSION", "SHOW DATABASES", "SHOW POOLS", "SHOW SERVERS", "SHOW CLIENTS"}) {
    auto ours = made_up.query(what).value().columns;
    if (PgBouncerProcess::version() < pgbouncer::Version{1, 24, 0}) std::erase(ours, "id");  // of clients
    const auto theirs = known.query(what).value().columns;
    if (ours.size() == 1) continue;  // read by its place
    EXPECT_THAT(theirs, ::testing::IsSupersetOf(ours)) << what;
  }
}

}  // namespace
}  // namespace pgrightsizer::testing
