// The log of the process: one line per event, on the standard error stream.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "pgrightsizer/base/log.h"

namespace pgrightsizer::telemetry {

enum class LogFormat { Text, Json };

// "debug", "info", "warning", "error"; "text", "json". nullopt for anything else.
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);
[[nodiscard]] std::optional<LogFormat> parse_log_format(std::string_view text);

[[nodiscard]] std::string_view to_string(LogLevel level);

// Thread-safe. Lines below the level cost one comparison.
class ProcessLog : public Logger {
 public:
  [[nodiscard]] virtual LogLevel level() const = 0;
  virtual void set_level(LogLevel level) = 0;
};

[[nodiscard]] std::unique_ptr<ProcessLog> make_logger(LogLevel level, LogFormat format);

// The part of a line behind time and level: `text key=value key="two words"`, or the members of a
// JSON object behind its first ones; a field is not named time, level or message. Line breaks are
// escaped.
[[nodiscard]] std::string format_text(std::string_view text, Logger::Fields fields);
[[nodiscard]] std::string format_json(std::string_view text, Logger::Fields fields);

}  // namespace pgrightsizer::telemetry
