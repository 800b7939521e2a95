#include "pgrightsizer/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kube/fake_transport.h"
#include "unit/kube/recording_logger.h"

namespace pgrightsizer::kube {
namespace {

using ::testing::HasSubstr;

class ClientTest : public ::testing::Test {
 protected:
  [[nodiscard]] Request last() const { return transport.requests().back(); }

  FakeTransport transport;
  RecordingLogger logger;
  Client client{transport, logger};
  Ref ref{resources::kConfigMap, "shop", "postgres-config"};
};

Json status(int code, const std::string& reason, const std::string& message) {
  return {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", message}};
}

TEST_F(ClientTest, PathsFollowTheGroupAndTheNamespace) {
  EXPECT_EQ(resources::kConfigMap.path("shop"), "/api/v1/namespaces/shop/configmaps");
  EXPECT_EQ(resources::kDeployment.path(""), "/apis/apps/v1/deployments");
  EXPECT_EQ(ref.path(), "/api/v1/namespaces/shop/configmaps/postgres-config");
  EXPECT_EQ(ref.text(), "ConfigMap shop/postgres-config");
  EXPECT_EQ((Ref{resources::kNamespace, "", "shop"}).text(), "Namespace shop");
  EXPECT_EQ(resources::kDeployment.qualified_plural(), "deployments.apps");
  EXPECT_EQ(escape_query("app in (a, b)/ü"), "app%20in%20%28a%2C%20b%29%2F%C3%BC");
}

TEST_F(ClientTest, GetKeepsManagedFields) {
  transport.answer(200, {{"metadata", {{"name", "x"}, {"managedFields", Json::array({1})}}}});
  const auto object = client.get(ref);
  ASSERT_TRUE(object);
  EXPECT_TRUE((*object)["metadata"].contains("managedFields"));
}

TEST_F(ClientTest, ErrorsNameTheObjectAndCarryTheServersText) {
  transport.answer(404, status(404, "NotFound", "configmaps \"postgres-config\" not found"));
  const auto object = client.get(ref);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(object.error().message(),
            "ConfigMap shop/postgres-config: configmaps \"postgres-config\" not found");
}

TEST_F(ClientTest, AnAnswerThatIsNotJsonIsInternal) {
  transport.answer(Response{200, "<html>", {}, {}});
  const auto object = client.get(ref);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::Internal);
}

TEST_F(ClientTest, ApplyIsForcedAndNamesItsManager) {
  transport.answer(200, Json::object());
  ASSERT_TRUE(client.apply(ref, {{"kind", "ConfigMap"}}));
  EXPECT_EQ(last().method, Method::Patch);
  EXPECT_EQ(last().content_type, "application/apply-patch+yaml");
  EXPECT_THAT(last().path, HasSubstr("?fieldManager=pg-rightsizer&force=true"));
  EXPECT_TRUE(last().repeatable);
}

TEST_F(ClientTest, ACreateIsNeverRepeated) {
  transport.answer(201, Json::object());
  ASSERT_TRUE(client.create(ref, Json::object()));
  EXPECT_EQ(last().method, Method::Post);
  EXPECT_FALSE(last().repeatable);
}

TEST_F(ClientTest, StatusGoesToItsSubresource) {
  transport.answer(200, Json::object());
  ASSERT_TRUE(client.patch_status(ref, {{"status", {{"phase", "Ready"}}}}));
  EXPECT_THAT(last().path, HasSubstr("/postgres-config/status?"));
  EXPECT_EQ(last().content_type, "application/merge-patch+json");
}

TEST_F(ClientTest, TextThatIsNotUtf8DoesNotThrow) {
  transport.answer(200, Json::object());
  EXPECT_TRUE(client.merge_patch(ref, {{"note", "caf\xe9"}}));
}

TEST_F(ClientTest, APatchWhoseTestNoLongerHoldsIsAConflict) {
  transport.answer(422, status(422, "Invalid", "the server rejected our request"));
  transport.answer(200, {{"metadata", {{"resourceVersion", "8"}}}});
  const auto done = client.json_patch(
      ref, {{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "7"}},
            {{"op", "add"}, {"path", "/data/a"}, {"value", "1"}}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Conflict);
}

TEST_F(ClientTest, AMergePatchOfAnotherUidIsAConflict) {
  transport.answer(422, status(422, "Invalid", "metadata.uid: Invalid value: \"b\": field is immutable"));
  const auto done = client.merge_patch(ref, {{"metadata", {{"uid", "b"}}}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Conflict);
}

TEST_F(ClientTest, APatchThatMakesNoSenseStaysInvalid) {
  transport.answer(422, status(422, "Invalid", "the server rejected our request"));
  transport.answer(200, {{"metadata", {{"resourceVersion", "7"}}}});
  const auto done = client.json_patch(
      ref, {{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "7"}},
            {{"op", "remove"}, {"path", "/data/none"}}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Invalid);
}

TEST_F(ClientTest, RemovingWhatIsGoneIsNoError) {
  transport.answer(404, status(404, "NotFound", "not found"));
  EXPECT_TRUE(client.remove(ref));
}

TEST_F(ClientTest, RemovePassesItsPreconditions) {
  transport.answer(409, status(409, "Conflict", "the UID in the precondition does not match"));
  const auto done = client.remove(ref, {"abc", "12"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::Conflict);
  const auto body = Json::parse(last().body);
  EXPECT_EQ(body["preconditions"], (Json{{"uid", "abc"}, {"resourceVersion", "12"}}));
}

TEST_F(ClientTest, ListFollowsThePagesAndNamesTheKind) {
  transport.answer(200, {{"metadata", {{"continue", "to/ken"}}}, {"items", {{{"a", 1}}}}});
  transport.answer(200, {{"metadata", Json::object()}, {"items", {{{"a", 2}}}}});
  const auto list = client.list(resources::kPod, "shop", "app=a");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[1]["kind"], "Pod");
  EXPECT_THAT(last().path, HasSubstr("limit=500&labelSelector=app%3Da&continue=to%2Fken"));
}

TEST_F(ClientTest, ListBeginsAgainWhenItsTokenHasExpired) {
  transport.answer(200, {{"metadata", {{"continue", "t"}}}, {"items", {{{"a", 1}}}}});
  transport.answer(410, status(410, "Expired", "the provided continue parameter is too old"));
  transport.answer(200, {{"metadata", Json::object()}, {"items", nullptr}});
  const auto list = client.list(resources::kPod, "shop", "");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->empty());
}

TEST_F(ClientTest, WaitsAsLongAsTheServerAsksAndTriesAgain) {
  transport.answer(Response{429, "", std::chrono::seconds(0), {}});
  transport.answer(200, Json::object());
  EXPECT_TRUE(client.get(ref));
  EXPECT_EQ(transport.requests().size(), 2u);
}

TEST_F(ClientTest, DoesNotWaitBeyondTheDeadline) {
  transport.answer(Response{503, "", std::chrono::seconds(30), {}});
  const auto object = client.get(ref);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(object.error().retry_after, std::chrono::seconds(30));
}

TEST_F(ClientTest, DoesNotWaitIfNoTimeForAnAnswerWouldBeLeft) {
  transport.answer(Response{429, "", std::chrono::seconds(9), {}});  // of ten
  transport.answer(200, Json::object());
  const auto object = client.get(ref);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::TooManyRequests);
  EXPECT_EQ(transport.requests().size(), 1u);
}

TEST_F(ClientTest, WhoComesAgainTooSoonIsToldWithoutAskingTheServer) {
  transport.answer(Response{429, "", std::chrono::seconds(30), {}});
  transport.answer(200, Json::object());
  EXPECT_EQ(client.get(ref).error().kind, ErrorKind::TooManyRequests);
  const auto object = client.get(ref);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::TooManyRequests);
  EXPECT_EQ(transport.requests().size(), 1u);
  EXPECT_TRUE(client.apply(ref, {{"kind", "ConfigMap"}}));  // another request
}

TEST_F(ClientTest, WhatTheServerWantedLaterIsAskedThen) {
  transport.answer(Response{429, "", std::chrono::seconds(0), {}});
  transport.answer(Response{429, "", std::chrono::seconds(0), {}});
  transport.answer(200, Json::object());
  transport.answer(200, Json::object());
  EXPECT_TRUE(client.get(ref));
  EXPECT_TRUE(client.get(ref));
  EXPECT_EQ(transport.requests().size(), 4u);
}

TEST_F(ClientTest, LogsEachWarningOfTheServerOnce) {
  for (int i = 0; i < 2; ++i) transport.answer(Response{200, "{}", {}, {"v1beta1 is deprecated"}});
  ASSERT_TRUE(client.get(ref));
  ASSERT_TRUE(client.get(ref));
  EXPECT_EQ(logger.count("v1beta1 is deprecated"), 1);
}

struct ErrorCase {
  int code;
  const char* reason;
  ErrorKind kind;
};
class ErrorOf : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(ErrorOf, KindFollowsStatusAndReason) {
  const auto& [code, reason, kind] = GetParam();
  const Response response{code, status(code, reason, "because").dump(), {}, {}};
  EXPECT_EQ(error_of(response, "x").kind, kind);
  EXPECT_EQ(error_of(response, "x").what, "because");
}

INSTANTIATE_TEST_SUITE_P(
    Table, ErrorOf,
    ::testing::Values(ErrorCase{400, "BadRequest", ErrorKind::Invalid},
                      ErrorCase{401, "Unauthorized", ErrorKind::Unauthorized},
                      ErrorCase{403, "Forbidden", ErrorKind::Forbidden},
                      ErrorCase{404, "NotFound", ErrorKind::NotFound},
                      ErrorCase{409, "AlreadyExists", ErrorKind::AlreadyExists},
                      ErrorCase{409, "Conflict", ErrorKind::Conflict},
                      ErrorCase{410, "Expired", ErrorKind::Gone},
                      ErrorCase{415, "UnsupportedMediaType", ErrorKind::Invalid},
                      ErrorCase{422, "Invalid", ErrorKind::Invalid},
                      ErrorCase{429, "TooManyRequests", ErrorKind::TooManyRequests},
                      ErrorCase{500, "InternalError", ErrorKind::Internal},
                      ErrorCase{503, "ServiceUnavailable", ErrorKind::Unavailable},
                      ErrorCase{504, "Timeout", ErrorKind::Timeout}));

TEST(ErrorOfText, DetailsThatTheMessageLeavesOutAreAdded) {
  Json body = status(422, "Invalid", "it is invalid");
  body["details"]["causes"] = {{{"message", "spec.replicas: too large"}}, {{"message", "invalid"}}};
  EXPECT_EQ(error_of({422, body.dump(), {}, {}}, "").what,
            "it is invalid (spec.replicas: too large)");
}

TEST(ErrorOfText, ABodyThatIsNotAStatusIsQuoted) {
  EXPECT_EQ(error_of({404, "404 page not found\n", {}, {}}, "").what,
            "the API server answered 404: 404 page not found");
}

TEST(ErrorOfText, ARefusalIsToldWithOurOwnRemark) {
  Response refused{401, status(401, "Unauthorized", "Unauthorized").dump(), {}, {}};
  refused.remark = "exec plugin get-token: it has failed";
  EXPECT_EQ(error_of(refused, "").what, "Unauthorized (exec plugin get-token: it has failed)");
}

TEST(ErrorOfText, RightsAreARemedyOnlyWhenRightsAreMissing) {
  const Json rbac = status(403, "Forbidden", "pods is forbidden: User \"u\" cannot list resource");
  EXPECT_FALSE(error_of({403, rbac.dump(), {}, {}}, "").remedy.empty());
  const Json quota = status(403, "Forbidden", "pods \"a\" is forbidden: exceeded quota");
  EXPECT_TRUE(error_of({403, quota.dump(), {}, {}}, "").remedy.empty());
}

}  // namespace
}  // namespace pgrightsizer::kube
