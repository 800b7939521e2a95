#include "pooler_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "names.h"

namespace pgrightsizer::controller {

pgbouncer::Spec pooler_spec(const api::ConnectionPolicy& policy, const Facts& facts,
                            const Options& options, const std::string& password) {
  pgbouncer::Spec spec;
  spec.policy = policy.name;
  spec.name_space = policy.name_space;
  spec.labels = labels_of(policy);
  spec.replicas = policy.spec.sizing.pooler_replicas;
  spec.port = policy.spec.database.port;
  spec.guard_image = facts.guard_image.empty() ? options.guard_image : facts.guard_image;
  spec.max_pause_seconds = policy.spec.restart.max_pause.count();
  spec.image = policy.spec.pooler.image.empty() ? options.pooler_image : policy.spec.pooler.image;
  spec.image_pull_secrets = policy.spec.pooler.image_pull_secrets;
  spec.server_host = direct_service(policy) + "." + policy.name_space + ".svc";
  spec.server_port = policy.spec.database.port;
  spec.logins = facts.logins;
  spec.console_password = password;
  spec.tls_secret = policy.spec.pooler.tls_secret;
  spec.server_sslmode = facts.admin.sslmode;
  spec.server_ca_pem = facts.admin.root_ca;
  spec.resources = nlohmann::json::parse(policy.spec.pooler.resources_json, nullptr, false);
  if (spec.resources.is_discarded()) spec.resources = nlohmann::json::object();
  return spec;
}

std::int64_t databases_of(const Facts& facts, const PoolerPodFacts& pod) {
  pgbouncer::Spec spec;
  spec.logins = facts.logins;
  const auto wanted = pgbouncer::database_count(spec);
  return pod.snapshot ? std::max(wanted, static_cast<std::int64_t>(pod.snapshot->databases.size())) : wanted;
}

}  // namespace pgrightsizer::controller
