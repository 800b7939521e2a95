// What the status says of the figures of one turn.
#include "controller/report/status.h"

#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

class StatusTest : public TurnTest {
 protected:
  StatusTest() {
    facts_.seen.database_up = true;
    facts_.seen.effective = 200;
    facts_.seen.reserved = 3;
    facts_.sessions = 160;
  }
  [[nodiscard]] api::Status status(const api::Status& before = {}) { return build_status(turn_, {}, before); }
};

TEST_F(StatusTest, UsedIsAShareOfWhatTheRouteInForceCanGive) {
  facts_.saturation.now.used = 120;
  facts_.saturation.now.limit = 150;
  const auto current = status().current;
  ASSERT_TRUE(current);
  EXPECT_EQ(current->used, 160);
  EXPECT_EQ(current->used_percent, 80) << "of the pool, not of the server's 197";
}

TEST_F(StatusTest, NothingIsUsedOfALimitThatIsNotKnown) {
  const auto current = status().current;
  ASSERT_TRUE(current);
  EXPECT_EQ(current->used_percent, 0);
}

}  // namespace
}  // namespace pgrightsizer::controller
