#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/telemetry/metrics.h"
#include "unit/kube/fake_transport.h"

namespace pgrightsizer::kube {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class MeasuredTest : public testing::Test {
 protected:
  FakeTransport inner_;
  std::unique_ptr<telemetry::Registry> metrics_ = telemetry::make_registry();
  std::unique_ptr<Transport> transport_ = measured(inner_, *metrics_, "https://10.0.0.1:6443");
};

TEST_F(MeasuredTest, CallsAreCountedAndTimed) {
  inner_.answer(200, {});
  inner_.answer(409, {});
  inner_.answer(fail(ErrorKind::Unavailable, "gone"));
  const auto call = [&](Method method) { return transport_->call({method, "/api", {}, {}}, seconds(1)); };
  EXPECT_EQ(call(Method::Get)->status, 200);
  EXPECT_EQ(call(Method::Patch)->status, 409);
  EXPECT_EQ(call(Method::Get).error().kind, ErrorKind::Unavailable);
  const auto text = metrics_->text();
  EXPECT_THAT(text, HasSubstr(R"(rest_client_requests_total{code="200",host="10.0.0.1:6443",method="GET"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(requests_total{code="409",host="10.0.0.1:6443",method="PATCH"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(requests_total{code="<error>",host="10.0.0.1:6443",method="GET"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(rest_client_request_duration_seconds_count{host="10.0.0.1:6443",verb="GET"} 2)"));
}

TEST_F(MeasuredTest, StreamsAreCountedAndPassedOn) {
  inner_.script({{"a", "b"}});
  std::string bytes;
  const auto ended = transport_->stream({Method::Get, "/api?watch=1", {}, {}},
                                        [&](std::string_view piece) { bytes += piece; }, seconds(1), {});
  EXPECT_EQ(ended->status, 200);
  EXPECT_EQ(bytes, "ab");
  EXPECT_THAT(metrics_->text(), HasSubstr(R"(requests_total{code="200",host="10.0.0.1:6443",method="GET"} 1)"));
}

}  // namespace
}  // namespace pgrightsizer::kube
