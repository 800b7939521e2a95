// The metrics of the process, in Prometheus's text format.
#pragma once

#include <memory>
#include <string>

#include "pgrightsizer/base/metrics.h"

namespace pgrightsizer::telemetry {

// Thread-safe. A family is there from its first series on.
class Registry : public Metrics {
 public:
  // Version 0.0.4 of the text format, UTF-8.
  [[nodiscard]] virtual std::string text() const = 0;
};

[[nodiscard]] std::unique_ptr<Registry> make_registry();

}  // namespace pgrightsizer::telemetry
