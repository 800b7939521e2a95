#include "list_reader.h"

#include <nlohmann/json.hpp>

#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::runtime {
namespace {

template <class Slicer>
constexpr bool kIsSlicer = !std::is_same_v<std::decay_t<Slicer>, std::monostate>;

// What `ask` says of the slicer; before the first byte has come, nothing.
template <class Slicers, class Ask>
auto of(const Slicers& slicers, Ask ask) {
  return std::visit(
      [&](const auto& slicer) {
        if constexpr (kIsSlicer<decltype(slicer)>) return ask(slicer);
        else return decltype(ask(std::declval<const ListSlicer&>())){};
      },
      slicers);
}

}  // namespace

void ListReader::choose(char first) {
  const kube::wire::Message* message = kube::wire::message_of(resource_);
  if (message != nullptr && first == kube::wire::kMagic.front()) {
    slicer_.emplace<WireListSlicer>([this, message](std::string_view item) {
      deliver(kube::wire::decode(item, *message));
    });
  } else {
    slicer_.emplace<ListSlicer>([this](std::string_view item) { deliver(kube::parse_json(item)); });
  }
}

void ListReader::deliver(std::optional<nlohmann::json> object) {
  if (!error_.empty()) return;
  if (!object) {
    error_ = "an object of the list is not readable";
    return;
  }
  (*object)["apiVersion"] = resource_.api_version();
  (*object)["kind"] = resource_.kind;
  on_item_(*object);
}

bool ListReader::feed(std::string_view piece) {
  if (piece.empty() || !error_.empty()) return error_.empty();
  if (std::holds_alternative<std::monostate>(slicer_)) choose(piece.front());
  const std::string wrong = std::visit(
      [&](auto& slicer) -> std::string {
        if constexpr (kIsSlicer<decltype(slicer)>) {
          if (!slicer.feed(piece)) return slicer.error();
        }
        return {};
      },
      slicer_);
  if (error_.empty()) error_ = wrong;
  return error_.empty();
}

bool ListReader::finished() const {
  return of(slicer_, [](const auto& slicer) { return slicer.finished(); });
}

std::string ListReader::resource_version() const {
  return of(slicer_, [](const auto& slicer) { return std::string(slicer.resource_version()); });
}

std::string ListReader::continue_token() const {
  return of(slicer_, [](const auto& slicer) { return std::string(slicer.continue_token()); });
}

}  // namespace pgrightsizer::runtime
