// Whether the application's sessions can do with transaction pooling, before they are moved to it.
#pragma once

#include <functional>

#include "observe.h"

namespace pgrightsizer::controller {

// While a move is wanted and not made: looks, once a second until three looks in a row found nothing,
// then every five. What was found counts for ten minutes. After make_plan(); with onIncompatible Hold
// and something found, the plan becomes the direct one.
void observe_readiness(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                       Facts& facts, const std::function<sizing::Plan()>& direct_plan);

}  // namespace pgrightsizer::controller
