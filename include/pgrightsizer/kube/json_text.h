// JSON text to a value and back, without the bookkeeping that makes up half of every object.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pgrightsizer::kube {

// nullopt if it is not JSON. Drops `managedFields` of the object's own metadata, or of the metadata
// of the member `inside` (a watch event holds its object in "object"); data of that name stays.
[[nodiscard]] std::optional<nlohmann::json> parse_json(std::string_view text,
                                                       std::string_view inside = {});

// Compact; what is not UTF-8 (a server's log line) is replaced instead of thrown at the caller.
[[nodiscard]] std::string to_text(const nlohmann::json& value);

// What is found by following the keys; nullptr or an empty text where the path ends early or the
// type differs. For objects of other people's making: never throws.
[[nodiscard]] const nlohmann::json* member(const nlohmann::json& value,
                                           std::initializer_list<std::string_view> path);
[[nodiscard]] std::string text_at(const nlohmann::json& value,
                                  std::initializer_list<std::string_view> path);
[[nodiscard]] std::int64_t number_at(const nlohmann::json& value,
                                     std::initializer_list<std::string_view> path,
                                     std::int64_t otherwise);

}  // namespace pgrightsizer::kube
