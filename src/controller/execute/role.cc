#include "role.h"

#include <set>

namespace pgrightsizer::controller {

namespace {

bool enforced(const api::ConnectionPolicy& policy) {
  return policy.spec.sizing.enforce == sizing::Enforce::RoleConnectionLimit;
}

std::string text(transition::Count limit) {
  return limit == -1 ? "none" : std::to_string(limit);
}

tl::unexpected<Error> no_session(const Turn& turn) {
  return fail(ErrorKind::Unavailable, "PostgreSQL cannot be reached, the role's connection limit stays",
              turn.policy.text());
}

}  // namespace

void observe_role(const api::ConnectionPolicy& policy, Memory& memory, Facts& facts) {
  if (!enforced(policy) || facts.logins.empty()) return;
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

std::optional<transition::Count> role_limit_wanted(const api::ConnectionPolicy& policy,
                                                   const Facts& facts) {
  if (!enforced(policy)) return std::nullopt;
  return sizing::saturating_add(
      sizing::surge_demand(facts.workloads, policy.spec.sizing.environment),
      sizing::kRoleLimitSpare);
}

Result<void> set_role_limit(const Turn& turn, const transition::Step& step, api::Status& status) {
  if (!turn.memory.admin) return no_session(turn);
  const auto& name = turn.facts.logins.front().user;
  const auto former = status.role ? status.role->former : step.old_value;
  status.role = api::RoleStatus{name, step.value, former};
  if (auto done = write_status(turn, status); !done) return done;
  return postgres::set_connection_limit(*turn.memory.admin, name, step.value);
}

bool role_is_left_over(const api::ConnectionPolicy& policy, const Facts& facts,
                       const api::Status& status) {
  if (!status.role) return false;
  return !enforced(policy) ||
         (!facts.logins.empty() && facts.logins.front().user != status.role->name);
}

Result<void> restore_role(const Turn& turn, api::Status& status) {
  if (!status.role) return {};
  if (!turn.memory.admin) return no_session(turn);
  const auto role = *status.role;
  const auto live = postgres::read_role(*turn.memory.admin, role.name);
  if (!live && live.error().kind != ErrorKind::NotFound) return fail(live.error());
  if (live)
    if (auto done = postgres::set_connection_limit(*turn.memory.admin, role.name, role.former); !done)
      return done;
  status.role.reset();
  turn.sight.logger.info("the role has its former connection limit again",
                         {{"policy", turn.policy.key()}, {"role", role.name}, {"limit", text(role.former)}});
  return write_status(turn, status);
}

}  // namespace pgrightsizer::controller
