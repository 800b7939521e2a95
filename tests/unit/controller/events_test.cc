// What is told when a status changes.
#include "controller/report/events.h"

#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using std::chrono::seconds;

class DrainEvents : public TurnTest {
 protected:
  // So often it was told by the end of a turn whose step is this, `late` after the drain's deadline.
  int told_overdue(const std::string& step, seconds late) {
    api::Status status;
    status.drain_since = clock_.time - seconds(600) - late;
    status.step = api::StepStatus{step, status.drain_since, "7 are left", clock_.time - late};
    tell_changes(turn_, status, status);
    int count = 0;
    for (const auto& request : transport_.requests())
      if (request.body.find("DrainTimedOut") != std::string::npos) ++count;
    return count;
  }
};

TEST_F(DrainEvents, OneThatIsOverdueIsToldOnce) {
  EXPECT_EQ(told_overdue("DirectDraining", seconds(-1)), 0);
  EXPECT_EQ(told_overdue("DirectDraining", seconds(0)), 1);
  EXPECT_EQ(told_overdue("DirectDraining", seconds(1)), 1);
}

TEST_F(DrainEvents, OneOfTheWayBackIsToldToo) {
  EXPECT_EQ(told_overdue("PooledDraining", seconds(-1)), 0);
  EXPECT_EQ(told_overdue("PooledDraining", seconds(0)), 1);
  EXPECT_EQ(told_overdue("PooledDraining", seconds(1)), 1);
}

TEST_F(DrainEvents, AnotherStepThatIsLateIsNone) { EXPECT_EQ(told_overdue("CapsShrinking", seconds(1)), 0); }

}  // namespace
}  // namespace pgrightsizer::controller
