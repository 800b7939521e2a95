// A watch, in JSON or in protobuf as the server chose, as events.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "frame_splitter.h"
#include "line_splitter.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {

// One reader per stream; after a false from feed() it is of no further use. Not thread-safe.
class WatchReader {
 public:
  // ADDED, MODIFIED, DELETED, BOOKMARK or ERROR; the object has apiVersion and kind.
  using OnEvent = std::function<void(const std::string& type, const nlohmann::json& object)>;

  WatchReader(const kube::Resource& resource, OnEvent on_event)
      : resource_(resource), on_event_(std::move(on_event)) {}

  // The next piece, broken anywhere. False: error() says what is wrong.
  [[nodiscard]] bool feed(std::string_view piece);
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void choose(char first);
  void line(std::string_view text);
  void frame(std::string_view bytes);

  const kube::Resource& resource_;
  OnEvent on_event_;
  std::string error_;
  std::variant<std::monostate, LineSplitter, FrameSplitter> splitter_;
};

}  // namespace pgrightsizer::runtime
