#include "names.h"

namespace pgrightsizer::api {

const char* to_string(Mode value) { return name_of(kModes, value); }
const char* to_string(ProviderKind value) { return name_of(kProviders, value); }
const char* to_string(RoutingMode value) { return name_of(kRoutingModes, value); }
const char* to_string(DrainMode value) { return name_of(kDrainModes, value); }
const char* to_string(RestartPolicy value) { return name_of(kRestartPolicies, value); }
const char* to_string(sizing::Environment value) { return name_of(kEnvironments, value); }
const char* to_string(sizing::Provision value) { return name_of(kProvisions, value); }
const char* to_string(sizing::Route value) { return name_of(kRoutes, value); }

}  // namespace pgrightsizer::api
