// What is told of a server that cannot be reached.
#include "controller/observe/observe.h"
#include "unit/controller/fake_link.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using std::chrono::seconds;

// The pod is there and has no address: it is pulled, or fits no node.
kube::Response pending_database(const kube::Request& request) {
  const auto found = [](const kube::Json& object) { return kube::Response{200, object.dump(), {}, {}}; };
  if (request.path.ends_with("statefulsets/db"))
    return found({{"metadata", {{"name", "db"}, {"namespace", "shop"}, {"uid", "s"}}},
                  {"spec", {{"replicas", 1}, {"selector", {{"matchLabels", {{"app", "db"}}}}}}}});
  if (request.path.ends_with("configmaps/db-config"))
    return found({{"metadata", {{"name", "db-config"}}},
                  {"data", {{"postgresql.conf", "max_connections = 150\n"}}}});
  return {404, R"({"kind":"Status","reason":"NotFound"})", {}, {}};
}

class RestartUnderWay : public TurnTest {
 protected:
  RestartUnderWay() {
    transport_.on_call = pending_database;
    policy_.spec.database.name = "db";
    policy_.spec.database.config_map = "db-config";
    policy_.spec.database.config_key = "postgresql.conf";
    memory_.status.emplace().restarts.push_back({clock_.time, 250, 150, std::nullopt});
  }
  std::vector<Problem> problems_after(seconds time) {
    clock_.time = memory_.status->restarts.back().time + time;
    facts_ = {};
    observe_database(sight_, policy_, memory_, facts_);
    return facts_.problems;
  }
};

TEST_F(RestartUnderWay, IsNoProblemAtFirst) { EXPECT_TRUE(problems_after(seconds(110)).empty()); }

TEST_F(RestartUnderWay, ThatDoesNotEndIsToldAndBlocksNothing) {
  const auto problems = problems_after(seconds(121));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].reason.name, std::string("DatabaseUnreachable"));
  EXPECT_NE(problems[0].message.find("has no address yet"), std::string::npos) << problems[0].message;
  EXPECT_FALSE(problems[0].blocks);
}

TEST_F(RestartUnderWay, ThatIsOverIsAnOutage) {
  memory_.status->restarts.back().duration = std::chrono::milliseconds(300);
  EXPECT_EQ(problems_after(seconds(10)).size(), 1U);
}

// A server that is up, and what its administrator may see.
class Administrator : public TurnTest {
 protected:
  Administrator() {
    policy_.spec.database.provider = api::ProviderKind::External;
    policy_.spec.database.host = "10.0.0.7";
    policy_.spec.database.admin_secret = "shop-admin";
    facts_.admin.user = "o'me";
    options_.connect = [this](const auto&) {
      return postgres::FakeLink::session([this](const std::string& sql, const auto&) { return answer(sql); });
    };
  }
  [[nodiscard]] Result<postgres::Rows> answer(const std::string& sql) const {
    if (sql.find("from pg_file_settings") != std::string::npos && !sees_files_)
      return fail(ErrorKind::Forbidden, "permission denied for view pg_file_settings");
    if (sql.find("from pg_file_settings") == std::string::npos)
      return postgres::Rows{{"max_connections", "sees_sessions"}, {{"250", sees_sessions_ ? "1" : "0"}}};
    return postgres::Rows{{"sourcefile", "sourceline", "setting", "error"}, {}};
  }
  const std::vector<Problem>& problems() {
    observe_database(sight_, policy_, memory_, facts_);
    return facts_.problems;
  }

  bool sees_sessions_ = true;
  bool sees_files_ = true;
};

TEST_F(Administrator, WhoSeesEverythingIsNoProblem) { EXPECT_TRUE(problems().empty()); }

TEST_F(Administrator, WhoDoesNotSeeTheSessionsOfOthersBlocks) {
  sees_sessions_ = false;
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_TRUE(facts_.blocked());
  EXPECT_EQ(problems()[0].reason.name, std::string("Forbidden"));
  EXPECT_NE(problems()[0].message.find("Secret shop/shop-admin"), std::string::npos) << problems()[0].message;
  EXPECT_NE(problems()[0].message.find("GRANT pg_monitor TO \"o'me\""), std::string::npos);
}

TEST_F(Administrator, WhoDoesNotSeeWhatTheNextStartWillUseBlocks) {
  sees_files_ = false;
  ASSERT_EQ(problems().size(), 1U);
  EXPECT_TRUE(facts_.blocked());
  EXPECT_EQ(facts_.problems[0].reason.name, std::string("Forbidden"));
  EXPECT_NE(facts_.problems[0].message.find("pg_show_all_file_settings() TO \"o'me\""), std::string::npos)
      << facts_.problems[0].message;
}

TEST_F(Administrator, OfARecommendationWhoDoesNotSeeTheSessionsOfOthersIsToldAndBlocksNothing) {
  sees_sessions_ = false;
  policy_.spec.mode = api::Mode::Recommend;
  EXPECT_EQ(problems().size(), 1U);
  EXPECT_FALSE(facts_.blocked());
}

// As a managed service's: it forbids both, and somebody else sets the value.
TEST_F(Administrator, OfARecommendationNeedNotSeeTheFiles) {
  sees_files_ = false;
  policy_.spec.mode = api::Mode::Recommend;
  EXPECT_TRUE(problems().empty());
}

class Checkpoint : public Administrator {
 protected:
  Checkpoint() {
    memory_.restart.checkpoint = postgres::FakeLink::silent_session();
    memory_.restart.checkpoint_of = {clock_.steady(), ""};
  }
  bool goes_on() {
    observe_database(sight_, policy_, memory_, facts_);
    EXPECT_NE(facts_.seen.checkpointing, facts_.seen.checkpointed);
    return facts_.seen.checkpointing;
  }
};

TEST_F(Checkpoint, ThatDoesNotAnswerIsGivenUpAfterHalfAnHour) {
  clock_.time += seconds(1799);
  EXPECT_TRUE(goes_on());
  clock_.time += seconds(1);
  EXPECT_FALSE(goes_on());
}

TEST_F(Checkpoint, OfAPodThatIsGoneIsGivenUp) {
  memory_.restart.checkpoint_of.second = "another";
  EXPECT_FALSE(goes_on());
}

}  // namespace
}  // namespace pgrightsizer::controller
