// What PgBouncer's log tells of connections, which none of its SHOW commands counts.
#pragma once

#include <optional>
#include <string_view>

#include "pgrightsizer/postgres/connection_error.h"

namespace pgrightsizer::pgbouncer {

// Of one line: "… WARNING C-0x55: shop/shop@10.0.0.7:4711 pooler error: query_wait_timeout". Each
// error that a client was told is one such line (log_pooler_errors, on by default). 1.18 to 1.25.
[[nodiscard]] std::optional<postgres::ConnectionError> error_in_log(std::string_view line);

}  // namespace pgrightsizer::pgbouncer
