// Reads one JSON object field by field: defaults, types and bounds. The first thing that is wrong
// is kept as an Error that names its path; reading goes on, so that callers need no branches.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "names.h"
#include "pgrightsizer/base/error.h"

namespace pgrightsizer::api {

// Where the readers of one object put what they find wrong.
struct Problems {
  std::string object;  // "ConnectionPolicy shop/shop-db"
  std::optional<Error> first;
};

struct Bounds {
  std::int64_t low;
  std::int64_t high;
};

// Borrows the JSON and the Problems; lives no longer than one parse().
class Reader {
 public:
  // A null value reads as an object without fields.
  Reader(const nlohmann::json* value, std::string path, Problems& problems);

  [[nodiscard]] bool has(const char* field) const { return find(field) != nullptr; }
  [[nodiscard]] std::string path(const std::string& field) const;

  [[nodiscard]] Reader object(const char* field) const;
  [[nodiscard]] std::vector<Reader> objects(const char* field) const;
  [[nodiscard]] std::int64_t count(const char* field, std::int64_t otherwise, Bounds bounds) const;
  [[nodiscard]] std::optional<std::int64_t> optional_count(const char* field, Bounds bounds) const;
  [[nodiscard]] bool boolean(const char* field, bool otherwise) const;
  [[nodiscard]] std::string text(const char* field, const std::string& otherwise = {}) const;
  // Text that must be there.
  [[nodiscard]] std::string required_text(const char* field) const;
  // A Kubernetes object's name: a DNS subdomain. Empty when absent.
  [[nodiscard]] std::string object_name(const char* field) const;
  [[nodiscard]] std::string required_object_name(const char* field) const;
  [[nodiscard]] std::vector<std::string> object_names(const char* field) const;

  // This object's own fields, all of them texts (labels).
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> texts() const;
  // An object handed on unread: as JSON text, "{}" when absent.
  [[nodiscard]] std::string dump(const char* field) const;

  template <class Enum, std::size_t N>
  [[nodiscard]] Enum choice(const char* field, Enum otherwise,
                            const NameTable<Enum, N>& table) const {
    const std::string name = text(field);
    if (!has(field) || name.empty()) return otherwise;
    if (const Enum* value = value_of(table, name)) return *value;
    wrong(field, "is \"" + name + "\"", "use one of " + list_of(table));
    return otherwise;
  }

  // "spec.pooler.replicas <how>; <remedy>"; an empty field means this object itself.
  void wrong(const std::string& field, const std::string& how, const std::string& remedy) const;

 private:
  [[nodiscard]] const nlohmann::json* find(const char* field) const;
  void check_object_name(const std::string& field, const std::string& name) const;

  const nlohmann::json* value_;
  std::string path_;
  Problems* problems_;
};

// As most Kubernetes objects are named: their RFC 1123 subdomain.
[[nodiscard]] bool is_object_name(std::string_view name);
// RFC 1035 label, as Services are named.
[[nodiscard]] bool is_service_name(std::string_view name);
[[nodiscard]] bool is_config_map_key(std::string_view key);
[[nodiscard]] bool is_ip_address(const std::string& host);
// An IP address or a DNS name.
[[nodiscard]] bool is_host(const std::string& host);

}  // namespace pgrightsizer::api
