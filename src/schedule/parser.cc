#include "parser.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>
#include <utility>

namespace pgrightsizer::schedule {
namespace {

struct Field {
  const char* name;
  int low;
  int high;
  std::vector<std::string_view> words;  // the first is `low`
};

const std::array<Field, 5>& fields() {
  static const std::array<Field, 5> all = {{
      {"minute", 0, 59, {}},
      {"hour", 0, 23, {}},
      {"day of month", 1, 31, {}},
      {"month", 1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      // 7 is Sunday, too.
      {"day of week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
  }};
  return all;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros = {{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

tl::unexpected<Error> wrong(const Field& field, std::string_view text) {
  return fail(ErrorKind::Invalid,
              "the " + std::string(field.name) + " \"" + std::string(text) + "\" is not understood",
              {},
              "use numbers from " + std::to_string(field.low) + " to " + std::to_string(field.high) +
                  (field.words.empty() ? "" : ", names like " + std::string(field.words.front())) +
                  ", ranges (1-5), lists (1,3), steps (*/2) or *");
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> value_of(const Field& field, std::string_view text) {
  const auto word = std::find(field.words.begin(), field.words.end(), upper(text));
  const auto value = word != field.words.end()
                         ? std::optional<int>(field.low + static_cast<int>(word - field.words.begin()))
                         : number(text);
  return value && *value >= field.low && *value <= field.high ? value : std::nullopt;
}

struct Range {
  int from;
  int to;
  int step;
};

// "*", "5", "1-5", each with or without "/2"; "5/2" goes on to the end.
std::optional<Range> range_of(const Field& field, std::string_view text) {
  Range range{field.low, field.high, 1};
  const auto slash = text.find('/');
  const bool stepped = slash != std::string_view::npos;
  if (stepped) {
    const auto step = number(text.substr(slash + 1));
    if (!step || *step < 1) return std::nullopt;
    range.step = std::min(*step, field.high + 1);  // past the end already: no sum may overflow
    text = text.substr(0, slash);
  }
  // Sunday once: a step over the days of the week counts seven of them.
  if (field.words.size() == 7) range.to = 6;
  if (text == "*") return range;
  const auto dash = text.find('-');
  const auto from = value_of(field, text.substr(0, dash));
  if (!from) return std::nullopt;
  range.from = *from;
  if (dash != std::string_view::npos) {
    const auto to = value_of(field, text.substr(dash + 1));
    if (!to || *to < *from) return std::nullopt;
    range.to = *to;
  } else if (!stepped) {
    range.to = *from;
  }
  return range;
}

template <std::size_t N>
Result<void> read_field(const Field& field, const std::string& text, std::bitset<N>& values) {
  if (text.ends_with(',')) return wrong(field, text);
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto range = range_of(field, part);
    if (!range) return wrong(field, text);
    for (int value = range->from; value <= range->to; value += range->step)
      values.set(field.words.size() == 7 ? static_cast<std::size_t>(value % 7)
                                         : static_cast<std::size_t>(value));
  }
  return {};
}

}  // namespace

Result<void> Parser::read(const std::string& cron, Schedule& schedule) {
  std::string text = cron;
  for (const auto& [name, meaning] : kMacros)
    if (upper(cron) == upper(name)) text = meaning;
  std::istringstream stream(text);
  std::vector<std::string> parts;
  for (std::string part; stream >> part;) parts.push_back(part);
  const auto& all = fields();
  if (parts.size() != all.size())
    return fail(ErrorKind::Invalid,
                "\"" + cron + "\" has " + std::to_string(parts.size()) + " fields instead of 5", {},
                "give minute, hour, day of month, month and day of week: \"0 2 * * *\"");
  if (auto done = read_field(all[0], parts[0], schedule.minutes_); !done) return done;
  if (auto done = read_field(all[1], parts[1], schedule.hours_); !done) return done;
  if (auto done = read_field(all[2], parts[2], schedule.days_); !done) return done;
  if (auto done = read_field(all[3], parts[3], schedule.months_); !done) return done;
  return read_field(all[4], parts[4], schedule.weekdays_);
}

}  // namespace pgrightsizer::schedule
