// From what libpq reports to an Error: its kind from the SQLSTATE, its text from the server.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "pgrightsizer/base/error.h"

namespace pgrightsizer::postgres {

// Of a failed login. `message` is PQerrorMessage with PQERRORS_VERBOSE: libpq keeps the SQLSTATE of
// a login nowhere else.
[[nodiscard]] Error login_error(const std::string& message, const std::string& object);

// Of a statement. `lost`: the connection is gone.
[[nodiscard]] Error statement_error(const PGresult* result, bool lost, const std::string& object);

// Of a connection that broke without a last word of the server.
[[nodiscard]] Error lost_error(const std::string& message, const std::string& object);

}  // namespace pgrightsizer::postgres
