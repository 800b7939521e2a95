// Counts what the logs of one policy's pods tell, on the threads that read them.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "pgrightsizer/postgres/connection_error.h"
#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::controller {

// Who told, as the metric's label has it.
inline constexpr const char* kServer = "postgresql";
inline constexpr const char* kPooler = "pgbouncer";
inline constexpr const char* kProbe = "probe";  // a login of the operator's own

// By who told.
using ErrorCounts = std::map<std::pair<std::string, postgres::ConnectionError>, sizing::Count>;

// Thread-safe.
class ErrorTally {
 public:
  void add(const std::string& source, postgres::ConnectionError error) {
    std::scoped_lock lock(mutex_);
    ++fresh_[{source, error}];
  }
  // Those since the last time.
  [[nodiscard]] ErrorCounts take() {
    std::scoped_lock lock(mutex_);
    return std::exchange(fresh_, {});
  }
  void set_trouble(const std::string& pod, const std::string& text) {
    std::scoped_lock lock(mutex_);
    if (text.empty())
      troubles_.erase(pod);
    else
      troubles_[pod] = text;
  }
  // Why some log cannot be read; empty: all can.
  [[nodiscard]] std::string trouble() const {
    std::scoped_lock lock(mutex_);
    return troubles_.empty() ? std::string() : troubles_.begin()->second;
  }

 private:
  mutable std::mutex mutex_;
  ErrorCounts fresh_;
  std::map<std::string, std::string> troubles_;
};

}  // namespace pgrightsizer::controller
