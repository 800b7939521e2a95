// What of a policy its pooler is made of.
#include "controller/turn/pooler_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgrightsizer::controller {
namespace {

TEST(PoolerSpec, TakesOverWhatThePolicySaysOfItsPods) {
  api::ConnectionPolicy policy;
  policy.spec.pooler = {"example.org/pgbouncer:1", {"pull", "more"}, "shop-tls", R"({"limits": {"cpu": 1}})"};
  const auto spec = pooler_spec(policy, {}, {}, "console");
  EXPECT_EQ(spec.image, "example.org/pgbouncer:1");
  EXPECT_EQ(spec.image_pull_secrets, (std::vector<std::string>{"pull", "more"}));
  EXPECT_EQ(spec.tls_secret, "shop-tls");
  EXPECT_EQ(spec.resources, nlohmann::json::parse(R"({"limits": {"cpu": 1}})"));
}

}  // namespace
}  // namespace pgrightsizer::controller
