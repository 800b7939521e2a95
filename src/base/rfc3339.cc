// By hand: std::chrono::parse and format are missing in g++ 12.
#include "pgrightsizer/base/rfc3339.h"

#include <charconv>
#include <cstdio>

namespace pgrightsizer {

namespace {

using std::chrono::nanoseconds;

// Reads a text from left to right; after the first mismatch `ok` stays false.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t count) {
    int value = 0;
    if (rest.size() < count || rest.find_first_not_of("0123456789") < count) {
      ok = false;
      return 0;
    }
    std::from_chars(rest.data(), rest.data() + count, value);
    rest.remove_prefix(count);
    return value;
  }

  // The character that was there, one of `allowed`.
  char one_of(std::string_view allowed) {
    if (rest.empty() || allowed.find(rest.front()) == std::string_view::npos) {
      ok = false;
      return 0;
    }
    const char found = rest.front();
    rest.remove_prefix(1);
    return found;
  }

  // ".25" → 250 ms; digits behind the ninth are cut off.
  nanoseconds fraction() {
    if (rest.empty() || rest.front() != '.') return nanoseconds{0};
    rest.remove_prefix(1);
    std::size_t count = rest.find_first_not_of("0123456789");
    if (count == std::string_view::npos) count = rest.size();
    if (count == 0) ok = false;
    int value = 0;
    for (std::size_t i = 0; i < 9; ++i) value = value * 10 + (i < count ? rest[i] - '0' : 0);
    rest.remove_prefix(count);
    return nanoseconds{value};
  }

  std::chrono::minutes offset() {
    const char sign = one_of("Zz+-");
    if (sign == 'Z' || sign == 'z' || !ok) return std::chrono::minutes{0};
    const int hours = digits(2);
    one_of(":");
    const int minutes = digits(2);
    if (hours > 23 || minutes > 59) ok = false;
    const std::chrono::minutes total{hours * 60 + minutes};
    return sign == '-' ? -total : total;
  }
};

}  // namespace

std::optional<NanoTime> parse_rfc3339(std::string_view text) {
  Scanner in{text};
  const std::chrono::year year{in.digits(4)};
  in.one_of("-");
  const std::chrono::month month{static_cast<unsigned>(in.digits(2))};
  in.one_of("-");
  const std::chrono::day day{static_cast<unsigned>(in.digits(2))};
  in.one_of("Tt ");
  const int hours = in.digits(2);
  in.one_of(":");
  const int minutes = in.digits(2);
  in.one_of(":");
  const int seconds = in.digits(2);
  const nanoseconds fraction = in.fraction();
  const std::chrono::minutes offset = in.offset();
  const std::chrono::year_month_day date = year / month / day;
  // 60 is a leap second.
  if (!in.ok || !in.rest.empty() || !date.ok() || hours > 23 || minutes > 59 || seconds > 60) {
    return std::nullopt;
  }
  return NanoTime{std::chrono::sys_days{date} + std::chrono::hours{hours} +
                      std::chrono::minutes{minutes} + std::chrono::seconds{seconds} - offset,
                  fraction};
}

std::string to_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string result = text;
  if (const auto rest = clock.subseconds().count(); rest != 0) {
    std::snprintf(text, sizeof text, ".%03d", static_cast<int>(rest));
    result += text;
  }
  return result + "Z";
}

}  // namespace pgrightsizer
