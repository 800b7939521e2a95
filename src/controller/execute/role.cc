#include "role.h"

namespace pgrightsizer::controller {

namespace {

std::string text(transition::Count limit) {
  return limit == -1 ? "none" : std::to_string(limit);
}

tl::unexpected<Error> no_session(const Turn& turn) {
  return fail(ErrorKind::Unavailable, "PostgreSQL cannot be reached, the role's connection limit stays",
              turn.policy.text());
}

}  // namespace

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
  return policy.spec.sizing.enforce != sizing::Enforce::RoleConnectionLimit ||
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
