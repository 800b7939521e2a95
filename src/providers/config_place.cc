#include "config_place.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace pgrightsizer::providers {
namespace {

using kube::Json;

// "2025-01-31T12:34:56Z": metav1.Time has no fractions and is always UTC.
std::optional<WallTime> parse_time(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%dZ", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  const std::chrono::sys_days date =
      std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return date + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::optional<WallTime> last_change(const Json& config_map) {
  std::optional<WallTime> last;
  const auto fields =
      config_map.value(Json::json_pointer("/metadata/managedFields"), Json::array());
  for (const auto& field : fields)
    if (field.is_object()) last = std::max(last, parse_time(field.value("time", "")));
  return last;
}

// RFC 6901
std::string escape_pointer(const std::string& key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

Result<ConfigPlace> decode(const Json& config_map, const std::string& object,
                           const std::string& key) {
  if (config_map.value("immutable", false))
    return fail(ErrorKind::Invalid, "it is immutable, max_connections cannot be changed in it",
                object,
                "replace it with one without immutable: true, or name another in "
                "spec.database.config.configMapName");
  const auto data = config_map.value("data", Json::object());
  const auto text = data.is_object() ? data.find(key) : data.end();
  if (!data.is_object() || text == data.end() || !text->is_string()) {
    const bool binary = config_map.value("binaryData", Json::object()).contains(key);
    return fail(ErrorKind::Invalid,
                "key " + key + (binary ? " is in binaryData, not in data" : " is missing"), object,
                "add it to data, or name another in spec.database.config.key");
  }
  ConfigPlace place;
  place.resource_version =
      config_map.value(Json::json_pointer("/metadata/resourceVersion"), std::string());
  place.text = text->get<std::string>();
  place.changed = last_change(config_map);
  auto file = postgres::parse_config(place.text);
  if (!file) {
    file.error().object = object;
    file.error().what = "key " + key + ": " + file.error().what;
    return fail(std::move(file.error()));
  }
  place.file = std::move(*file);
  return place;
}

}  // namespace

Result<ConfigPlace> read_config_place(kube::Client& client, const kube::Ref& ref,
                                      const std::string& key) {
  auto config_map = client.get(ref);
  if (!config_map) {
    auto& error = config_map.error();
    if (error.kind == ErrorKind::NotFound)
      error = Error{ErrorKind::NotFound, "it does not exist", ref.text(),
                    "create it, or correct spec.database.config.configMapName"};
    return fail(std::move(error));
  }
  return decode(*config_map, ref.text(), key);
}

Result<void> write_config_place(kube::Client& client, const kube::Ref& ref, const std::string& key,
                                std::int64_t value, ConfigPlace& place) {
  auto text = postgres::with_max_connections(place.text, value);
  if (!text) {
    text.error().object = ref.text();
    return fail(std::move(text.error()));
  }
  if (*text == place.text) return {};
  const Json operations = {
      {{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", place.resource_version}},
      {{"op", "replace"}, {"path", "/data/" + escape_pointer(key)}, {"value", *text}}};
  const auto patched = client.json_patch(ref, operations);
  if (!patched) return fail(patched.error());
  auto now = decode(*patched, ref.text(), key);
  if (!now) return fail(std::move(now.error()));
  place = std::move(*now);
  return {};
}

}  // namespace pgrightsizer::providers
