// Logging as an interface, so that no module but telemetry knows the library behind it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace pgrightsizer {

enum class LogLevel { Debug, Info, Warning, Error };

// One line: a sentence and key=value pairs ("policy", "shop/shop-db"). Thread-safe.
class Logger {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

  virtual ~Logger() = default;
  virtual void write(LogLevel level, std::string_view text, Fields fields) = 0;

  void debug(std::string_view text, Fields fields = {}) { write(LogLevel::Debug, text, fields); }
  void info(std::string_view text, Fields fields = {}) { write(LogLevel::Info, text, fields); }
  void warning(std::string_view text, Fields fields = {}) { write(LogLevel::Warning, text, fields); }
  void error(std::string_view text, Fields fields = {}) { write(LogLevel::Error, text, fields); }
};

// For tests and for callers that do not care. Thread-safe.
class NullLogger final : public Logger {
 public:
  void write(LogLevel, std::string_view, Fields) override {}
};

}  // namespace pgrightsizer
