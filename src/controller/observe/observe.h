// Reads the world for one turn: stores, PostgreSQL, PgBouncer. Writes nothing.
#pragma once

#include "../turn/facts.h"
#include "../turn/memory.h"
#include "../turn/sight.h"

namespace pgrightsizer::controller {

// Never fails: what cannot be read is a Problem in the Facts.
[[nodiscard]] Facts observe(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory);

// ── Its parts, in database.cc, pooler.cc, logins.cc, … ───────────────────────────────────────────

// The provider's place and the server: settings, sessions.
void observe_database(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                      Facts& facts);
// What the administrator must be allowed to see, once the settings have been read.
void need_privileges(const api::ConnectionPolicy& policy, Facts& facts);
// The standbys of a replicated database, within 3 s; and which value its primary will start with.
void observe_standbys(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                      Facts& facts);
// The front Service, its EndpointSlices, the pooler's objects and its pods' consoles.
void observe_pooler(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                    Facts& facts);
// Whose sessions the server has: direct, pooled, others. After the two above.
void classify_sessions(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                       Facts& facts);
// How full the route in force is: a look now and then, and what the looks add up to. After the
// sessions have been classified. On the direct route a login of the administrator's is timed.
void observe_saturation(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                        Facts& facts);
// What the logs of PostgreSQL and of the poolers tell of connections that were refused or cut. After
// the pods are known. Followed on threads of their own; for External, which has no pod, the
// operator's own logins are counted.
void observe_errors(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                    Facts& facts);
// Counts a login of the operator's own that failed.
void note_failed_login(const api::ConnectionPolicy& policy, const Error& error, Memory& memory);
// Logins as the application, directly and through the pooler, while a move is under way; past the
// poolers while they are paused, whatever else is wrong: a pause must end.
void probe_logins(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                  Facts& facts);

// Whether any pooler pod was seen to be.
[[nodiscard]] bool any_paused(const Facts& facts);
// Whether a direct login alone tells that PostgreSQL keeps a pooler out: one without a server cannot
// get one when it is full. To ask a pooler that is besieged by clients would take seconds in which
// they are refused.
[[nodiscard]] bool full_for_poolers(const Facts& facts, transition::Login direct);

// With sizing.enforce RoleConnectionLimit the application's one role: its present limit and sessions;
// more than one role is a problem.
void observe_role(const api::ConnectionPolicy& policy, Memory& memory, Facts& facts);

// When restarts are welcome.
void observe_windows(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                     Facts& facts);

}  // namespace pgrightsizer::controller
