// What is asked of PostgreSQL when sessions are to be ended, and what is told of it.
#include "controller/execute/restart.h"
#include "controller/execute/traffic.h"
#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using postgres::Backend;
using postgres::Rows;

struct Asked {
  std::string sql;
  std::vector<std::string> parameters;
};

class Ending : public TurnTest {
 protected:
  // When it is asked; less than none: it is lost.
  void server_ends(int count) {
    memory_.admin = postgres::FakeLink::session([this, count](const auto& sql, const auto& parameters) -> Result<Rows> {
      asked_.push_back({sql, parameters});
      if (count < 0) return fail(ErrorKind::Unavailable, "connection lost");
      return Rows{{"ended"}, {{std::to_string(count)}}};
    });
  }
  static Backend session(std::int64_t pid, const std::string& state) {
    Backend backend;
    backend.pid = pid;
    backend.started = 1000 + pid;
    backend.state = state;
    return backend;
  }
  bool told(const std::string& reason) {
    for (const auto& request : transport_.requests())
      if (request.body.find(reason) != std::string::npos) return true;
    return false;
  }

  std::vector<Asked> asked_;
};

TEST_F(Ending, IdleSessionsEndsThoseThatWereIdleAndStillAre) {
  facts_.direct = {session(1, "idle"), session(2, "active"), session(3, "idle")};
  facts_.direct[2].idle_for = std::chrono::seconds(9);
  policy_.spec.routing.drain = api::DrainMode::TerminateIdle;
  server_ends(2);
  ASSERT_TRUE(drain_direct(turn_, {}, {}));
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].parameters, (std::vector<std::string>{"{3,1}", "{1003,1001}"}))
      << "the longest idle first";
  EXPECT_NE(asked_[0].sql.find("state = 'idle'"), std::string::npos) << asked_[0].sql;
  server_ends(-1);
  EXPECT_FALSE(drain_direct(turn_, {}, {}));
}

TEST_F(Ending, NobodyAsksNothing) {
  server_ends(0);
  ASSERT_TRUE(drain_direct(turn_, {}, {}));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Ending, LongTransactionsAsksForTheirAge) {
  facts_.long_transactions = {session(7, "active")};
  policy_.spec.restart.long_transaction = std::chrono::seconds(60);
  server_ends(1);
  ASSERT_TRUE(end_transactions(turn_));
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].parameters, (std::vector<std::string>{"{7}", "{1007}", "60000"}));
  EXPECT_TRUE(told("LongTransactionsEnded"));
  server_ends(-1);
  EXPECT_FALSE(end_transactions(turn_));
}

TEST_F(Ending, LongTransactionsThatEndedByThemselvesIsNotTold) {
  facts_.long_transactions = {session(7, "idle")};
  server_ends(0);
  ASSERT_TRUE(end_transactions(turn_));
  EXPECT_FALSE(told("LongTransactionsEnded"));
}

}  // namespace
}  // namespace pgrightsizer::controller
