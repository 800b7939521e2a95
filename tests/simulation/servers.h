// PostgreSQL and PgBouncer's console as the operator talks to them: by the text of its statements.
#pragma once

#include "pgrightsizer/postgres/session.h"
#include "world.h"

namespace pgrightsizer::simulation {

// Opens sessions with the world's servers. The world must outlive them.
[[nodiscard]] postgres::Connect connect_to(World& world);

}  // namespace pgrightsizer::simulation
