// The tables of kube/wire.h that are not of a kind one watches.
#pragma once

#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::kube::wire {

extern const Message kStatus;
extern const Message kBookmark;
extern const Message kListMeta;

}  // namespace pgrightsizer::kube::wire
