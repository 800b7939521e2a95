// Lists and watches in protobuf, cut anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/frame_splitter.h"
#include "runtime/list_reader.h"
#include "runtime/watch_reader.h"
#include "runtime/wire_list_slicer.h"
#include "unit/kube/wire_writer.h"

namespace pgrightsizer::runtime {
namespace {

namespace wire = kube::wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Sliced {
  std::vector<std::string> items;
  bool finished = false;
  std::string version, token, error;
};

Sliced slice(const std::vector<std::string_view>& pieces, std::size_t limit = kMaxObjectBytes) {
  Sliced out;
  WireListSlicer slicer([&out](std::string_view item) { out.items.emplace_back(item); }, limit);
  for (const auto piece : pieces) {
    if (!slicer.feed(piece)) break;
  }
  out.finished = slicer.finished();
  out.version = slicer.resource_version();
  out.token = slicer.continue_token();
  out.error = slicer.error();
  return out;
}

// Metadata behind the items, unknown fields of every type, an empty item, a long one.
std::string sample() {
  return wire::enveloped("PodList", wire::bytes(2, "first") + wire::number(9, 300) + wire::bytes(7, "skipped") +
                                        wire::varint(8 << 3 | 1) + "12345678" + wire::varint(8 << 3 | 5) + "1234" +
                                        wire::bytes(2, "") + wire::bytes(2, std::string(300, 'x')) +
                                        wire::bytes(1, wire::bytes(2, "123") + wire::bytes(3, "to/ken")) +
                                        wire::bytes(2, ""));
}

void expect_sample(const Sliced& sliced) {
  EXPECT_EQ(sliced.error, "");
  EXPECT_TRUE(sliced.finished);
  EXPECT_THAT(sliced.items, ElementsAre("first", "", std::string(300, 'x'), ""));
  EXPECT_EQ(sliced.version, "123");
  EXPECT_EQ(sliced.token, "to/ken");
}

TEST(WireListSlicer, AtEverySplitPosition) {
  const std::string text = sample();
  const std::string_view list = text;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    SCOPED_TRACE(i);
    expect_sample(slice({list.substr(0, i), list.substr(i)}));
  }
}

TEST(WireListSlicer, ByteByByte) {
  const std::string list = sample();
  std::vector<std::string_view> pieces;
  for (const char& c : list) pieces.emplace_back(&c, 1);
  expect_sample(slice(pieces));
}

TEST(WireListSlicer, AListCutShortIsNotFinished) {
  const std::string list = sample();
  // Behind the list come two empty fields of the envelope.
  for (std::size_t i = 0; i < list.size() - 4; ++i) EXPECT_FALSE(slice({std::string_view(list).substr(0, i)}).finished) << i;
}

TEST(WireListSlicer, AnEmptyList) {
  const auto sliced = slice({wire::enveloped("PodList", wire::bytes(1, wire::bytes(2, "9")))});
  EXPECT_TRUE(sliced.finished);
  EXPECT_THAT(sliced.items, IsEmpty());
  EXPECT_EQ(sliced.version, "9");
  EXPECT_TRUE(slice({wire::enveloped("PodList", "")}).finished);
}

TEST(WireListSlicer, WhatIsNoListIsRefused) {
  EXPECT_THAT(slice({"{\"items\":[]}"}).error, HasSubstr("not Kubernetes' protobuf"));
  const std::string magic(wire::kMagic);
  EXPECT_THAT(slice({magic + "\x0b"}).error, HasSubstr("no known type"));
  EXPECT_THAT(slice({magic + std::string(11, '\xff')}).error, HasSubstr("too long"));
  EXPECT_THAT(slice({magic + wire::bytes(2, std::string("\x12\x7f") + "abc")}).error, HasSubstr("longer than its list"));
  // A number that begins in the list and ends behind it.
  EXPECT_THAT(slice({magic + wire::bytes(2, "\x48\xff") + "\x01\x12"}).error, HasSubstr("longer than its list"));
  EXPECT_THAT(slice({wire::enveloped("PodList", wire::bytes(1, "\x0a\x7f"))}).error, HasSubstr("metadata"));
}

TEST(WireListSlicer, AnObjectMayNotBeLargerThanTheBound) {
  EXPECT_THAT(slice({sample()}, 299).error, HasSubstr("too large"));
  expect_sample(slice({sample()}, 300));
}

TEST(FrameSplitter, AtEverySplitPosition) {
  const std::string stream = std::string("\0\0\0\3abc\0\0\0\0\0\0\1\0", 15) + std::string(256, 'x') + std::string("\0\0\0\1z", 5);
  for (std::size_t i = 0; i <= stream.size(); ++i) {
    SCOPED_TRACE(i);
    std::vector<std::string> frames;
    FrameSplitter splitter([&](std::string_view frame) { frames.emplace_back(frame); }, 256);
    EXPECT_TRUE(splitter.feed(std::string_view(stream).substr(0, i)));
    EXPECT_TRUE(splitter.feed(std::string_view(stream).substr(i)));
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_THAT(frames, ElementsAre("abc", std::string(256, 'x'), "z"));
  }
}

TEST(FrameSplitter, AFrameMayNotBeLongerThanTheBound) {
  FrameSplitter splitter([](std::string_view) {}, 2);
  EXPECT_TRUE(splitter.feed(std::string_view("\0\0\0\2ab", 6)));
  EXPECT_FALSE(splitter.feed(std::string_view("\0\0\0\3", 4)));
}

TEST(ListReader, ReadsWhatTheServerChose) {
  const std::string json = R"({"metadata":{"resourceVersion":"5","continue":"t"},"items":[{"metadata":{"name":"a"}}]})";
  const std::string protobuf = wire::enveloped(
      "PodList", wire::bytes(1, wire::bytes(2, "5") + wire::bytes(3, "t")) + wire::bytes(2, wire::bytes(1, wire::bytes(1, "a"))));
  for (const auto& answer : {json, protobuf}) {
    std::vector<nlohmann::json> objects;
    ListReader reader(kube::resources::kPod, [&](const nlohmann::json& object) { objects.push_back(object); });
    EXPECT_TRUE(reader.feed({}));
    EXPECT_FALSE(reader.finished());
    EXPECT_TRUE(reader.feed(answer)) << reader.error();
    EXPECT_TRUE(reader.finished());
    EXPECT_EQ(reader.resource_version(), "5");
    EXPECT_EQ(reader.continue_token(), "t");
    EXPECT_THAT(objects, ElementsAre(nlohmann::json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}})")));
  }
}

TEST(ListReader, AnItemThatIsNotReadableIsAnError) {
  for (const auto& answer : {std::string(R"({"items":[{"a":}]})"), wire::enveloped("PodList", wire::bytes(2, "\x0a\x7f"))}) {
    ListReader reader(kube::resources::kPod, [](const nlohmann::json&) {});
    EXPECT_FALSE(reader.feed(answer));
    EXPECT_THAT(reader.error(), HasSubstr("not readable"));
  }
}

TEST(WatchReader, ReadsWhatTheServerChose) {
  const std::string json = R"({"type":"ADDED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop","resourceVersion":"7"}}})" "\n";
  for (const auto& stream : {json, wire::frame("ADDED", "Pod", wire::pod("a", 7))}) {
    std::vector<std::string> types;
    nlohmann::json last;
    WatchReader reader(kube::resources::kPod, [&](const std::string& type, const nlohmann::json& object) {
      types.push_back(type);
      last = object;
    });
    EXPECT_TRUE(reader.feed(stream)) << reader.error();
    EXPECT_THAT(types, ElementsAre("ADDED"));
    EXPECT_EQ(last, nlohmann::json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop","resourceVersion":"7"}})"));
  }
}

TEST(WatchReader, WhatIsNotReadableIsAnError) {
  for (const auto& stream : {std::string("<html>\n"), std::string("\0\0\0\2\x0a\x7f", 6), std::string("{}\n")}) {
    WatchReader reader(kube::resources::kPod, [](const std::string&, const nlohmann::json&) {});
    EXPECT_FALSE(reader.feed(stream));
    EXPECT_THAT(reader.error(), HasSubstr("not readable"));
  }
  WatchReader reader(kube::resources::kPod, [](const std::string&, const nlohmann::json&) {});
  EXPECT_FALSE(reader.feed(std::string_view("\0\xff\xff\xff", 4)));
  EXPECT_THAT(reader.error(), HasSubstr("too large"));
}

}  // namespace
}  // namespace pgrightsizer::runtime
