#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {
namespace {

std::string doubled(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

}  // namespace

// With standard_conforming_strings on, the default since 9.1, a backslash is an ordinary character.
std::string quote_literal(const std::string& text) { return doubled(text, '\''); }

std::string quote_identifier(const std::string& name) { return doubled(name, '"'); }

}  // namespace pgrightsizer::postgres
