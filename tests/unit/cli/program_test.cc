#include "program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgrightsizer::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Done {
  int code;
  std::string errors;
};

Done run(std::vector<std::string> words) {
  words.insert(words.begin(), "pg-rightsizer");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  testing::internal::CaptureStderr();
  const int code = run_program(static_cast<int>(arguments.size()), arguments.data());
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(ProgramTest, TheLastOfARepeatedOptionCounts) {
  const auto done = run({"run", "--guard-image=a", "--workers=2", "--namespace=shop", "--namespace=billing",
                         "--kubeconfig=/nowhere/first", "--guard-image=b", "--workers=4",
                         "--kubeconfig=/nowhere/second"});
  EXPECT_EQ(done.code, 2) << done.errors;
  EXPECT_THAT(done.errors, HasSubstr("/nowhere/second"));
  EXPECT_THAT(done.errors, Not(HasSubstr("/nowhere/first")));
}

TEST(ProgramTest, WhatIsNoOptionIsRefused) {
  const auto done = run({"run", "--guard-image=a", "--worker=2"});
  EXPECT_NE(done.code, 0);
  EXPECT_THAT(done.errors, HasSubstr("--worker"));
}

}  // namespace
}  // namespace pgrightsizer::cli
