// Reads the log of one container as it is written.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::runtime {

struct LogSource {
  std::string name_space;
  std::string pod;
  std::string container;
};

// Both are called on threads of the follower's and the transport's, one call at a time; they must
// neither block nor make requests.
struct LogReader {
  std::function<void(std::string_view line)> on_line;          // without its time
  std::function<void(const std::string& trouble)> on_trouble;  // empty: it can be read again
};

// Every line written after `since` is delivered once, whatever becomes of the streams that bring
// it: the kubelet tells the time of each, and a new stream goes on from the last. A line is cut off
// after 4 KiB. Lines that the kubelet rotated away before they were read are lost. Life: construct,
// destroy; the destructor returns when the thread has ended.
class LogFollower {
 public:
  LogFollower(kube::Transport& transport, LogSource source, WallTime since, LogReader reader);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgrightsizer::runtime
