// From the console's tables to values. Columns are found by name: PgBouncer adds some in the
// middle.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "pgrightsizer/pgbouncer/console.h"

namespace pgrightsizer::pgbouncer {

[[nodiscard]] Result<Config> config_of(const postgres::Rows& show_config);
[[nodiscard]] std::vector<Pool> pools_of(const postgres::Rows& show_pools);
[[nodiscard]] std::vector<ServerLink> servers_of(const postgres::Rows& show_servers);
[[nodiscard]] std::vector<ClientLink> clients_of(const postgres::Rows& show_clients);
[[nodiscard]] Totals totals_of(const postgres::Rows& show_stats);
// The console's own pseudo-database cannot be paused and does not count.
[[nodiscard]] bool any_paused(const postgres::Rows& show_databases);
[[nodiscard]] bool all_paused(const postgres::Rows& show_databases);
[[nodiscard]] std::vector<std::string> paused_of(const postgres::Rows& show_databases);
[[nodiscard]] std::set<std::string> databases_of(const postgres::Rows& show_databases);

}  // namespace pgrightsizer::pgbouncer
