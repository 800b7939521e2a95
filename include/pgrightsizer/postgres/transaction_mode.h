// What sessions use that transaction pooling breaks: it belongs to a session, and behind a pooler the
// next transaction may be another session's.
#pragma once

#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

struct Evidence {
  std::string what;     // "LISTEN", "session advisory lock", "temporary table", …
  std::string user;
  std::string address;  // empty: not known, or a local socket
  std::string detail;   // the lock, the table, or how the statement begins: never its data
};

// In the database of this session, of these roles. Sees the last statement of idle sessions, locks
// held outside transactions and committed temporary tables; what a session did before and nobody can
// see any more is not found. `prepared`: the pooler keeps prepared statements of the protocol itself
// (PgBouncer 1.21 and later); else statements with parameters count. Statements of other roles are
// visible to superusers and pg_read_all_stats only.
[[nodiscard]] Result<std::vector<Evidence>> read_incompatibilities(
    Session& session, const std::vector<std::string>& roles, bool prepared);

}  // namespace pgrightsizer::postgres
