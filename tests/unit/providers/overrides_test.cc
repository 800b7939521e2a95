// What beats the ConfigMap, judged from what a server says.
#include <gmock/gmock.h>

#include "unit/providers/fake_cluster.h"

namespace pgrightsizer::providers {
namespace {

using postgres::FileSetting;
using postgres::Settings;
using namespace std::chrono_literals;

constexpr const char* kOurs = "/etc/postgres/conf/postgresql.conf";
constexpr const char* kMain = "/data/pg/postgresql.conf";
constexpr const char* kAuto = "/data/pg/postgresql.auto.conf";

// The last file wins.
Settings settings_of(std::vector<FileSetting> files) {
  Settings settings;
  settings.max_connections = 250;
  settings.source = "configuration file";
  settings.data_directory = "/data/pg";
  settings.files_known = true;
  settings.files = std::move(files);
  if (!settings.files.empty()) settings.files.back().applied = true;
  return settings;
}

std::string found(FakeCluster& cluster, const Settings& settings) {
  const auto provider = cluster.provider();
  const auto database = provider->observe();
  const auto override = provider->overridden(settings, *database);
  return override ? override->where + " = " + std::to_string(override->value) : "";
}

TEST(Overrides, OurFileLastIsNone) {
  FakeCluster cluster;
  EXPECT_EQ(found(cluster, settings_of({{kMain, 64, "100"}, {kOurs, 1, "250"}})), "");
  EXPECT_EQ(found(cluster, settings_of({{kOurs, 1, "60"}})), "")
      << "a mounted file may lag behind its ConfigMap";
}

TEST(Overrides, AlterSystem) {
  FakeCluster cluster;
  EXPECT_EQ(found(cluster, settings_of({{kOurs, 1, "250"}, {kAuto, 3, "80"}})),
            "postgresql.auto.conf line 3 = 80");
  EXPECT_EQ(found(cluster, settings_of({{kAuto, 3, "80"}})), "postgresql.auto.conf line 3 = 80");
}

TEST(Overrides, TheCommandLine) {
  FakeCluster cluster;
  auto settings = settings_of({{kOurs, 1, "250"}});
  settings.source = "command line";
  settings.max_connections = 71;
  EXPECT_EQ(found(cluster, settings), "command line = 71");
}

TEST(Overrides, AnotherFileAfterOurs) {
  FakeCluster cluster;
  EXPECT_EQ(found(cluster, settings_of({{kOurs, 1, "250"}, {"/etc/extra.conf", 7, "90"}})),
            "/etc/extra.conf line 7 = 90");
  EXPECT_EQ(found(cluster, settings_of({{kOurs, 1, "250"}, {kMain, 800, "100"}})),
            "/data/pg/postgresql.conf line 800 = 100")
      << "initdb's file has the same name and is not ours";
}

TEST(Overrides, AFileThatTheServerDoesNotReadIsToldWhenItCannotBeLag) {
  FakeCluster cluster;
  const auto settings = settings_of({{kMain, 64, "100"}});
  EXPECT_EQ(found(cluster, settings), "/data/pg/postgresql.conf line 64 = 100");
  cluster.clock.time -= 59min;
  EXPECT_EQ(found(cluster, settings), "") << "changed a minute ago";
  cluster.clock.time += 59min;
  cluster.config_map()["metadata"].erase("managedFields");
  EXPECT_EQ(found(cluster, settings), "") << "nobody knows when";
}

TEST(Overrides, NothingOfOursIsNotOverridden) {
  FakeCluster cluster;
  cluster.set_text("port = 5432\n");
  EXPECT_EQ(found(cluster, settings_of({{kMain, 64, "100"}})), "");
}

TEST(Overrides, ACopyIsKnownByItsNameOutsideOfTheDataDirectory) {
  FakeCluster cluster;
  EXPECT_EQ(
      found(cluster, settings_of({{kMain, 64, "100"}, {"/run/copy/postgresql.conf", 1, "9"}})), "");
}

TEST(Overrides, WithoutAViewOfTheFilesNothingIsClaimed) {
  FakeCluster cluster;
  auto settings = settings_of({});
  settings.files_known = false;
  EXPECT_EQ(found(cluster, settings), "");
}

}  // namespace
}  // namespace pgrightsizer::providers
