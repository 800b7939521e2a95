// The administrator's logins.
#pragma once

#include <string>

#include "facts.h"
#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::controller {

// How the administrator logs in to an instance.
[[nodiscard]] postgres::ConnectOptions admin_login(const Facts& facts, const std::string& host);

// Under which Memory keeps the session with a standby.
[[nodiscard]] std::string standby_key(const Facts& facts, const providers::Standby& standby);

}  // namespace pgrightsizer::controller
