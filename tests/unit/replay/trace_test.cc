#include <gmock/gmock.h>

#include <sstream>

#include "pgrightsizer/replay/replay.h"

namespace pgrightsizer::replay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Trace> read(const std::string& text) {
  std::istringstream file(text);
  return read_trace(file, "t.csv");
}

TEST(ReadTrace, TakesTimesOfBothKindsAndSkipsWhatIsNoRow) {
  const auto trace =
      read("time,api,worker\n# by hand\n2026-01-01T00:00:00Z,3,1\n\n1767225660, 4 ,0\r\n");
  ASSERT_TRUE(trace) << trace.error().message();
  EXPECT_THAT(trace->workloads, ElementsAre("api", "worker"));
  ASSERT_EQ(trace->rows.size(), 2U);
  EXPECT_EQ(trace->rows[1].time - trace->rows[0].time, std::chrono::seconds(60));
  EXPECT_THAT(trace->rows[1].replicas, ElementsAre(4, 0));
}

struct Bad {
  const char* text;
  const char* where;
  const char* what;
};

const Bad kBad[] = {
    {"", "line 0", "empty"},
    {"when,api\n", "line 1", "does not begin with time"},
    {"time\n", "line 1", "does not begin with time"},
    {"time,api,api\n", "line 1", "no name, or that of another"},
    {"time,api,\n", "line 1", "no name, or that of another"},
    {"time,api\n0\n", "line 2", "1 cells instead of 2"},
    {"time,api\n0,1,2\n", "line 2", "3 cells instead of 2"},
    {"time,api\nyesterday,1\n", "line 2", "\"yesterday\" is no time"},
    {"time,api\n0,1\n0,2\n", "line 3", "not later"},
    {"time,api\n60,1\n0,2\n", "line 3", "not later"},
    {"time,api\n0,-1\n", "line 2", "\"-1\" is no count"},
    {"time,api\n0,many\n", "line 2", "\"many\" is no count"},
    {"time,api\n0,\n", "line 2", "\"\" is no count"},
    {"time,api\n0,1.5\n", "line 2", "\"1.5\" is no count"},
};

TEST(ReadTrace, NamesTheLineAndTheRemedy) {
  for (const auto& one : kBad) {
    const auto trace = read(one.text);
    ASSERT_FALSE(trace) << one.text;
    EXPECT_THAT(trace.error().object, HasSubstr(one.where)) << one.text;
    EXPECT_THAT(trace.error().what, HasSubstr(one.what)) << one.text;
    EXPECT_FALSE(trace.error().remedy.empty()) << one.text;
  }
}

}  // namespace
}  // namespace pgrightsizer::replay
