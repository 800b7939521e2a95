#include <gtest/gtest.h>

#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {
namespace {

TEST(Quote, Literals) {
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b"), "'a\\b'");
}

TEST(Quote, Identifiers) {
  EXPECT_EQ(quote_identifier("shop"), "\"shop\"");
  EXPECT_EQ(quote_identifier("odd\"name"), "\"odd\"\"name\"");
}

TEST(SessionObject, EmptyHostIsInvalid) {
  const auto session = Session::connect({});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace pgrightsizer::postgres
