// The console's tables of several versions, without a PgBouncer.
#include "pgbouncer/console_rows.h"

#include <gtest/gtest.h>

namespace pgrightsizer::pgbouncer {
namespace {

using namespace std::chrono_literals;
using postgres::Rows;

TEST(ParseVersion, AsEachReleaseWritesIt) {
  EXPECT_EQ(parse_version("PgBouncer 1.18.0").value(), (Version{1, 18, 0}));
  EXPECT_EQ(parse_version("PgBouncer 1.24.1").value(), (Version{1, 24, 1}));
  EXPECT_EQ(parse_version("PgBouncer 1.25").value(), (Version{1, 25, 0}));
  EXPECT_EQ(parse_version("PgBouncer 1.26dev").value(), (Version{1, 26, 0}));
  EXPECT_LT((Version{1, 9, 9}), (Version{1, 21, 0}));
  for (const char* bad : {"", "PgBouncer", "PgBouncer x", "PgBouncer 1", "1.24.1", "Odyssey 1.4"})
    EXPECT_EQ(parse_version(bad).error().kind, ErrorKind::Internal) << bad;
}

TEST(ConsoleRows, PoolsOfOldAndNew) {
  const Rows old{
      {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
       "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode"},
      {{"pgbouncer", "pgbouncer", "1", "0", "0", "0", "0", "0", "0", "0", "0", "s"},
       {"shop", "app", "5", "3", "2", "1", "1", "0", "1", "2", "500000", "transaction"}}};
  auto pools = pools_of(old);
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools.front().servers_total, 5);
  EXPECT_EQ(pools.front().longest_wait, 2'500'000us);
  // Later versions put more columns in between.
  const Rows later{{"database", "user", "sv_active", "sv_active_cancel", "sv_being_canceled",
                    "sv_idle", "load_balance_hosts", "cl_active", "pool_mode"},
                   {{"shop", "app", "2", "1", "1", "3", std::nullopt, "7", "transaction"}}};
  pools = pools_of(later);
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools.front().servers_total, 7);
  EXPECT_EQ(pools.front().clients_active, 7);
  EXPECT_EQ(pools.front().clients_waiting, 0);
}

TEST(ConsoleRows, IdleTimeCountsFromTheNewestRequest) {
  const Rows rows{
      {"type", "user", "database", "replication", "state", "addr", "request_time"},
      {{"C", "app", "shop", "none", "active", "10.0.0.1", "2025-03-30 01:59:58 CET"},
       {"C", "app", "shop", "none", "active", "10.0.0.2", "2025-03-30 00:00:00 CET"},
       {"C", "app", "shop", "none", "active", "10.0.0.3", ""},
       {"C", "me", "pgbouncer", "none", "active", "10.0.0.9", "2025-03-30 02:00:03 CET"}}};
  const auto clients = clients_of(rows);
  ASSERT_EQ(clients.size(), 3U);
  EXPECT_EQ(clients[0].idle_for, 5s);
  EXPECT_EQ(clients[1].idle_for, 2h + 3s);
  EXPECT_EQ(clients[2].idle_for, 0s);
  EXPECT_EQ(clients[0].address, "10.0.0.1");
  EXPECT_EQ(clients[0].id, 0) << "before 1.24 there is none";
}

TEST(ConsoleRows, TotalsAreThoseOfAllDatabases) {
  const Rows rows{{"database", "total_xact_count", "total_query_count", "total_wait_time"},
                  {{"shop", "10", "99", "2500"}, {"stock", "1", "99", "500"}, {"pgbouncer", "7", "7", "7"}}};
  const auto totals = totals_of(rows);
  EXPECT_EQ(totals.transactions, 11);
  EXPECT_EQ(totals.waited, 3ms);
}

TEST(ConsoleRows, ServersAndPauses) {
  const Rows servers{{"user", "database", "state", "remote_pid", "close_needed"},
                     {{"app", "shop", "idle", "77", "1"}}};
  EXPECT_EQ(servers_of(servers).front().remote_pid, 77);
  EXPECT_TRUE(servers_of(servers).front().close_needed);
  EXPECT_EQ(databases_of({{"name"}, {{"stock"}, {"pgbouncer"}, {"shop"}}}), (std::set<std::string>{"shop", "stock"}));
  EXPECT_FALSE(any_paused({{"name", "paused"}, {{"shop", "0"}, {"pgbouncer", "0"}}}));
  EXPECT_TRUE(any_paused({{"name", "paused"}, {{"shop", "0"}, {"stock", "1"}}}));
  EXPECT_FALSE(all_paused({{"name", "paused"}, {{"shop", "0"}, {"stock", "1"}}}));
  EXPECT_TRUE(all_paused({{"name", "paused"}, {{"shop", "1"}, {"stock", "1"}, {"pgbouncer", "0"}}}));
  EXPECT_FALSE(all_paused({{"name", "paused"}, {{"pgbouncer", "0"}}})) << "nothing to pause";
}

TEST(ConsoleRows, AConfigWithoutLimitsIsAnError) {
  Rows rows{{"key", "value", "default", "changeable"},
            {{"max_client_conn", "100", "100", "yes"}, {"default_pool_size", "20", "20", "yes"}}};
  EXPECT_EQ(config_of(rows).error().kind, ErrorKind::Internal);
  rows.rows.push_back({"max_db_connections", "9", "0", "yes"});
  ASSERT_TRUE(config_of(rows));
  EXPECT_EQ(config_of(rows)->default_pool_size, 20);
  EXPECT_EQ(config_of(rows)->max_db_connections, 9);
  EXPECT_EQ(config_of(rows)->max_client_conn, 100);
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
