// A List response, in JSON or in protobuf as the server chose, as objects.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "list_slicer.h"
#include "pgrightsizer/kube/client.h"
#include "wire_list_slicer.h"

namespace pgrightsizer::runtime {

// One reader per response; after a false from feed() it is of no further use. Not thread-safe.
class ListReader {
 public:
  // With apiVersion and kind, which items of a list come without.
  using OnItem = std::function<void(const nlohmann::json& object)>;

  ListReader(const kube::Resource& resource, OnItem on_item)
      : resource_(resource), on_item_(std::move(on_item)) {}

  // The next piece, broken anywhere. False: error() says what is wrong.
  [[nodiscard]] bool feed(std::string_view piece);
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] std::string resource_version() const;
  [[nodiscard]] std::string continue_token() const;

 private:
  void choose(char first);
  void deliver(std::optional<nlohmann::json> object);

  const kube::Resource& resource_;
  OnItem on_item_;
  std::string error_;
  std::variant<std::monostate, ListSlicer, WireListSlicer> slicer_;
};

}  // namespace pgrightsizer::runtime
