#include "controller/observe/observe.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using enum postgres::ConnectionError;

// Logs that are followed, each with its reader, until the handle is gone.
struct Followed {
  runtime::LogSource source;
  runtime::LogReader reader;
  std::weak_ptr<void> handle;
};

class ObserveErrorsTest : public TurnTest {
 protected:
  ObserveErrorsTest() {
    options_.follow_log = [this](const runtime::LogSource& source, WallTime, runtime::LogReader reader) {
      // As a thread that is just at it when it is told to end.
      const std::shared_ptr<int> handle(new int(0), [late = reader.on_trouble](const int* end) {
        late("the last words");
        delete end;
      });
      followed_.push_back({source, std::move(reader), handle});
      return handle;
    };
  }

  void pod(const std::string& name, const std::string& uid, const std::string& phase = "Running") {
    kube::Pod pod;
    pod.meta.name_space = "shop";
    pod.meta.name = name;
    pod.meta.uid = uid;
    pod.phase = phase;
    pod.first_container = "postgres";
    stores_.pods.set("shop/" + name, pod);
  }
  // What a turn sees that knows the database's pod and these pooler pods.
  Facts look(const std::string& database_uid, std::initializer_list<const char*> poolers = {}) {
    Facts facts;
    facts.database.pod = "db-0";
    facts.database.pod_uid = database_uid;
    for (const char* name : poolers)
      facts.pods.push_back({stores_.pods.get(std::string("shop/") + name), {}});
    return observed(std::move(facts));
  }
  Facts observed(Facts facts) {
    observe_errors(sight_, policy_, memory_, facts);
    return facts;
  }

  std::vector<Followed> followed_;
};

TEST_F(ObserveErrorsTest, TheDatabaseAndEachPoolerAreRead) {
  pod("db-0", "d1");
  pod("pooler-a", "p1");
  pod("pooler-b", "p2", "Pending");
  look("d1", {"pooler-a", "pooler-b"});
  ASSERT_EQ(followed_.size(), 2U);
  EXPECT_EQ(followed_[0].source.pod + "/" + followed_[0].source.container, "db-0/postgres");
  EXPECT_EQ(followed_[1].source.pod + "/" + followed_[1].source.container, "pooler-a/pgbouncer");
  followed_[0].reader.on_line("53300 FATAL:  sorry, too many clients already");
  followed_[0].reader.on_line("LOG:  checkpoint complete");
  followed_[1].reader.on_line("x@10.0.0.1 pooler error: query_wait_timeout");
  followed_[1].reader.on_line("x@10.0.0.1 pooler error: query_wait_timeout");
  const auto first = look("d1").errors;
  EXPECT_EQ(first.fresh, (ErrorCounts{{{kServer, Refused}, 1}, {{kPooler, QueryWaitTimeout}, 2}}));
  const auto second = look("d1").errors;
  EXPECT_TRUE(second.fresh.empty());
  EXPECT_EQ(second.total, first.fresh);
}

TEST_F(ObserveErrorsTest, ATurnThatSeesNothingKeepsTheLogs) {
  pod("db-0", "d1");
  look("d1");
  observed({});
  look("d1");
  ASSERT_EQ(followed_.size(), 1U);
  EXPECT_FALSE(followed_[0].handle.expired());
}

TEST_F(ObserveErrorsTest, AnotherPodOfThisNameIsReadAnew) {
  pod("db-0", "d1");
  look("d1");
  followed_[0].reader.on_trouble("pods is forbidden");
  EXPECT_EQ(look("d1").errors.trouble, "pods is forbidden");
  pod("db-0", "d2");
  EXPECT_EQ(look("d2").errors.trouble, "");
  ASSERT_EQ(followed_.size(), 2U);
  EXPECT_TRUE(followed_[0].handle.expired());
  stores_.pods.erase("shop/db-0");
  look("");
  EXPECT_TRUE(followed_[1].handle.expired());
}

TEST_F(ObserveErrorsTest, OnlyWithoutAPodOwnLoginsCount) {
  const Error full{ErrorKind::TooManySessions, {}, {}, {}};
  note_failed_login(policy_, full, memory_);
  EXPECT_TRUE(observed({}).errors.fresh.empty());
  policy_.spec.database.provider = api::ProviderKind::External;
  note_failed_login(policy_, full, memory_);
  note_failed_login(policy_, {ErrorKind::Unauthorized, {}, {}, {}}, memory_);
  note_failed_login(policy_, {ErrorKind::Unavailable, {}, {}, {}}, memory_);
  EXPECT_EQ(observed({}).errors.fresh, (ErrorCounts{{{kProbe, Refused}, 1}, {{kProbe, LoginFailed}, 1}}));
}

}  // namespace
}  // namespace pgrightsizer::controller
