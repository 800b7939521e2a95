#include "names.h"

namespace pgrightsizer::api {

const char* to_string(Mode value) { return name_of(kModes, value); }
const char* to_string(ProviderKind value) { return name_of(kProviders, value); }
const char* to_string(RoutingMode value) { return name_of(kRoutingModes, value); }
const char* to_string(DrainMode value) { return name_of(kDrainModes, value); }
const char* to_string(OnIncompatible value) { return name_of(kOnIncompatible, value); }
const char* to_string(RestartPolicy value) { return name_of(kRestartPolicies, value); }
const char* to_string(LongTransactions value) { return name_of(kLongTransactions, value); }
const char* to_string(Emergency value) { return name_of(kEmergencies, value); }
const char* to_string(DeletionPolicy value) { return name_of(kDeletionPolicies, value); }
const char* to_string(sizing::CountInstances value) { return name_of(kCountInstances, value); }
const char* to_string(sizing::Enforce value) { return name_of(kEnforces, value); }
const char* to_string(sizing::Environment value) { return name_of(kEnvironments, value); }
const char* to_string(sizing::Provision value) { return name_of(kProvisions, value); }
const char* to_string(sizing::Route value) { return name_of(kRoutes, value); }

}  // namespace pgrightsizer::api
