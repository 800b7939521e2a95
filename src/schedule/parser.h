// The text of a schedule.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "pgrightsizer/schedule/schedule.h"

namespace pgrightsizer::schedule {

class Parser {
 public:
  // Fills in the five fields.
  [[nodiscard]] static Result<void> read(const std::string& cron, Schedule& schedule);
};

}  // namespace pgrightsizer::schedule
