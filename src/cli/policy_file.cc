#include "policy_file.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

namespace pgrightsizer::cli {

namespace {

using nlohmann::json;

// Quoted text stays text; the rest is read as YAML 1.2's core schema has it.
json scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (text == "true" || text == "false") return text == "true";
  if (text.empty() || text == "null" || text == "~") return nullptr;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

// yaml-cpp lets the first of two equal keys win in silence.
json to_json(const YAML::Node& node) {
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& one : node) list.push_back(to_json(one));
    return list;
  }
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      const auto name = key.as<std::string>();
      if (object.contains(name))
        throw std::runtime_error("line " + std::to_string(key.Mark().line + 1) + ": \"" + name +
                                 "\" is there twice; remove one of them");
      object[name] = to_json(entry.second);
    }
    return object;
  }
  return node.IsScalar() ? scalar(node) : json();
}

}  // namespace

Result<api::ConnectionPolicy> read_policy(const std::string& path) {
  json object;
  try {
    object = to_json(YAML::LoadFile(path));
  } catch (const YAML::BadFile&) {
    return fail(ErrorKind::NotFound, "it cannot be read", path, "give the path of a ConnectionPolicy");
  } catch (const std::exception& error) {
    return fail(ErrorKind::Invalid, error.what(), path);
  }
  if (!object.is_object() || object.value("kind", json()) != api::kKind)
    return fail(ErrorKind::Invalid, "it is no ConnectionPolicy", path,
                "begin with apiVersion: pgrightsizer.io/v1alpha1, kind: ConnectionPolicy");
  auto policy = api::parse(object);
  if (!policy) return fail(ErrorKind::Invalid, policy.error().message(), path);
  return policy;
}

}  // namespace pgrightsizer::cli
