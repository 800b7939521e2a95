// Writing objects that are ours: only when they differ, never over somebody else's.
#pragma once

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

// Server-side apply, whatever the live object holds: also mends what somebody changed by hand.
[[nodiscard]] Result<void> apply_ours(kube::Client& client, const api::ConnectionPolicy& policy,
                                      const kube::Ref& ref, const kube::Json& object);

// Server-side apply, unless the live object was applied with just this content: the digest is kept
// in an annotation, so that nothing is written at rest.
[[nodiscard]] Result<void> apply_if_changed(kube::Client& client,
                                            const api::ConnectionPolicy& policy,
                                            const kube::Ref& ref, kube::Json object);

// Nothing where it is gone, or where somebody has put something of their own in its place.
[[nodiscard]] Result<void> remove_ours(kube::Client& client, const api::ConnectionPolicy& policy,
                                       const kube::Ref& ref);

}  // namespace pgrightsizer::controller
