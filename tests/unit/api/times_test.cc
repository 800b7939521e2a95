#include <gtest/gtest.h>

#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"

namespace pgrightsizer::api {
namespace {

using std::chrono::milliseconds;

WallTime at(std::int64_t milliseconds_since_1970) {
  return WallTime{milliseconds{milliseconds_since_1970}};
}

struct TimeCase {
  const char* text;
  std::int64_t since_1970;
};

class WrittenTime : public testing::TestWithParam<TimeCase> {};

TEST_P(WrittenTime, IsReadBack) {
  EXPECT_EQ(to_rfc3339(at(GetParam().since_1970)), GetParam().text);
  EXPECT_EQ(parse_time(GetParam().text), at(GetParam().since_1970));
}

INSTANTIATE_TEST_SUITE_P(Times, WrittenTime,
                         testing::Values(TimeCase{"1970-01-01T00:00:00Z", 0},
                                         TimeCase{"2026-11-23T17:07:26Z", 1'795'453'646'000},
                                         TimeCase{"2026-11-23T17:07:26.250Z", 1'795'453'646'250},
                                         TimeCase{"2026-11-23T17:07:26.005Z", 1'795'453'646'005},
                                         TimeCase{"2024-02-29T23:59:59.999Z", 1'709'251'199'999},
                                         TimeCase{"1969-12-31T23:59:59.999Z", -1},
                                         TimeCase{"9999-12-31T23:59:59Z", 253'402'300'799'000}));

class ForeignTime : public testing::TestWithParam<TimeCase> {};

TEST_P(ForeignTime, IsUnderstood) {
  EXPECT_EQ(parse_time(GetParam().text), at(GetParam().since_1970));
}

INSTANTIATE_TEST_SUITE_P(Times, ForeignTime,
                         testing::Values(TimeCase{"2026-11-23T17:07:26+00:00", 1'795'453'646'000},
                                         TimeCase{"2026-11-23T18:07:26+01:00", 1'795'453'646'000},
                                         TimeCase{"2026-11-23T11:37:26-05:30", 1'795'453'646'000},
                                         TimeCase{"2026-11-24T00:07:26+07:00", 1'795'453'646'000},
                                         TimeCase{"2026-11-23t17:07:26z", 1'795'453'646'000},
                                         TimeCase{"2026-11-23 17:07:26Z", 1'795'453'646'000},
                                         TimeCase{"2026-11-23T17:07:26.2Z", 1'795'453'646'200},
                                         TimeCase{"2026-11-23T17:07:26.123456789Z",
                                                  1'795'453'646'123}));

class NoTime : public testing::TestWithParam<const char*> {};

TEST_P(NoTime, IsRefused) { EXPECT_EQ(parse_time(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(
    Times, NoTime,
    testing::Values("", "now", "2026-11-23", "2026-11-23T17:07:26", "2026-11-23T17:07Z",
                    "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
                    "2026-11-00T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T17:60:00Z",
                    "2026-11-23T17:07:61Z", "2026-11-23T17:07:26.Z", "2026-11-23T17:07:26+0100",
                    "2026-11-23T17:07:26+24:00", "2026-11-23T17:07:26Z ", " 2026-11-23T17:07:26Z",
                    "+026-11-23T17:07:26Z", "2026/11/23T17:07:26Z", "1795453646"));

}  // namespace
}  // namespace pgrightsizer::api
