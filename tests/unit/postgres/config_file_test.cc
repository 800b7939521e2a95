// The editor of postgresql.conf, line by line. The integration tests compare its reading with that
// of a real server.
#include "pgrightsizer/postgres/config_file.h"

#include <gmock/gmock.h>

namespace pgrightsizer::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Line {
  const char* before;
  std::int64_t value;
  const char* after;  // with 777
};

class Accepted : public ::testing::TestWithParam<Line> {};

TEST_P(Accepted, IsReadAndChangedInPlace) {
  const auto& [before, value, after] = GetParam();
  const auto file = parse_config(before);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->max_connections, value);
  const auto changed = with_max_connections(before, 777);
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(*changed, after);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, Accepted,
    ::testing::Values(
        Line{"max_connections = 100\n", 100, "max_connections = 777\n"},
        Line{"max_connections=100\n", 100, "max_connections=777\n"},
        Line{"max_connections 100\n", 100, "max_connections 777\n"},
        Line{"max_connections\t=\t100\n", 100, "max_connections\t=\t777\n"},
        Line{"  MAX_Connections = 100\n", 100, "  MAX_Connections = 777\n"},
        Line{"max_connections = '100'\n", 100, "max_connections = '777'\n"},
        Line{"max_connections='100'# why\n", 100, "max_connections='777'# why\n"},
        Line{"max_connections = ' 100 '\n", 100, "max_connections = '777'\n"},
        Line{"max_connections = '\\061\\0600'\n", 100, "max_connections = '777'\n"},
        Line{"max_connections = 100 # 5 spare\n", 100, "max_connections = 777 # 5 spare\n"},
        Line{"max_connections = 100#5\n", 100, "max_connections = 777#5\n"},
        Line{"max_connections = 100   \t \n", 100, "max_connections = 777   \t \n"},
        Line{"max_connections = 100", 100, "max_connections = 777"},
        Line{"max_connections = 100\r\nport = 1\r\n", 100, "max_connections = 777\r\nport = 1\r\n"},
        Line{"max_connections = 100\r", 100, "max_connections = 777\r"},
        Line{"max_connections = 0x64\n", 100, "max_connections = 777\n"},
        Line{"max_connections = 0144\n", 100, "max_connections = 777\n"},
        Line{"max_connections = 99.6\n", 100, "max_connections = 777\n"},
        Line{"max_connections = '1e2'\n", 100, "max_connections = '777'\n"},
        Line{"max_connections = +100\n", 100, "max_connections = 777\n"},
        Line{"\n\n# max_connections = 5\nmax_connections = 100\n\n", 100,
             "\n\n# max_connections = 5\nmax_connections = 777\n\n"},
        Line{"max_connections = 50\nport = 5432\nmax_connections = 100\n", 100,
             "max_connections = 50\nport = 5432\nmax_connections = 777\n"},
        Line{"max_connections = 100\nnote = 'max_connections = 5'\n", 100,
             "max_connections = 777\nnote = 'max_connections = 5'\n"},
        Line{"superuser_max_connections = 5\nmax_connections = 100\nmax_connections_x = 6\n", 100,
             "superuser_max_connections = 5\nmax_connections = 777\nmax_connections_x = 6\n"},
        Line{"my.max_connections = 5\nmax_connections = 100\n", 100,
             "my.max_connections = 5\nmax_connections = 777\n"},
        Line{"this is not a setting = ' \nmax_connections = 100\n", 100,
             "this is not a setting = ' \nmax_connections = 777\n"}));

class Refused : public ::testing::TestWithParam<const char*> {};

TEST_P(Refused, NamesTheLine) {
  const std::string text = std::string("# head\n") + GetParam() + "\nport = 1\n";
  for (const auto& message : {parse_config(text).error(), with_max_connections(text, 5).error()}) {
    EXPECT_EQ(message.kind, ErrorKind::Invalid);
    EXPECT_THAT(message.message(), HasSubstr("line 2"));
    EXPECT_THAT(message.message(), HasSubstr(GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Lines, Refused,
                         ::testing::Values("max_connections = lots", "max_connections = 100MB",
                                           "max_connections = 100 200",
                                           "max_connections =", "max_connections",
                                           "max_connections = '100", "max_connections = 1e2",
                                           "max_connections = ''", "max_connections == 100",
                                           "max_connections = 100;", "max_connections = '12' '13'",
                                           "max_connections = 100 min"));

TEST(ConfigFile, WithoutTheSettingALineIsAppended) {
  EXPECT_EQ(with_max_connections("", 7).value(), "max_connections = 7\n");
  EXPECT_EQ(with_max_connections("port = 1\n", 7).value(), "port = 1\nmax_connections = 7\n");
  EXPECT_EQ(with_max_connections("port = 1", 7).value(), "port = 1\nmax_connections = 7\n");
  EXPECT_EQ(with_max_connections("a = 1\r\nport = 1", 7).value(),
            "a = 1\r\nport = 1\r\nmax_connections = 7\r\n");
  EXPECT_EQ(with_max_connections("#max_connections = 100\n", 7).value(),
            "#max_connections = 100\nmax_connections = 7\n");
}

TEST(ConfigFile, SaysWhereAndHowOften) {
  const auto file = parse_config("max_connections = 1\n\nMax_Connections = 2\n# end\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->max_connections, 2);
  EXPECT_EQ(file->line, 3);
  EXPECT_EQ(file->occurrences, 2);
  const auto none = parse_config("port = 1\n");
  EXPECT_EQ(none->max_connections, std::nullopt);
  EXPECT_EQ(none->line, 0);
  EXPECT_EQ(none->occurrences, 0);
}

TEST(ConfigFile, IncludesAreNoticed) {
  const auto before = parse_config(
      "include 'a.conf'\nInclude_If_Exists = '/etc/o''brien.conf'\nmax_connections = 5\n");
  ASSERT_TRUE(before);
  EXPECT_THAT(before->includes, ElementsAre("a.conf", "/etc/o'brien.conf"));
  EXPECT_FALSE(before->include_after);
  const auto after = parse_config("max_connections = 5\ninclude_dir conf.d # all\n");
  EXPECT_THAT(after->includes, ElementsAre("conf.d"));
  EXPECT_TRUE(after->include_after);
  EXPECT_FALSE(parse_config("#include 'a.conf'\nincluded = 1\n")->include_after);
}

TEST(ConfigFile, ValuesOutsideOfPostgresRangeAreNotWritten) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{262'144}})
    EXPECT_EQ(with_max_connections("max_connections = 5\n", value).error().kind,
              ErrorKind::Invalid);
  EXPECT_TRUE(with_max_connections("", 262'143));
}

TEST(ParseInteger, AsPostgresDoes) {
  EXPECT_EQ(parse_integer("200"), 200);
  EXPECT_EQ(parse_integer(" 200 "), 200);
  EXPECT_EQ(parse_integer("-3"), -3);
  EXPECT_EQ(parse_integer("0x10"), 16);
  EXPECT_EQ(parse_integer("010"), 8);
  EXPECT_EQ(parse_integer("1.5e2"), 150);
  EXPECT_EQ(parse_integer("2.5"), 2);  // to even, as rint does
  for (const char* bad : {"", " ", "x", "5x", "5 x", "1e999", "nan", "5 MB", "--5"})
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_integer(std::string("5\0", 2)), std::nullopt);
}

}  // namespace
}  // namespace pgrightsizer::postgres
