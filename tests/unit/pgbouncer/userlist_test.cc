#include <gmock/gmock.h>

#include "unit/pgbouncer/example.h"

namespace pgrightsizer::pgbouncer {
namespace {

using ::testing::HasSubstr;

TEST(Userlist, QuotesAreDoubled) {
  auto spec = example_spec();
  spec.logins.front().password = "a\"b\\c";
  EXPECT_EQ(render_userlist(spec),
            "\"pgrightsizer\" \"c0nsole\"\n"
            "\"shop\" \"a\"\"b\\c\"\n");
}

TEST(Userlist, EachUserOnceInAStableOrder) {
  auto spec = example_spec();
  spec.logins = {{"shop", "s", "shop"}, {"app", "a", "shop"}, {"shop", "s", "stock"}};
  const auto one = render_userlist(spec);
  std::swap(spec.logins[0], spec.logins[1]);
  EXPECT_EQ(render_userlist(spec), one);
  EXPECT_EQ(one, "\"pgrightsizer\" \"c0nsole\"\n\"app\" \"a\"\n\"shop\" \"s\"\n");
}

struct Bad {
  const char* name;
  std::vector<Login> logins;
  const char* says;
};

class Refused : public ::testing::TestWithParam<Bad> {};

TEST_P(Refused, WithTheReasonAndTheRemedy) {
  auto spec = example_spec();
  spec.logins = GetParam().logins;
  const auto checked = check(spec);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(checked.error().message(), HasSubstr(GetParam().says));
  EXPECT_FALSE(checked.error().remedy.empty());
  if (!GetParam().logins.empty() && !GetParam().logins.front().password.empty()) {
    EXPECT_EQ(checked.error().message().find(GetParam().logins.front().password), std::string::npos)
        << "a message is no place for a password";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Logins, Refused,
    ::testing::Values(
        Bad{"None", {}, "no application"}, Bad{"NoUser", {{"", "hunter2", "d"}}, "lacks username"},
        Bad{"NoPassword", {{"u", "", "d"}}, "lacks username"},
        Bad{"NoDatabase", {{"u", "hunter2", ""}}, "lacks username"},
        Bad{"ConsoleDatabase", {{"u", "hunter2", "pgbouncer"}}, "named pgbouncer"},
        Bad{"ConsoleUser", {{"pgrightsizer", "hunter2", "d"}}, "pgrightsizer"},
        Bad{"LineEnd", {{"u", "hunter2\n", "d"}}, "control character"},
        Bad{"LongUser", {{std::string(128, 'u'), "hunter2", "d"}}, "longer"},
        Bad{"LongPassword", {{"u", std::string(2048, 'p'), "d"}}, "longer"},
        Bad{"Scram", {{"u", "SCRAM-SHA-256$4096:x", "d"}}, "digest"},
        Bad{"Md5", {{"u", "md50123456789abcdef0123456789abcdef", "d"}}, "digest"},
        Bad{"TwoPasswords", {{"u", "hunter2", "d"}, {"u", "hunter3", "e"}}, "two passwords"},
        Bad{"OddDatabase", {{"u", "hunter2", "my db"}}, "my db"}),
    [](const auto& info) { return info.param.name; });

TEST(Userlist, OrdinaryLoginsPass) {
  auto spec = example_spec();
  EXPECT_TRUE(check(spec));
  spec.logins = {{"u", "md5 is old", "d"},
                 {"u", "md5 is old", "e"},
                 {std::string(127, 'u'), std::string(2047, 'p'), "Shop-2.test_db"}};
  EXPECT_TRUE(check(spec)) << check(spec).error().message();
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
