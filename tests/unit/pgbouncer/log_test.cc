#include "pgrightsizer/pgbouncer/log.h"

#include <gtest/gtest.h>

#include <string>

namespace pgrightsizer::pgbouncer {
namespace {

using enum postgres::ConnectionError;

std::optional<postgres::ConnectionError> told(const std::string& text) {
  return error_in_log("2026-03-01 12:00:00.000 UTC [1] WARNING C-0x55: shop/shop@10.0.0.7:4711 pooler error: " +
                      text);
}

TEST(PoolerLogTest, WhatClientsAreTold) {
  EXPECT_EQ(told("no more connections allowed (max_client_conn)"), Refused);
  EXPECT_EQ(told("client connections exceeded (max_user_client_connections)"), Refused);
  EXPECT_EQ(told("client_login_timeout (server down)"), Refused);
  EXPECT_EQ(told("server login has been failing, cached error: connect failed (server_login_retry)"), Refused);
  EXPECT_EQ(told("sorry, too many clients already"), Refused);
  EXPECT_EQ(told("remaining connection slots are reserved for roles"), Refused);
  EXPECT_EQ(told("query_wait_timeout"), QueryWaitTimeout);
  EXPECT_EQ(told("SASL authentication failed"), LoginFailed);
  EXPECT_EQ(told("password authentication failed"), LoginFailed);
  EXPECT_EQ(told("no such user: x"), LoginFailed);
  EXPECT_EQ(told("query_timeout"), Killed);
  EXPECT_EQ(told("client_idle_timeout"), Killed);
  EXPECT_EQ(told("admin forced disconnect"), Killed);
  EXPECT_EQ(told("server conn crashed?"), Killed);
}

TEST(PoolerLogTest, TheServersOwnRefusalIsOneWhateverTheLoginSays) {
  EXPECT_EQ(told("server login has been failing, cached error: password authentication failed"), LoginFailed);
  EXPECT_EQ(told("server login has been failing, cached error: sorry, too many clients already"), Refused);
}

TEST(PoolerLogTest, NothingElseCounts) {
  EXPECT_EQ(told("unsupported startup parameter: x"), std::nullopt);
  EXPECT_EQ(error_in_log(""), std::nullopt);
  EXPECT_EQ(error_in_log("LOG C-0x55: shop/shop@10.0.0.7:4711 closing because: query_wait_timeout (age=2s)"),
            std::nullopt);
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
