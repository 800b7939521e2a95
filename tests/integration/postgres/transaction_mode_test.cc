// What real sessions leave to be seen, and what must not be taken for it; and limits of roles.
#include "pgrightsizer/postgres/transaction_mode.h"

#include <gmock/gmock.h>

#include "integration/support/postgres_process.h"
#include "pgrightsizer/postgres/server.h"

namespace pgrightsizer::postgres {
namespace {

using namespace ::testing;
using testing::PostgresProcess;

class TransactionMode : public Test {
 protected:
  TransactionMode() {
    server_.execute("create role shop login password 'shop'");
    server_.execute("create database shop owner shop");
  }

  Session session(const std::string& user = "shop", const std::string& password = "shop") {
    auto options = server_.login();
    options.user = user;
    options.password = password;
    options.database = "shop";
    auto session = Session::connect(options);
    if (!session) throw std::runtime_error(session.error().message());
    return std::move(*session);
  }

  // What one session of the application leaves to be seen after these statements.
  std::vector<std::string> seen(const std::vector<std::string>& statements, bool prepared = true) {
    auto one = session();
    for (const auto& statement : statements) {
      const auto done = one.query(statement);
      if (!done) throw std::runtime_error(statement + ": " + done.error().message());
    }
    return look(prepared);
  }

  std::vector<std::string> look(bool prepared = true) {
    auto admin = session("postgres", "secret");
    const auto found = read_incompatibilities(admin, {"shop"}, prepared);
    if (!found) throw std::runtime_error(found.error().message());
    std::vector<std::string> out;
    for (const auto& one : *found) {
      EXPECT_EQ(one.user, "shop");
      out.push_back(one.what);
    }
    return out;
  }

  PostgresProcess server_;
};

TEST_F(TransactionMode, EachKindIsSeen) {
  EXPECT_THAT(seen({"listen orders"}), ElementsAre("LISTEN"));
  EXPECT_THAT(seen({"select pg_advisory_lock(7)"}), ElementsAre("session advisory lock"));
  EXPECT_THAT(seen({"create temp table basket (id int)"}), ElementsAre("temporary table"));
  EXPECT_THAT(seen({"begin; declare c cursor with hold for select 1; commit",
                    "declare d cursor with hold for select 1"}),
              ElementsAre("cursor WITH HOLD"));
  EXPECT_THAT(seen({"  PREPARE q as select 1"}), ElementsAre("PREPARE"));
}

// Conditions and events tell it, and a statement may hold anybody's data.
TEST_F(TransactionMode, TheDetailOfAStatementIsNoMoreThanAName) {
  const auto detail = [&](const std::string& statement, const std::vector<std::string>& values = {}) {
    EXPECT_TRUE(testing::eventually([&] { return look(false).empty(); })) << "the one before has gone";
    auto one = session();
    if (const auto done = one.query(statement, values); !done) throw std::runtime_error(done.error().message());
    auto admin = session("postgres", "secret");
    const auto found = read_incompatibilities(admin, {"shop"}, false);
    return found && found->size() == 1 ? found->front().detail : "not one";
  };
  EXPECT_EQ(detail("listen orders; select 'a secret'"), "listen orders");
  EXPECT_EQ(detail(" PREPARE \"my q\"(int) as select 'a secret'"), "PREPARE \"my q\"");
  EXPECT_EQ(detail("declare c cursor with hold for select 'a secret'"), "declare c");
  EXPECT_EQ(detail("select $1::int, 'a secret'", {"1"}), "select");
}

TEST_F(TransactionMode, WhatOnlyLooksLikeItIsNot) {
  EXPECT_THAT(seen({"select 'listen to me'"}), IsEmpty());
  EXPECT_THAT(seen({"begin; select pg_advisory_xact_lock(7); commit"}), IsEmpty());
  EXPECT_THAT(seen({"begin; create temp table b (id int) on commit drop; commit"}), IsEmpty());
  EXPECT_THAT(seen({"begin", "declare c cursor for select 1"}), IsEmpty());
  EXPECT_THAT(seen({"create table preparex (id int)"}), IsEmpty());
}

TEST_F(TransactionMode, NothingIsLeftWhenTheSessionHasGone) {
  seen({"listen orders", "create temp table basket (id int)"});
  EXPECT_TRUE(testing::eventually([&] { return look().empty(); }));
}

TEST_F(TransactionMode, OtherRolesDoNotCount) {
  auto admin = session("postgres", "secret");
  ASSERT_TRUE(admin.query("listen orders"));
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(TransactionMode, ParametersCountOnlyForAPoolerThatDoesNotPrepare) {
  auto one = session();
  ASSERT_TRUE(one.query("select $1::int", {"1"}));
  EXPECT_THAT(look(true), IsEmpty());
  EXPECT_THAT(look(false), ElementsAre("prepared statement"));
}

TEST_F(TransactionMode, ARoleMayHaveAnyName) {
  auto admin = session("postgres", "secret");
  EXPECT_TRUE(read_incompatibilities(admin, {"a\"b", "c\\d,e", "{}"}, true));
  EXPECT_TRUE(read_incompatibilities(admin, {}, true));
}

// ── CONNECTION LIMIT ────────────────────────────────────────────────────────────────────────────

TEST_F(TransactionMode, ALimitCountsForNewSessionsAndEndsNone) {
  auto admin = session("postgres", "secret");
  auto one = session();
  auto two = session();
  EXPECT_EQ(read_role(admin, "shop")->connection_limit, -1);
  EXPECT_EQ(read_role(admin, "shop")->sessions, 2);
  ASSERT_TRUE(set_connection_limit(admin, "shop", 1));
  EXPECT_EQ(read_role(admin, "shop")->connection_limit, 1);
  EXPECT_TRUE(one.query("select 1") && two.query("select 1"));
  auto options = server_.login();
  options.user = options.password = options.database = "shop";
  const auto refused = Session::connect(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::TooManySessions);
  ASSERT_TRUE(set_connection_limit(admin, "shop", -1));
  EXPECT_TRUE(Session::connect(options));
}

TEST_F(TransactionMode, ARoleThatIsMissingOrNotOursToChangeIsTold) {
  auto admin = session("postgres", "secret");
  EXPECT_EQ(read_role(admin, "nobody").error().kind, ErrorKind::NotFound);
  auto shop = session();
  EXPECT_EQ(set_connection_limit(shop, "shop", 3).error().kind, ErrorKind::Forbidden);
}

}  // namespace
}  // namespace pgrightsizer::postgres
