#include "reader.h"

#include <arpa/inet.h>

#include <algorithm>

namespace pgrightsizer::api {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;

// Letters, digits and inner hyphens.
bool is_label(std::string_view label, std::size_t longest) {
  return !label.empty() && label.size() <= longest && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

// Labels with dots between them.
bool is_dotted(std::string_view name, std::size_t longest_label) {
  if (name.size() > kLongestName) return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot), longest_label)) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// A wrong value as a message may show it: never thrown over, never long.
std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

// Kubernetes limits the whole alone, not each label as the DNS does.
bool is_object_name(std::string_view name) { return is_dotted(name, kLongestName); }

bool is_service_name(std::string_view name) {
  return is_label(name, kLongestLabel) && is_lower(name.front());
}

bool is_config_map_key(std::string_view key) {
  return !key.empty() && key.size() <= 253 && std::all_of(key.begin(), key.end(), [](char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

bool is_ip_address(const std::string& host) {
  in6_addr unused{};
  return inet_pton(AF_INET, host.c_str(), &unused) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

bool is_host(const std::string& host) {
  return is_ip_address(host) || is_dotted(host, kLongestLabel);
}

Reader::Reader(const nlohmann::json* value, std::string path, Problems& problems)
    : value_(value), path_(std::move(path)), problems_(&problems) {
  if (value_ != nullptr && !value_->is_null() && !value_->is_object()) {
    wrong("", "is not an object",
          "give it fields, as `kubectl explain connpol." + path_ + "` says");
    value_ = nullptr;
  }
}

std::string Reader::path(const std::string& field) const {
  if (field.empty()) return path_;
  return path_.empty() ? field : path_ + "." + field;
}

void Reader::wrong(const std::string& field, const std::string& how,
                   const std::string& remedy) const {
  if (problems_->first) return;
  problems_->first = Error{ErrorKind::Invalid, path(field) + " " + how, problems_->object, remedy};
}

const nlohmann::json* Reader::find(const char* field) const {
  if (value_ == nullptr || !value_->is_object()) return nullptr;
  const auto found = value_->find(field);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

Reader Reader::object(const char* field) const { return {find(field), path(field), *problems_}; }

std::vector<Reader> Reader::objects(const char* field) const {
  std::vector<Reader> result;
  const nlohmann::json* list = find(field);
  if (list == nullptr) return result;
  if (!list->is_array()) {
    wrong(field, "is not a list", "write one entry per line, each beginning with \"- \"");
    return result;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    result.emplace_back(&(*list)[i], path(field) + "[" + std::to_string(i) + "]", *problems_);
  }
  return result;
}

std::optional<std::int64_t> Reader::optional_count(const char* field, Bounds bounds) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return std::nullopt;
  const std::string range = "use a whole number from " + std::to_string(bounds.low) + " to " +
                            std::to_string(bounds.high);
  if (!value->is_number_integer()) {
    wrong(field, "is " + shown(*value), range);
    return std::nullopt;
  }
  // What exceeds 64 bits with sign reads as negative, which the bounds of a spec refuse.
  const auto number = value->get<std::int64_t>();
  if (number < bounds.low || number > bounds.high) {
    wrong(field, "is " + shown(*value), range);
    return std::nullopt;
  }
  return number;
}

std::int64_t Reader::count(const char* field, std::int64_t otherwise, Bounds bounds) const {
  return optional_count(field, bounds).value_or(otherwise);
}

bool Reader::boolean(const char* field, bool otherwise) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  wrong(field, "is " + shown(*value), "use true or false, without quotes");
  return otherwise;
}

std::string Reader::text(const char* field, const std::string& otherwise) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return otherwise;
  if (value->is_string()) return value->get<std::string>();
  wrong(field, "is not a text", "put it in quotes");
  return otherwise;
}

std::string Reader::required_text(const char* field) const {
  std::string value = text(field);
  if (value.empty()) wrong(field, "is missing", "set it");
  return value;
}

void Reader::check_object_name(const std::string& field, const std::string& name) const {
  if (name.empty() || is_object_name(name)) return;
  wrong(field, "is \"" + name + "\", which no object can be named",
        "use at most 253 lower-case letters, digits, '-' and '.'");
}

std::string Reader::object_name(const char* field) const {
  std::string name = text(field);
  check_object_name(field, name);
  return name;
}

std::string Reader::required_object_name(const char* field) const {
  std::string name = required_text(field);
  check_object_name(field, name);
  return name;
}

std::vector<std::string> Reader::object_names(const char* field) const {
  std::vector<std::string> names;
  const nlohmann::json* list = find(field);
  if (list == nullptr) return names;
  if (!list->is_array()) {
    wrong(field, "is not a list", "write one name per line, each beginning with \"- \"");
    return names;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string entry = std::string(field) + "[" + std::to_string(i) + "]";
    const nlohmann::json& value = (*list)[i];
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      wrong(entry, "is not a name", "give the name of an object in the policy's namespace");
      continue;
    }
    check_object_name(entry, value.get<std::string>());
    names.push_back(value.get<std::string>());
  }
  return names;
}

std::vector<std::pair<std::string, std::string>> Reader::texts() const {
  std::vector<std::pair<std::string, std::string>> result;
  if (value_ == nullptr || value_->is_null()) return result;
  for (const auto& [name, value] : value_->items()) {
    if (value.is_string()) {
      result.emplace_back(name, value.get<std::string>());
    } else {
      wrong(name, "is not a text", "put it in quotes");
    }
  }
  return result;
}

std::string Reader::dump(const char* field) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return "{}";
  if (value->is_object()) {
    return value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  wrong(field, "is not an object", "give it fields, as `kubectl explain` says");
  return "{}";
}

}  // namespace pgrightsizer::api
