#include <nlohmann/json.hpp>
#include <tuple>

#include "inputs.h"

namespace pgrightsizer::controller {

namespace {

std::string database_key(const api::ConnectionPolicy& policy) {
  const auto& database = policy.spec.database;
  return database.provider == api::ProviderKind::External
             ? "external/" + database.host + ":" + std::to_string(database.port)
             : policy.name_space + "/" + database.name;
}

}  // namespace

std::string older_rival(const api::ConnectionPolicy& policy, const Stores& stores) {
  if (stores.policies.size() == 1) return {};  // the usual case: nothing to parse
  for (const auto& text : stores.policies.list()) {
    const auto object = nlohmann::json::parse(*text, nullptr, false);
    if (object.is_discarded()) continue;
    const auto other = api::parse(object);
    if (!other || other->uid == policy.uid || other->deleting) continue;
    if (database_key(*other) != database_key(policy)) continue;
    if (std::tie(other->created, other->name_space, other->name) <
        std::tie(policy.created, policy.name_space, policy.name))
      return other->key();
  }
  return {};
}

}  // namespace pgrightsizer::controller
