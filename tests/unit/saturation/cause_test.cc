#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgrightsizer/saturation/saturation.h"

namespace pgrightsizer::saturation {
namespace {

using testing::HasSubstr;

Picture direct() {
  Picture seen;
  seen.limit = 247;
  seen.active = 40;
  seen.instances = 12;
  seen.expected = 240;
  seen.held = 230;
  seen.greediest = "pod api-1";
  seen.greediest_held = 20;
  seen.expected_each = 20;
  return seen;
}

Picture pooled() {
  Picture seen = direct();
  seen.pooled = true;
  seen.active = 148;
  seen.limit = 150;
  seen.waiting = 30;
  seen.clients = 1000;
  seen.client_limit = 4000;
  seen.expected = seen.held = 1000;
  return seen;
}

void expect(const Picture& seen, Cause cause, const char* evidence) {
  const auto found = diagnose(seen);
  EXPECT_STREQ(to_string(found.cause), to_string(cause)) << found.evidence;
  EXPECT_THAT(found.evidence, HasSubstr(evidence));
}

TEST(Cause, MoreInstances) { expect(direct(), Cause::Demand, "12 instances may hold 240 connections, and hold 230"); }

TEST(Cause, OneInstanceLeaks) {
  auto seen = direct();
  seen.greediest_held = 21;
  expect(seen, Cause::Leak, "pod api-1 holds 21 connections; an instance should have 20 at most");
}

TEST(Cause, AllOfThemLeak) {
  auto seen = direct();
  seen.held = 241;
  expect(seen, Cause::Leak, "the application holds 241 connections; its 12 instances should have 240 at most");
}

TEST(Cause, TransactionsAreLeftOpen) {
  auto seen = direct();
  seen.idle_in_transaction = 62;
  seen.longest_open = "session 7 of shop (idle in transaction)";
  expect(seen, Cause::IdleInTransaction, "62 sessions are idle in a transaction, longest: session 7 of shop");
  seen.idle_in_transaction = 61;
  expect(seen, Cause::Demand, "");
}

TEST(Cause, ALockThatIsHeldExplainsOpenTransactionsToo) {
  auto seen = pooled();
  seen.idle_in_transaction = 50;
  seen.waiting_for_locks = 60;
  seen.lock_holder = "session 8 of shop (idle in transaction)";
  expect(seen, Cause::LockWait, "60 sessions wait for a lock, most of them for session 8 of shop");
}

TEST(Cause, ThePoolIsTooSmall) {
  expect(pooled(), Cause::PoolTooSmall,
         "148 sessions are active and 30 clients wait for one of the pool's 150");
}

TEST(Cause, ThePoolersTakeNoMoreClients) {
  auto seen = pooled();
  seen.clients = 3'200;
  expect(seen, Cause::ClientLimit, "3200 of the poolers' 4000 client connections are taken");
  seen.clients = 3'199;
  expect(seen, Cause::PoolTooSmall, "");
}

TEST(Cause, WhatIsNotKnownIsNotBlamed) {
  const auto found = diagnose(Picture{});
  EXPECT_EQ(found.cause, Cause::Demand);
}

}  // namespace
}  // namespace pgrightsizer::saturation
