// A report for people, for programs and for the eye.
#pragma once

#include <string>

#include "pgrightsizer/replay/replay.h"

namespace pgrightsizer::replay {

[[nodiscard]] std::string to_text(const Report& report);
// {"days", "restarts": […], "restartsPerDay", "pooledRestarts", "moves": […], "exposures": […],
// "exposedMinutes"}; times are RFC 3339.
[[nodiscard]] std::string to_json(const Report& report);
// Instances, demand and max_connections over time; the time behind the pooler is shaded, restarts are
// marked. Self-contained, for light and dark backgrounds.
[[nodiscard]] std::string to_svg(const Report& report);

}  // namespace pgrightsizer::replay
