// What the pooler's objects are made from: to be applied, and to see whether they were.
#pragma once

#include <string>

#include "facts.h"
#include "pgrightsizer/controller/options.h"

namespace pgrightsizer::controller {

[[nodiscard]] pgbouncer::Spec pooler_spec(const api::ConnectionPolicy& policy, const Facts& facts,
                                          const Options& options, const std::string& password);

}  // namespace pgrightsizer::controller
