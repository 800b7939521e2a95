#include "observe.h"

namespace pgrightsizer::controller {

namespace {

// Only who may see the files can tell what the next start will use. Where they are the operator's own, and
// only one server reads them, that is known without asking.
bool needs_files(const api::ConnectionPolicy& policy, const Facts& facts) {
  if (!facts.database.standbys.empty()) return true;
  return policy.spec.database.provider == api::ProviderKind::External && policy.spec.mode == api::Mode::Apply;
}

}  // namespace

void need_privileges(const api::ConnectionPolicy& policy, Facts& facts) {
  if (!facts.settings) return;
  // Where nothing is changed it is told, and what else can be told is.
  const bool blocks = policy.spec.mode == api::Mode::Apply;
  const auto role = postgres::quote_identifier(facts.admin.user);
  const auto need = [&](const std::string& lack, const std::string& grant) {
    facts.problems.push_back({kForbidden, "Secret " + policy.name_space + "/" + policy.spec.database.admin_secret +
                                              ": its user may not " + lack + "; " + grant +
                                              ", or name another user (spec.database.adminSecretName)",
                              blocks});
  };
  // PostgreSQL hides them without a word: a server full of them looks idle.
  if (!facts.settings->sees_sessions) need("see the sessions of other roles", "GRANT pg_monitor TO " + role);
  if (!facts.settings->files_known && needs_files(policy, facts))
    need("read pg_file_settings, which tells what the next start will use",
         "GRANT SELECT ON pg_file_settings TO " + role +
             " and GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO " + role);
}

}  // namespace pgrightsizer::controller
