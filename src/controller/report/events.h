// Events that follow from what was seen and from how the status changes. Steps tell their own.
#pragma once

#include "../turn/turn.h"

namespace pgrightsizer::controller {

// Events that follow from the difference of two statuses, each told once while it lasts.
void tell_changes(const Turn& turn, const api::Status& before, const api::Status& after);

}  // namespace pgrightsizer::controller
