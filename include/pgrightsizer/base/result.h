// Result<T>: a value or an Error. Functions that can fail at run time return it; exceptions stay
// inside the module whose library throws them.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "pgrightsizer/base/error.h"

namespace pgrightsizer {

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string what,
                                                std::string object = {}, std::string remedy = {}) {
  return tl::unexpected<Error>(
      Error{kind, std::move(what), std::move(object), std::move(remedy), std::nullopt});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace pgrightsizer
