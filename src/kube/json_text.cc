#include "pgrightsizer/kube/json_text.h"

#include <array>
#include <string>

namespace pgrightsizer::kube {
namespace {

constexpr std::size_t kMaxDepth = 3;

using nlohmann::json;

// Follows the path of keys while the parser goes down, and refuses managedFields where it ends.
class Filter {
 public:
  explicit Filter(std::string_view inside) : inside_(inside) {}

  bool operator()(int depth, json::parse_event_t event, const json& value) {
    const auto level = static_cast<std::size_t>(depth);
    if (event != json::parse_event_t::key || level > kMaxDepth) return true;
    const auto& key = value.get_ref<const std::string&>();
    const std::size_t metadata_level = inside_.empty() ? 1 : 2;
    if (level == metadata_level + 1 && key == "managedFields" &&
        path_[metadata_level] == "metadata" && (inside_.empty() || path_[1] == inside_)) {
      return false;
    }
    path_[level] = key;
    return true;
  }

 private:
  std::string_view inside_;
  std::array<std::string, kMaxDepth + 1> path_;  // by depth, from 1
};

}  // namespace

std::optional<json> parse_json(std::string_view text, std::string_view inside) {
  Filter filter(inside);
  json value = json::parse(
      text,
      [&filter](int depth, json::parse_event_t event, const json& parsed) {
        return filter(depth, event, parsed);
      },
      false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json* member(const json& value, std::initializer_list<std::string_view> path) {
  const json* at = &value;
  for (const auto key : path) {
    if (!at->is_object()) return nullptr;
    const auto it = at->find(std::string(key));
    if (it == at->end()) return nullptr;
    at = &*it;
  }
  return at;
}

std::string text_at(const json& value, std::initializer_list<std::string_view> path) {
  const json* found = member(value, path);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_at(const json& value, std::initializer_list<std::string_view> path,
                       std::int64_t otherwise) {
  const json* found = member(value, path);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

}  // namespace pgrightsizer::kube
