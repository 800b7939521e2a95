#include <set>

#include "observe.h"

namespace pgrightsizer::controller {

void observe_role(const api::ConnectionPolicy& policy, Memory& memory, Facts& facts) {
  if (policy.spec.sizing.enforce != sizing::Enforce::RoleConnectionLimit || facts.logins.empty()) return;
  std::set<std::string> roles;
  for (const auto& login : facts.logins) roles.insert(login.user);
  if (roles.size() != 1) {
    facts.problems.push_back(
        {kRoleLimitNeedsOneRole,
         policy.text() + ": spec.sizing.enforce RoleConnectionLimit needs exactly one application role, "
                         "and spec.database.applicationSecrets name " +
             std::to_string(roles.size()) + "; use one role, or enforce MaxConnections"});
    return;
  }
  if (!memory.admin || !facts.seen.database_up) return;
  const auto role = postgres::read_role(*memory.admin, *roles.begin());
  if (!role) {
    facts.problems.push_back({kRoleUnreadable, role.error().message()});
    return;
  }
  facts.seen.role_limit = role->connection_limit;
  facts.seen.role_sessions = role->sessions;
}

}  // namespace pgrightsizer::controller
