#include "pgrightsizer/telemetry/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

namespace pgrightsizer::telemetry {
namespace {

TEST(Log, FieldsAreQuotedWhenNeeded) {
  EXPECT_EQ(format_text("resized", {{"policy", "shop/db"}, {"why", "too small"}, {"empty", ""}}),
            R"(resized policy=shop/db why="too small" empty="")");
  EXPECT_EQ(format_text("a \"quoted\" word", {}), "a \"quoted\" word");
}

TEST(Log, OneEventIsOneLine) {
  const std::string line = format_text("two\nlines", {{"k", "a\r\nb"}});
  EXPECT_EQ(line, R"("two\nlines" k="a\r\nb")");
}

TEST(Log, JsonIsJsonWhateverIsInIt) {
  const std::string line = "{" + format_json("a \"b\"\n\xff", {{"k", "\\\x01"}}) + "}";
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["message"], "a \"b\"\n\xef\xbf\xbd");  // what is not UTF-8 becomes U+FFFD
  EXPECT_EQ(parsed["k"], "\\\x01");
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Log, LevelsAndFormatsHaveNames) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::Warning);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_format("json"), LogFormat::Json);
  EXPECT_EQ(parse_log_format("xml"), std::nullopt);
}

TEST(Log, WritesOneLinePerEventAboveItsLevel) {
  testing::internal::CaptureStderr();
  make_logger(LogLevel::Info, LogFormat::Json)->info("hello {}", {{"k", "v"}});
  make_logger(LogLevel::Warning, LogFormat::Text)->info("hidden");
  make_logger(LogLevel::Debug, LogFormat::Text)->error("shown", {{"k", "v"}});
  const std::string out = testing::internal::GetCapturedStderr();
  const auto first = nlohmann::json::parse(out.substr(0, out.find('\n')));
  EXPECT_EQ(first["message"], "hello {}");
  EXPECT_EQ(first["level"], "info");
  // RFC 3339, in UTC.
  EXPECT_TRUE(std::regex_match(first["time"].get<std::string>(),
                               std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
  EXPECT_EQ(first["k"], "v");
  EXPECT_EQ(out.find("hidden"), std::string::npos);
  EXPECT_NE(out.find("Z error shown k=v\n"), std::string::npos) << out;
}

}  // namespace
}  // namespace pgrightsizer::telemetry
