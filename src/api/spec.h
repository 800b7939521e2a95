// The spec alone: defaults, bounds and the rules that span fields, as the CRD's schema has them.
#pragma once

#include "pgrightsizer/api/connection_policy.h"
#include "reader.h"

namespace pgrightsizer::api {

[[nodiscard]] Spec read_spec(const Reader& spec);

}  // namespace pgrightsizer::api
