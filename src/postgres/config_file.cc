#include "pgrightsizer/postgres/config_file.h"

#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace pgrightsizer::postgres {
namespace {

constexpr std::int64_t kMaximum = 262'143;  // PostgreSQL's own, of max_connections

// A piece of one line, as PostgreSQL's scanner cuts it.
struct Token {
  enum class Kind { Name, Value, Quoted, Equals, End, Bad } kind = Kind::End;
  std::size_t at = 0;  // offset in the line
  std::size_t size = 0;
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_unit_letter(char c) {
  return is_letter(c) && static_cast<unsigned char>(c) < 0x80 && c != '_';
}

// The scanner of one line, which never holds its line feed: no token of the grammar spans lines.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  Token next() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r'))
      ++at_;
    if (at_ == line_.size() || line_[at_] == '#') return {Token::Kind::End, at_, 0};
    const char c = line_[at_];
    if (c == '=') return take(Token::Kind::Equals, 1);
    if (c == '\'') return quoted();
    if (is_letter(c)) return word();
    return number();
  }

  [[nodiscard]] std::string text(const Token& token) const {
    return std::string(line_.substr(token.at, token.size));
  }

 private:
  Token take(Token::Kind kind, std::size_t size) {
    const Token token{kind, at_, size};
    at_ += size;
    return token;
  }

  template <class Predicate>
  [[nodiscard]] std::size_t run(std::size_t from, Predicate matches) const {
    std::size_t end = from;
    while (end < line_.size() && matches(line_[end])) ++end;
    return end - from;
  }

  // \'([^'\\\n]|\\.|\'\')*\'
  Token quoted() {
    std::size_t end = at_ + 1;
    while (end < line_.size()) {
      const bool doubled = line_[end] == '\'' && end + 1 < line_.size() && line_[end + 1] == '\'';
      if (line_[end] == '\\' || doubled)
        end += 2;
      else if (line_[end] != '\'')
        ++end;
      else
        return take(Token::Kind::Quoted, end + 1 - at_);
    }
    return take(Token::Kind::Bad, line_.size() - at_);
  }

  // An identifier, or the longer unquoted string that starts with a letter.
  Token word() {
    const std::size_t name = run(at_, [](char c) { return is_letter(c) || is_digit(c); });
    const std::size_t whole = run(at_, [](char c) {
      return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == ':' || c == '/';
    });
    return take(whole > name ? Token::Kind::Value : Token::Kind::Name, whole);
  }

  // An integer with unit letters, or a real number.
  Token number() {
    const std::size_t sign = line_[at_] == '-' || line_[at_] == '+' ? 1 : 0;
    const std::size_t start = at_ + sign;
    const std::size_t size = std::max(integer(start), real(start));
    return size > 0 ? take(Token::Kind::Value, sign + size) : take(Token::Kind::Bad, 1);
  }

  // {DIGIT}+|0x{HEXDIGIT}+ and {UNIT_LETTER}*
  [[nodiscard]] std::size_t integer(std::size_t start) const {
    std::size_t size = run(start, is_digit);
    if (line_.substr(start, 2) == "0x" && run(start + 2, is_hex) > 0)
      size = 2 + run(start + 2, is_hex);
    return size == 0 ? 0 : size + run(start + size, is_unit_letter);
  }

  // {DIGIT}*"."{DIGIT}*{EXPONENT}?
  [[nodiscard]] std::size_t real(std::size_t start) const {
    std::size_t size = run(start, is_digit);
    if (start + size >= line_.size() || line_[start + size] != '.') return 0;
    ++size;
    size += run(start + size, is_digit);
    if (start + size < line_.size() && (line_[start + size] == 'e' || line_[start + size] == 'E')) {
      std::size_t exponent = 1;
      const char sign = start + size + 1 < line_.size() ? line_[start + size + 1] : ' ';
      if (sign == '-' || sign == '+') ++exponent;
      const std::size_t digits = run(start + size + exponent, is_digit);
      if (digits > 0) size += exponent + digits;
    }
    return size;
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// What a backslash and the character at `i` stand for; `i` is left on the last character used.
char escaped(const std::string& text, std::size_t& i) {
  if (!is_octal(text[i])) {
    constexpr std::string_view kNames = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    const auto known = kNames.find(text[i]);
    return known == std::string_view::npos ? text[i] : kMeanings[known];
  }
  unsigned value = 0;
  const std::size_t end = std::min(i + 3, text.size());
  while (i < end && is_octal(text[i])) value = value * 8 + static_cast<unsigned>(text[i++] - '0');
  --i;
  return static_cast<char>(static_cast<unsigned char>(value));
}

// What a value in quotes stands for.
std::string unquoted(const std::string& quoted) {
  const std::string inner = quoted.substr(1, quoted.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\\' && i + 1 < inner.size())
      out += escaped(inner, ++i);
    else if (inner[i] == '\'' && i + 1 < inner.size())
      out += inner[++i];
    else
      out += inner[i];
  }
  return out;
}

// One line that sets something: where its value stands in the whole text.
struct Setting {
  std::string name;
  Token value;
  std::string text;  // of the value
  bool valid = false;
};

std::optional<Setting> setting_of(std::string_view line) {
  Scanner scanner(line);
  const Token name = scanner.next();
  if (name.kind != Token::Kind::Name) return std::nullopt;
  Setting setting;
  setting.name = scanner.text(name);
  setting.value = scanner.next();
  if (setting.value.kind == Token::Kind::Equals) setting.value = scanner.next();
  const auto kind = setting.value.kind;
  setting.text = scanner.text(setting.value);
  if (kind == Token::Kind::Quoted) setting.text = unquoted(setting.text);
  const bool has_value =
      kind == Token::Kind::Name || kind == Token::Kind::Value || kind == Token::Kind::Quoted;
  setting.valid = has_value && scanner.next().kind == Token::Kind::End;
  return setting;
}

bool same_name(const std::string& name, const char* wanted) {
  return strcasecmp(name.c_str(), wanted) == 0;
}

bool is_include(const std::string& name) {
  return same_name(name, "include") || same_name(name, "include_if_exists") ||
         same_name(name, "include_dir");
}

struct Place {
  std::size_t at = 0;  // offset of the value in the text
  std::size_t size = 0;
  bool quoted = false;
};

struct Parsed {
  ConfigFile file;
  Place last;
};

tl::unexpected<Error> not_accepted(int line, std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  return fail(ErrorKind::Invalid,
              "line " + std::to_string(line) + " (" + std::string(text) +
                  ") does not set max_connections to a whole number",
              {}, "write it as max_connections = 200");
}

Result<Parsed> parse(const std::string& text) {
  Parsed parsed;
  int number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line(text.data() + start, end - start);
    ++number;
    if (const auto setting = setting_of(line)) {
      if (is_include(setting->name)) {
        parsed.file.includes.push_back(setting->text);
        parsed.file.include_after = parsed.file.occurrences > 0;
      } else if (same_name(setting->name, "max_connections")) {
        const auto value = setting->valid ? parse_integer(setting->text) : std::nullopt;
        if (!value) return not_accepted(number, line);
        parsed.file.max_connections = value;
        parsed.file.line = number;
        parsed.file.include_after = false;
        ++parsed.file.occurrences;
        parsed.last = {start + setting->value.at, setting->value.size,
                       setting->value.kind == Token::Kind::Quoted};
      }
    }
    start = end + 1;
  }
  return parsed;
}

std::string with_line_appended(const std::string& text, const std::string& value) {
  const std::size_t first = text.find('\n');
  const bool crlf = first != std::string::npos && first > 0 && text[first - 1] == '\r';
  const std::string line_end = crlf ? "\r\n" : "\n";
  std::string out = text;
  if (!out.empty() && out.back() != '\n') out += line_end;
  return out + "max_connections = " + value + line_end;
}

}  // namespace

std::optional<std::int64_t> parse_integer(const std::string& text) {
  const char* start = text.c_str();
  char* end = nullptr;
  errno = 0;
  auto value = static_cast<std::int64_t>(std::strtoll(start, &end, 0));
  if (*end == '.' || *end == 'e' || *end == 'E' || errno == ERANGE) {
    errno = 0;
    const double real = std::strtod(start, &end);
    if (errno == ERANGE || !std::isfinite(real) || std::fabs(real) > 1e15) return std::nullopt;
    value = std::llrint(real);
  }
  if (end == start) return std::nullopt;
  while (*end == ' ' || (*end >= '\t' && *end <= '\r')) ++end;
  if (end != start + text.size()) return std::nullopt;
  return value;
}

Result<ConfigFile> parse_config(const std::string& text) {
  return parse(text).map([](const Parsed& parsed) { return parsed.file; });
}

Result<std::string> with_max_connections(const std::string& text, std::int64_t value) {
  if (value < 1 || value > kMaximum)
    return fail(ErrorKind::Invalid,
                "max_connections " + std::to_string(value) + " is outside of 1 to 262143");
  const auto parsed = parse(text);
  if (!parsed) return fail(parsed.error());
  const std::string number = std::to_string(value);
  if (parsed->file.occurrences == 0) return with_line_appended(text, number);
  const Place& place = parsed->last;
  std::string out = text;
  return out.replace(place.at, place.size, place.quoted ? "'" + number + "'" : number);
}

}  // namespace pgrightsizer::postgres
