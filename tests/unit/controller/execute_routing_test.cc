// The objects that carry an External database's traffic.
#include <nlohmann/json.hpp>

#include "controller/execute/routing.h"
#include "controller/turn/names.h"
#include "unit/controller/turn_fixture.h"

namespace pgrightsizer::controller {
namespace {

using kube::Json;
using transition::Route;

constexpr const char* kFrontSlice = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/shop-db-external";

// Everything goes through the pooler: the database's address is to be behind the front Service no more.
class FrontSlice : public TurnTest {
 protected:
  FrontSlice() {
    policy_.spec.database.provider = api::ProviderKind::External;
    policy_.spec.database.host = "10.1.2.3";
    facts_.front_has_poolers = true;
    transport_.on_call = [this](const kube::Request& request) -> Result<kube::Response> {
      if (request.path != kFrontSlice || slice_.is_null())
        return kube::Response{request.method == kube::Method::Get ? 404 : 200, "{}", {}, {}};
      if (request.method == kube::Method::Delete) slice_ = nullptr;
      return kube::Response{200, slice_.dump(), {}, {}};
    };
  }
  // Deletions that are asked for.
  int route_pooled() {
    const auto done = ensure_routing(client_, policy_, facts_, Route::Pooler);
    EXPECT_TRUE(done) << done.error().message();
    int deletions = 0;
    for (const auto& request : transport_.requests())
      if (request.method == kube::Method::Delete) ++deletions;
    return deletions;
  }
  [[nodiscard]] Json slice(const std::map<std::string, std::string>& labels) const {
    return {{"metadata", {{"name", "shop-db-external"}, {"uid", "u"}, {"labels", labels}}}};
  }

  Json slice_;
};

TEST_F(FrontSlice, OfOursIsRemovedOnce) {
  slice_ = slice(labels_of(policy_));
  EXPECT_EQ(route_pooled(), 1);
  EXPECT_EQ(route_pooled(), 1) << "at rest nothing is asked for";
}

TEST_F(FrontSlice, StaysUntilAPoolerIsBehindTheFrontService) {
  slice_ = slice(labels_of(policy_));
  facts_.front_has_poolers = false;
  EXPECT_EQ(route_pooled(), 0);
  facts_.front_has_poolers = true;
  EXPECT_EQ(route_pooled(), 1);
}

TEST_F(FrontSlice, OfSomebodyElseStays) {
  slice_ = slice({{kManagedByLabel, "somebody"}});
  EXPECT_EQ(route_pooled(), 0);
}

}  // namespace
}  // namespace pgrightsizer::controller
