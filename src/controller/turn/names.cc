#include "names.h"

namespace pgrightsizer::controller {

Result<void> check_ours(const api::ConnectionPolicy& policy, const kube::Ref& ref,
                        const kube::Json& live) {
  const auto labels = live.value("/metadata/labels"_json_pointer, kube::Json::object());
  for (const auto& [key, value] : labels_of(policy))
    if (labels.value(key, std::string()) != value) {
      std::string what = "exists and does not belong to this policy (label ";
      what.append(key).append("=").append(value).append(" is missing)");
      return fail(ErrorKind::Invalid, std::move(what), ref.text(),
                  "rename the policy, or delete the object if nobody needs it");
    }
  return {};
}

}  // namespace pgrightsizer::controller
