#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/line_splitter.h"
#include "runtime/list_slicer.h"

namespace pgrightsizer::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Everything that could lead a slicer astray: brackets, quotes and escapes in strings, keys called
// "items" and "metadata" elsewhere, nesting, white space, metadata before and behind the items.
constexpr const char* kList = R"({"kind":"PodList","apiVersion":"v1",
 "metadata":{"resourceVersion":"123","continue":"abc\"}","remainingItemCount":4},
 "items":[{"metadata":{"name":"a","resourceVersion":"1"},"x":"}]{[\\"} , {"y":[{"items":[{}]},"\u0022\"]"]}
 ,{}],"other":{"items":[{"z":1}]}}
)";
const std::vector<std::string> kItems{
    R"({"metadata":{"name":"a","resourceVersion":"1"},"x":"}]{[\\"})",
    R"({"y":[{"items":[{}]},"\u0022\"]"]})", "{}"};

struct Sliced {
  std::vector<std::string> items;
  bool fed = true;
  bool finished = false;
  std::string version, token, error;
};

Sliced slice(const std::vector<std::string_view>& pieces, std::size_t limit = kMaxObjectBytes) {
  Sliced out;
  ListSlicer slicer([&out](std::string_view item) { out.items.emplace_back(item); }, limit);
  for (const auto piece : pieces) out.fed = out.fed && slicer.feed(piece);
  out.finished = slicer.finished();
  out.version = slicer.resource_version();
  out.token = slicer.continue_token();
  out.error = slicer.error();
  return out;
}

void expect_whole(const Sliced& sliced) {
  ASSERT_TRUE(sliced.fed) << sliced.error;
  EXPECT_TRUE(sliced.finished);
  EXPECT_EQ(sliced.items, kItems);
  EXPECT_EQ(sliced.version, "123");
  EXPECT_EQ(sliced.token, "abc\"}");
}

TEST(ListSlicer, TheSampleIsJson) { EXPECT_TRUE(nlohmann::json::accept(kList)); }

TEST(ListSlicer, AtEverySplitPosition) {
  const std::string_view list = kList;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    SCOPED_TRACE(i);
    expect_whole(slice({list.substr(0, i), list.substr(i)}));
  }
}

TEST(ListSlicer, AtEveryPairOfSplitPositions) {
  const std::string_view list = kList;
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t j = i; j < list.size(); ++j) {
      const auto sliced = slice({list.substr(0, i), list.substr(i, j - i), list.substr(j)});
      ASSERT_EQ(sliced.items, kItems) << i << " " << j;
    }
  }
}

TEST(ListSlicer, ByteByByte) {
  const std::string_view list = kList;
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < list.size(); ++i) pieces.push_back(list.substr(i, 1));
  expect_whole(slice(pieces));
}

TEST(ListSlicer, MetadataMayComeLast) {
  const auto sliced =
      slice({R"({"apiVersion":"v1","items":[{"a":1}],"metadata":{"resourceVersion":"9"}})"});
  EXPECT_TRUE(sliced.finished);
  EXPECT_THAT(sliced.items, ElementsAre(R"({"a":1})"));
  EXPECT_EQ(sliced.version, "9");
}

TEST(ListSlicer, EmptyLists) {
  for (const char* text : {R"({"metadata":{"resourceVersion":"9"},"items":[]})",
                           R"({"metadata":{"resourceVersion":"9"},"items":null})",
                           R"({"metadata":{"resourceVersion":"9"}})"}) {
    const auto sliced = slice({text});
    EXPECT_TRUE(sliced.finished) << text;
    EXPECT_EQ(sliced.version, "9") << text;
    EXPECT_THAT(sliced.items, IsEmpty()) << text;
  }
}

TEST(ListSlicer, ACutListIsNotFinished) {
  const std::string_view list = kList;
  for (std::size_t i = 0; i < list.rfind('}'); ++i) {
    EXPECT_FALSE(slice({list.substr(0, i)}).finished) << i;
  }
}

TEST(ListSlicer, WhatIsNotOneObjectIsRefused) {
  for (const char* text : {"[]", "null", "<html>", "{} {}", "{}}", "]"}) {
    EXPECT_FALSE(slice({text}).fed) << text;
  }
}

TEST(ListSlicer, AnObjectBeyondTheBoundIsRefused) {
  const std::string big = R"({"items":[{"a":")" + std::string(200, 'x') + R"("}]})";
  EXPECT_TRUE(slice({big}, 300).fed);
  EXPECT_FALSE(slice({big}, 100).fed);
  const auto split =
      slice({std::string_view(big).substr(0, 150), std::string_view(big).substr(150)}, 100);
  EXPECT_FALSE(split.fed);
  EXPECT_THAT(split.error, HasSubstr("too large"));
}

TEST(LineSplitter, AtEverySplitPosition) {
  const std::string_view text = "one\n\ntwo\nthree\n";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    std::vector<std::string> lines;
    LineSplitter splitter([&lines](std::string_view line) { lines.emplace_back(line); }, 10);
    EXPECT_TRUE(splitter.feed(text.substr(0, i)));
    EXPECT_TRUE(splitter.feed(text.substr(i)));
    EXPECT_THAT(lines, ElementsAre("one", "two", "three")) << i;
  }
}

TEST(LineSplitter, ALineBeyondTheBoundIsRefused) {
  const auto ignore = [](std::string_view) {};
  EXPECT_TRUE(LineSplitter(ignore, 4).feed("1234\n1234\n"));
  EXPECT_FALSE(LineSplitter(ignore, 4).feed("12345\n"));
  LineSplitter splitter(ignore, 4);
  EXPECT_TRUE(splitter.feed("123"));
  EXPECT_FALSE(splitter.feed("45"));
}

}  // namespace
}  // namespace pgrightsizer::runtime
