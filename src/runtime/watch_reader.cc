#include "watch_reader.h"

#include "list_slicer.h"
#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::runtime {
namespace {

constexpr std::size_t kMaxEventBytes = kMaxObjectBytes + 1024;
constexpr const char* kUnreadable = "an event of the watch is not readable";

}  // namespace

// The first byte of a frame's length is zero as long as frames are smaller than 16 MB.
void WatchReader::choose(char first) {
  if (first == '\0' && kube::wire::message_of(resource_) != nullptr) {
    splitter_.emplace<FrameSplitter>([this](std::string_view bytes) { frame(bytes); }, kMaxEventBytes);
  } else {
    splitter_.emplace<LineSplitter>([this](std::string_view text) { line(text); }, kMaxEventBytes);
  }
}

bool WatchReader::feed(std::string_view piece) {
  if (piece.empty() || !error_.empty()) return error_.empty();
  if (std::holds_alternative<std::monostate>(splitter_)) choose(piece.front());
  bool fits = true;
  if (auto* lines = std::get_if<LineSplitter>(&splitter_)) fits = lines->feed(piece);
  if (auto* frames = std::get_if<FrameSplitter>(&splitter_)) fits = frames->feed(piece);
  if (!fits && error_.empty()) error_ = "an event is too large";
  return error_.empty();
}

void WatchReader::line(std::string_view text) {
  if (!error_.empty()) return;
  const nlohmann::json event = kube::parse_json(text, "object").value_or(nlohmann::json());
  const nlohmann::json* object = kube::member(event, {"object"});
  if (object == nullptr || !object->is_object()) {
    error_ = kUnreadable;
    return;
  }
  on_event_(kube::text_at(event, {"type"}), *object);
}

void WatchReader::frame(std::string_view bytes) {
  if (!error_.empty()) return;
  auto event = kube::wire::decode_event(bytes, *kube::wire::message_of(resource_));
  if (!event) {
    error_ = kUnreadable;
    return;
  }
  event->object["apiVersion"] = resource_.api_version();
  event->object["kind"] = resource_.kind;
  on_event_(event->type, event->object);
}

}  // namespace pgrightsizer::runtime
