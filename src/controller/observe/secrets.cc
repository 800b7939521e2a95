#include <openssl/evp.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "inputs.h"

namespace pgrightsizer::controller {

namespace {

// One Secret's keys, decoded; the first one missing of `required` becomes a problem.
std::optional<std::map<std::string, std::string>> secret_data(
    kube::Client& client, const api::ConnectionPolicy& policy, const std::string& name,
    const std::string& field, const std::vector<std::string>& required, Facts& facts) {
  const kube::Ref ref{kube::resources::kSecret, policy.name_space, name};
  const auto live = client.get(ref);
  if (!live) {
    const bool missing = live.error().kind == ErrorKind::NotFound;
    facts.problems.push_back({missing ? kSecretNotFound : kSecretUnreadable,
                              missing ? ref.text() + ": does not exist; create it or change " + field
                                      : live.error().message()});
    return std::nullopt;
  }
  std::map<std::string, std::string> data;
  const auto encoded = live->value("data", nlohmann::json::object());
  for (const auto& [key, value] : encoded.items())
    if (value.is_string()) data[key] = decode_base64(value.get<std::string>());
  for (const auto& key : required)
    if (data[key].empty()) {
      std::string what = ref.text();
      what.append(": key ").append(key).append(" is missing or empty; add it (").append(field).append(")");
      facts.problems.push_back({kSecretKeyMissing, std::move(what)});
      return std::nullopt;
    }
  return data;
}

}  // namespace

std::string decode_base64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  std::size_t length = static_cast<std::size_t>(size);
  for (auto it = text.rbegin(); it != text.rend() && *it == '=' && length > 0; ++it) --length;
  out.resize(length);
  return out;
}

void read_secrets(kube::Client& client, const api::ConnectionPolicy& policy, Facts& facts) {
  const auto& database = policy.spec.database;
  if (const auto admin = secret_data(client, policy, database.admin_secret,
                                     "spec.database.adminSecretName", {"username", "password"}, facts)) {
    const auto text = [&](const char* key) {
      const auto it = admin->find(key);
      return it == admin->end() ? std::string() : it->second;
    };
    facts.admin = {text("username"), text("password"), text("sslmode"), text("sslrootcert")};
    if (facts.admin.sslmode.empty()) facts.admin.sslmode = "prefer";
  }
  for (std::size_t i = 0; i < database.application_secrets.size(); ++i) {
    const std::string field = "spec.database.applicationSecrets[" + std::to_string(i) + "]";
    const auto data = secret_data(client, policy, database.application_secrets[i], field,
                                  {"username", "password", "database"}, facts);
    if (data) facts.logins.push_back({data->at("username"), data->at("password"), data->at("database")});
  }
}

}  // namespace pgrightsizer::controller
