// A Logger that keeps what it is told.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "pgrightsizer/base/log.h"

namespace pgrightsizer {

// Thread-safe.
class RecordingLogger final : public Logger {
 public:
  struct Line {
    LogLevel level;
    std::string text;  // "sentence key=value"
  };

  void write(LogLevel level, std::string_view text, Fields fields) override {
    std::string line(text);
    for (const auto& [key, value] : fields) line.append(" ").append(key).append("=").append(value);
    std::scoped_lock lock(mutex_);
    lines_.push_back({level, std::move(line)});
  }
  [[nodiscard]] std::vector<Line> lines() const {
    std::scoped_lock lock(mutex_);
    return lines_;
  }
  [[nodiscard]] int count(std::string_view part) const {
    std::scoped_lock lock(mutex_);
    int found = 0;
    for (const auto& line : lines_) found += line.text.find(part) != std::string::npos ? 1 : 0;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace pgrightsizer
