// The few fields that we want of built-in kinds, read from Kubernetes' protobuf encoding into the
// JSON that the API server would have sent, with those fields alone. Nothing is generated: a kind
// is a table of the fields we read, and whatever is not in it is skipped unread.
//
// Source: generated.proto of k8s.io/api and k8s.io/apimachinery, whose numbers never change.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::kube::wire {

struct Field;
using Message = std::span<const Field>;

// In the order in which a table is read.
struct Field {  // NOLINT(clang-analyzer-optin.performance.Padding)
  enum class Type {
    Text,
    Texts,  // repeated
    Integer,
    Boolean,
    Object,
    Objects,  // repeated
    TextMap,
    Time,         // RFC 3339, whole seconds
    IntOrString,  // either, as in JSON
  };
  std::uint32_t number;
  const char* name;
  Type type;
  Message message = {};  // of Object and Objects
};

// To be sent as Accept. A server that has no protobuf for the kind answers in JSON.
constexpr const char* kAccept = "application/vnd.kubernetes.protobuf,application/json";
// What every answer in this encoding begins with.
constexpr std::string_view kMagic{"k8s\0", 4};

// Of what we watch; nullptr: this kind is read as JSON. Custom resources have no other encoding.
[[nodiscard]] const Message* message_of(const Resource& resource);

// nullopt: not this message. Arrays are there if a member is, all else if the sender wrote it.
[[nodiscard]] std::optional<Json> decode(std::string_view bytes, Message message);

// One frame of a watch. The object of an ERROR is a Status, whatever `message` is, and that of a
// BOOKMARK has resourceVersion and annotations. nullopt: not a watch event.
struct Event {
  std::string type;
  Json object;
};
[[nodiscard]] std::optional<Event> decode_event(std::string_view frame, Message message);

// The Status object that an answer other than 2xx has for a body; nullopt: none.
[[nodiscard]] std::optional<Json> decode_status(std::string_view body);

// The metadata of a list. nullopt: none.
[[nodiscard]] std::optional<Json> decode_list_meta(std::string_view bytes);

}  // namespace pgrightsizer::kube::wire
