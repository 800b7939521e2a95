#include "pgrightsizer/telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <nlohmann/json.hpp>

namespace pgrightsizer::telemetry {
namespace {

// "%v" is the whole of a JSON object's members from the second on, so that nothing is parsed twice.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == '\x7f') return false;
  }
  return true;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return true;
  }
  return false;
}

class SpdlogLogger final : public ProcessLog {
 public:
  SpdlogLogger(LogLevel level, LogFormat format)
      : format_(format), log_("pg-rightsizer", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    const bool text = format == LogFormat::Text;
    log_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        text ? kTextPattern : kJsonPattern, spdlog::pattern_time_type::utc));
    set_level(level);
    log_.flush_on(spdlog::level::trace);
  }

  void write(LogLevel level, std::string_view text, Fields fields) override {
    const auto mapped = spdlog_level(level);
    if (!log_.should_log(mapped)) return;
    const std::string line =
        format_ == LogFormat::Text ? format_text(text, fields) : format_json(text, fields);
    log_.log(mapped, spdlog::string_view_t(line.data(), line.size()));
  }

  [[nodiscard]] LogLevel level() const override { return level_; }

  void set_level(LogLevel level) override {
    level_ = level;
    log_.set_level(spdlog_level(level));
  }

 private:
  const LogFormat format_;
  std::atomic<LogLevel> level_{LogLevel::Info};
  spdlog::logger log_;
};

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warning:
      return "warning";
    case LogLevel::Error:
      return "error";
  }
  return "info";
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (const auto level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error})
    if (to_string(level) == text) return level;
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::Text;
  if (text == "json") return LogFormat::Json;
  return std::nullopt;
}

std::string format_text(std::string_view text, Logger::Fields fields) {
  // Only a text that would break the line is changed.
  std::string out = has_control(text) ? json_string(text) : std::string(text);
  for (const auto& [key, value] : fields) {
    out += ' ';
    out += key;
    out += '=';
    out += is_plain(value) ? value : json_string(value);
  }
  return out;
}

std::string format_json(std::string_view text, Logger::Fields fields) {
  std::string out = "\"message\":" + json_string(text);
  for (const auto& [key, value] : fields) out += "," + json_string(key) + ":" + json_string(value);
  return out;
}

std::unique_ptr<ProcessLog> make_logger(LogLevel level, LogFormat format) {
  return std::make_unique<SpdlogLogger>(level, format);
}

}  // namespace pgrightsizer::telemetry
