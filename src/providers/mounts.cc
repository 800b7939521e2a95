#include "mounts.h"

#include <map>
#include <optional>

namespace pgrightsizer::providers {
namespace {

using Json = nlohmann::json;

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const Json& list(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

// Where the key lies within the volume; nullopt when this source does not hold it.
std::optional<std::string> path_in_source(const Json& source, const char* name_key,
                                          const std::string& config_map, const std::string& key) {
  if (text(source, name_key) != config_map) return std::nullopt;
  const auto& items = list(source, "items");
  if (items.empty()) return key;
  for (const auto& item : items)
    if (text(item, "key") == key) return text(item, "path");
  return std::nullopt;
}

std::optional<std::string> path_in_volume(const Json& volume, const std::string& config_map,
                                          const std::string& key) {
  if (const auto it = volume.find("configMap"); it != volume.end())
    return path_in_source(*it, "name", config_map, key);
  if (const auto it = volume.find("projected"); it != volume.end())
    for (const auto& source : list(*it, "sources"))
      if (const auto part = source.find("configMap"); part != source.end())
        if (auto path = path_in_source(*part, "name", config_map, key)) return path;
  return std::nullopt;
}

std::string joined(std::string directory, const std::string& file) {
  while (directory.ends_with('/')) directory.pop_back();
  return directory + "/" + file;
}

// A mount of the whole volume, or of one path in it (subPath).
std::optional<std::string> file_of_mount(const Json& mount, const std::string& path) {
  const auto target = text(mount, "mountPath");
  const auto sub_path = text(mount, "subPath");
  if (sub_path.empty()) return joined(target, path);
  if (sub_path == path) return target;
  if (path.starts_with(sub_path + "/")) return joined(target, path.substr(sub_path.size() + 1));
  return std::nullopt;
}

}  // namespace

std::vector<std::string> mounted_paths(const Json& stateful_set, const std::string& config_map,
                                       const std::string& key) {
  const auto pod = stateful_set.value(Json::json_pointer("/spec/template/spec"), Json::object());
  std::map<std::string, std::string> volumes;  // name → path in the volume
  for (const auto& volume : list(pod, "volumes"))
    if (auto path = path_in_volume(volume, config_map, key))
      volumes.emplace(text(volume, "name"), std::move(*path));
  std::vector<std::string> paths;
  for (const char* kind : {"containers", "initContainers"})
    for (const auto& container : list(pod, kind))
      for (const auto& mount : list(container, "volumeMounts"))
        if (const auto volume = volumes.find(text(mount, "name")); volume != volumes.end())
          if (auto file = file_of_mount(mount, volume->second)) paths.push_back(std::move(*file));
  return paths;
}

}  // namespace pgrightsizer::providers
