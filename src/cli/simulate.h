// pg-rightsizer simulate
#pragma once

#include <string>

#include "pgrightsizer/base/result.h"

namespace pgrightsizer::cli {

struct SimulateOptions {
  std::string trace;
  std::string policy;
  std::string format = "text";  // text, json, svg
};

// What is to be printed.
[[nodiscard]] Result<std::string> simulate(const SimulateOptions& options);

}  // namespace pgrightsizer::cli
