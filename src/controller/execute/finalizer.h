// What is done before a policy may go: with deletionPolicy Unwind everything that was made for it is
// taken back, with sizing.enforce RoleConnectionLimit the role gets its former limit. Any other policy
// has no finalizer, and goes at once.
#pragma once

#include "../turn/facts.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::controller {

// Whether its deletion must wait for us.
[[nodiscard]] bool needs_finalizer(const api::ConnectionPolicy& policy, const api::Status& status);

// Sets or removes ours; other finalizers stay. Conflict when the policy changed since it was read.
[[nodiscard]] Result<void> set_finalizer(kube::Client& client, const api::ConnectionPolicy& policy,
                                         bool present);

// In a namespace that is being deleted there is nothing to go back to.
[[nodiscard]] Result<bool> namespace_is_terminating(kube::Client& client,
                                                    const std::string& name_space);

// The policy as its deletion asks for it: no pooler.
[[nodiscard]] api::ConnectionPolicy unwinding(api::ConnectionPolicy policy);

// Nothing is left of the pooler, and nobody is sent to it.
[[nodiscard]] bool unwound(const Facts& facts);

// The Services, their EndpointSlices and the binding Secret, where they carry our labels.
[[nodiscard]] Result<void> remove_routing(kube::Client& client, const api::ConnectionPolicy& policy);

}  // namespace pgrightsizer::controller
