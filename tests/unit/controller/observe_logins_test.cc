#include "controller/observe/observe.h"

#include <gtest/gtest.h>

namespace pgrightsizer::controller {
namespace {

using transition::Login;
using transition::Route;

PoolerPodFacts pod_with_servers(std::initializer_list<std::int64_t> pids, bool deleting = false) {
  kube::Pod pod;
  pod.meta.deleting = deleting;
  pgbouncer::Snapshot snapshot;
  for (const auto pid : pids) snapshot.servers.push_back({pid, "shop", "shop", "idle", false});
  return {std::make_shared<const kube::Pod>(std::move(pod)), std::move(snapshot)};
}

Facts behind_pooler(std::vector<PoolerPodFacts> pods) {
  Facts facts;
  facts.seen.route = Route::Pooler;
  facts.pods = std::move(pods);
  return facts;
}

TEST(FullForPoolers, BeforeTheSwitchADirectLoginTellsAll) {
  Facts facts;
  facts.seen.route = Route::Direct;
  EXPECT_TRUE(full_for_poolers(facts, Login::ServerFull));
  EXPECT_FALSE(full_for_poolers(facts, Login::Ok));
  EXPECT_FALSE(full_for_poolers(facts, Login::Failing));
}

TEST(FullForPoolers, OnePoolerWithoutAServerIsKeptOut) {
  const auto facts = behind_pooler({pod_with_servers({41, 42}), pod_with_servers({})});
  EXPECT_TRUE(full_for_poolers(facts, Login::ServerFull));
  EXPECT_FALSE(full_for_poolers(facts, Login::Ok));
}

TEST(FullForPoolers, AServerThatIsStillLoggingInIsNone) {
  EXPECT_TRUE(full_for_poolers(behind_pooler({pod_with_servers({0})}), Login::ServerFull));
}

TEST(FullForPoolers, PoolersThatHaveServersMustBeAsked) {
  EXPECT_FALSE(full_for_poolers(behind_pooler({pod_with_servers({41}), pod_with_servers({0, 42})}),
                                Login::ServerFull));
}

TEST(FullForPoolers, WhoLeavesOrDoesNotAnswerIsNotCounted) {
  auto silent = pod_with_servers({});
  silent.snapshot.reset();
  const auto facts = behind_pooler({pod_with_servers({41}), pod_with_servers({}, true), silent});
  EXPECT_FALSE(full_for_poolers(facts, Login::ServerFull));
}

}  // namespace
}  // namespace pgrightsizer::controller
