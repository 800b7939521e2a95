#include <cstdio>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/replay/output.h"

namespace pgrightsizer::replay {

namespace {

constexpr std::size_t kMostLines = 40;

std::string decimal(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string number(Count value) { return std::to_string(value); }

std::string line_of(const Restart& one) {
  return "  " + to_rfc3339(one.time) + "  " + number(one.from) + " → " + number(one.to) +
         (one.pooled ? "  behind the pooler  " : "  direct  ") + one.why + "\n";
}

std::string line_of(const Exposure& one) {
  return "  " + to_rfc3339(one.from) + "  " + number(one.minutes) + " min: " + number(one.demand) +
         " + 10 others > " + number(one.usable) + " usable; " + one.why + "\n";
}

std::string line_of(const Move& one) {
  return "  " + to_rfc3339(one.time) + "  to " +
         (one.to == sizing::Route::Pooler ? "the pooler" : "the database") + "\n";
}

template <typename Entry>
std::string list_of(const std::string& title, const std::vector<Entry>& entries) {
  if (entries.empty()) return {};
  std::string out = "\n" + title + ":\n";
  for (std::size_t i = 0; i < entries.size() && i < kMostLines; ++i) out += line_of(entries[i]);
  if (entries.size() > kMostLines) out += "  … and " + number(static_cast<Count>(entries.size() - kMostLines)) + " more\n";
  return out;
}

}  // namespace

std::string to_text(const Report& report) {
  const Count restarts = static_cast<Count>(report.restarts.size());
  std::string out = decimal(report.days, 1) + " days: " + number(restarts) + " restarts (" +
                    decimal(report.restarts_per_day(), 2) + " a day), " +
                    number(report.pooled_restarts()) + " of them behind the pooler; " +
                    number(static_cast<Count>(report.moves.size())) + " moves; " +
                    number(report.exposed_minutes()) + " minutes in which the demand did not fit\n";
  return out + list_of("Restarts", report.restarts) + list_of("Moves", report.moves) +
         list_of("The demand did not fit", report.exposures);
}

}  // namespace pgrightsizer::replay
