#pragma once

#include <string>

#include "app/clocks.h"

namespace pgrightsizer::app {

// The address of the database, looked up at most once a second. Twenty connections that reconnect
// together would else ask twenty times, and with Kubernetes' search path each asks up to ten names.
// The look-up blocks; an answer from the cluster's DNS takes about a millisecond.
class Resolver {
 public:
  explicit Resolver(std::string host) : host_(std::move(host)) {}

  // A numeric address, IPv4 if there is one. Empty for a socket directory (libpq needs none) and
  // after a failure, which error() then describes.
  const std::string& address(TimePoint now);
  const std::string& error() const { return error_; }

 private:
  void look_up();

  std::string host_;
  std::string address_;
  std::string error_;
  TimePoint valid_until_ = TimePoint::min();
};

}  // namespace pgrightsizer::app
