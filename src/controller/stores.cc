#include "pgrightsizer/controller/stores.h"

namespace pgrightsizer::controller {

std::vector<std::string> policies_of(const Stores& stores, const std::string& name_space) {
  return stores.policies.keys(name_space);
}

}  // namespace pgrightsizer::controller
