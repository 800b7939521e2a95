// One turn after it has been observed, and the two ways in which it is told of: an event and the
// status. Steps need both as much as the report does: a record is written before its effect.
#pragma once

#include <string>

#include "facts.h"
#include "memory.h"
#include "pgrightsizer/runtime/events.h"
#include "sight.h"

namespace pgrightsizer::controller {

struct Turn {
  const Sight& sight;
  const api::ConnectionPolicy& policy;
  Memory& memory;
  const Facts& facts;
  runtime::EventRecorder& events;
};

// Writes what differs from the last status written, now.
[[nodiscard]] Result<void> write_status(const Turn& turn, const api::Status& status);

void tell(const Turn& turn, const Reason& reason, const char* action, const std::string& note);

}  // namespace pgrightsizer::controller
