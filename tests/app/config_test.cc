#include "app/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

namespace pgrightsizer::app {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/bindingXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void bind(const std::string& file, const std::string& text) {
    std::ofstream(dir_ + "/" + file) << text;
  }

  Config parse(const std::vector<std::string>& arguments) {
    return parse_config(arguments, [this](const char* name) -> const char* {
      const auto found = env_.find(name);
      return found == env_.end() ? nullptr : found->second.c_str();
    });
  }

  std::string dir_;
  std::map<std::string, std::string> env_;
};

TEST_F(ConfigTest, DefaultsAreThoseOfTheDemo) {
  const Config config = parse({});
  EXPECT_EQ(config.connections, 20);
  EXPECT_DOUBLE_EQ(config.rate_per_s, 4);
  EXPECT_EQ(config.lifetime, std::chrono::seconds(40));
  EXPECT_EQ(config.command_timeout, std::chrono::seconds(30));
  EXPECT_EQ(config.listen_port, 8080);
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsBinding) {
  bind("host", "from-binding\n");
  bind("username", "bound-user");
  bind("port", "6432");
  env_ = {{"APP_BINDING_DIR", dir_}, {"PGHOST", "from-env"}, {"PGPORT", "7432"}};
  const Config config = parse({"--port", "8432"});
  EXPECT_EQ(config.port, "8432");
  EXPECT_EQ(config.host, "from-env");
  EXPECT_EQ(config.user, "bound-user");
}

TEST_F(ConfigTest, ABoundPasswordIsReadAnewEachTime) {
  const Config config = parse({"--binding-dir=" + dir_});
  bind("password", "first\n");
  EXPECT_EQ(read_secret(config.password_file), "first");
  bind("password", "second");
  EXPECT_EQ(read_secret(config.password_file), "second");
}

TEST_F(ConfigTest, ManyInstancesShareTheTotalRate) {
  env_ = {{"TOTAL_INSTANCES", "200"}};
  EXPECT_DOUBLE_EQ(parse({}).rate_per_s, 2);
}

TEST_F(ConfigTest, NonsenseIsRefused) {
  EXPECT_THROW(parse({"--no-such-flag", "1"}), std::invalid_argument);
  EXPECT_THROW(parse({"--rate"}), std::invalid_argument);
  EXPECT_THROW(parse({"--rate", "fast"}), std::invalid_argument);
  EXPECT_THROW(parse({"--connections", "0"}), std::invalid_argument);
  EXPECT_THROW(parse({"--listen", "8080"}), std::invalid_argument);
  EXPECT_THROW(parse({"--listen", "0.0.0.0:99999"}), std::invalid_argument);
  EXPECT_THROW(parse({"--listen", "0.0.0.0:"}), std::invalid_argument);
}

}  // namespace
}  // namespace pgrightsizer::app
