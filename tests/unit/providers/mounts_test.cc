#include "providers/mounts.h"

#include <gmock/gmock.h>

namespace pgrightsizer::providers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> paths(const char* volume, const char* mounts) {
  const auto object = nlohmann::json::parse(
      std::string(R"({"spec":{"template":{"spec":{"volumes":[)") + volume +
      R"(],"containers":[{"name":"a"},{"name":"b","volumeMounts":[)" + mounts + "]}]}}}}");
  return mounted_paths(object, "config", "postgresql.conf");
}

constexpr const char* kWhole = R"({"name":"v","configMap":{"name":"config"}})";

TEST(Mounts, Directory) {
  EXPECT_THAT(paths(kWhole, R"({"name":"v","mountPath":"/etc/pg/"})"),
              ElementsAre("/etc/pg/postgresql.conf"));
}

TEST(Mounts, SubPath) {
  EXPECT_THAT(
      paths(kWhole, R"({"name":"v","mountPath":"/etc/pg.conf","subPath":"postgresql.conf"})"),
      ElementsAre("/etc/pg.conf"));
  EXPECT_THAT(paths(kWhole, R"({"name":"v","mountPath":"/etc/hba","subPath":"pg_hba.conf"})"),
              IsEmpty());
}

TEST(Mounts, Items) {
  EXPECT_THAT(
      paths(
          R"({"name":"v","configMap":{"name":"config","items":[{"key":"postgresql.conf","path":"d/x.conf"}]}})",
          R"({"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/b","subPath":"d"})"),
      ElementsAre("/a/d/x.conf", "/b/x.conf"));
  EXPECT_THAT(
      paths(R"({"name":"v","configMap":{"name":"config","items":[{"key":"k","path":"k"}]}})",
            R"({"name":"v","mountPath":"/a"})"),
      IsEmpty());
}

TEST(Mounts, Projected) {
  EXPECT_THAT(
      paths(
          R"({"name":"v","projected":{"sources":[{"secret":{"name":"config"}},{"configMap":{"name":"config"}}]}})",
          R"({"name":"v","mountPath":"/a"})"),
      ElementsAre("/a/postgresql.conf"));
}

TEST(Mounts, AnythingElseIsNone) {
  EXPECT_THAT(
      paths(R"({"name":"v","configMap":{"name":"other"}})", R"({"name":"v","mountPath":"/a"})"),
      IsEmpty());
  EXPECT_THAT(paths(kWhole, ""), IsEmpty());
  EXPECT_THAT(mounted_paths(nlohmann::json::object(), "config", "k"), IsEmpty());
  EXPECT_THAT(mounted_paths({{"spec", {{"template", {{"spec", "x"}}}}}}, "config", "k"), IsEmpty());
}

}  // namespace
}  // namespace pgrightsizer::providers
