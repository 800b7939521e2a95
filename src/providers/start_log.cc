#include "start_log.h"

#include <sstream>
#include <string_view>

namespace pgrightsizer::providers {
namespace {

// The text after "FATAL:  ", whatever log_line_prefix stands before it.
std::optional<std::string> after(const std::string& line, std::string_view severity) {
  const auto at = line.find(severity);
  if (at == std::string::npos) return std::nullopt;
  const auto start = line.find_first_not_of(' ', at + severity.size());
  return start == std::string::npos ? std::string() : line.substr(start);
}

// Past everything that max_connections can make it refuse. With logging_collector the rest, and
// whether it came up, stands in a file of its own.
bool has_started(const std::string& line) {
  return line.find("ready to accept ") != std::string::npos ||  // "connections", "read-only connections"
         line.find("redirecting log output to logging collector process") != std::string::npos;
}

// Told to probes and clients that come too early; not why the start failed.
bool is_for_clients(const std::string& text) { return text.starts_with("the database system is "); }

}  // namespace

std::optional<std::string> start_failure_in(const std::string& log) {
  std::istringstream lines(log);
  std::string line;
  std::string last_log;
  std::string found;
  while (std::getline(lines, line)) {
    if (has_started(line)) return std::nullopt;
    if (auto text = after(line, "LOG:")) last_log = *text;
    auto fatal = after(line, "FATAL:");
    if (!fatal) fatal = after(line, "PANIC:");
    // Before its log is set up, the server writes "postgres: …" and exits.
    if (!fatal && line.starts_with("postgres: ")) fatal = line.substr(10);
    if (!fatal || is_for_clients(*fatal)) continue;
    // "configuration file … contains errors": which ones stands in the lines before.
    const bool vague = fatal->find("contains errors") != std::string::npos && !last_log.empty();
    found = vague ? last_log + "; " + *fatal : *fatal;
  }
  return found;
}

}  // namespace pgrightsizer::providers
