// What the pooler's objects are made from: to be applied, and to see whether they were.
#pragma once

#include <string>

#include "facts.h"
#include "pgrightsizer/controller/options.h"

namespace pgrightsizer::controller {

[[nodiscard]] pgbouncer::Spec pooler_spec(const api::ConnectionPolicy& policy, const Facts& facts,
                                          const Options& options, const std::string& password);

// Among how many a running pod's cap is divided: those that it serves, and those that it will serve
// once it has read its file again, whichever are more.
[[nodiscard]] std::int64_t databases_of(const Facts& facts, const PoolerPodFacts& pod);

}  // namespace pgrightsizer::controller
