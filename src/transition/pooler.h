// The pooler's objects: when they are applied, and which boot cap its file holds.
#pragma once

#include "situation.h"

namespace pgrightsizer::transition {

// Makes the pooler, or brings it to what is wanted. Its template is not changed while a pooler pod
// is terminating. Silent when nothing differs.
[[nodiscard]] Rule apply_pooler_rule(const Situation& s);

// Applies the pooler with this boot cap, all else as it is.
[[nodiscard]] Step boot_cap_step(const Situation& s, const Pooler& present, Count boot_cap,
                                 const std::string& reason);

// Lowers the boot cap in the file so that caps at their share and a replacement of every pod fit
// into this many connections. Silent when they do.
[[nodiscard]] Rule fit_boot_cap_rule(const Situation& s, Count usable);

// At rest the boot cap in the file is as large as the buffer allows.
[[nodiscard]] Rule full_boot_cap_rule(const Situation& s);

}  // namespace pgrightsizer::transition
