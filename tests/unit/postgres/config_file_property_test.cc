// For any file whatever: the value asked for is the value read, and no other byte changes.
#include <gtest/gtest.h>
// After GoogleTest, which it needs.
#include <rapidcheck/gtest.h>

#include "pgrightsizer/postgres/config_file.h"

namespace pgrightsizer::postgres {
namespace {

// Pieces that the grammar gives a meaning to, so that random files are often nearly valid.
rc::Gen<std::string> piece() {
  return rc::gen::element<std::string>(
      "max_connections", "MAX_CONNECTIONS", "port", "include", "include_dir", "'a''b'", "'", "\\",
      "=", " = ", " ", "\t", "\r", "\n", "\r\n", "\n", "#", "# comment", "100", "'250'", "0x10",
      "1.5", "5MB", "x", ".", ";", "\xc3\xa9", std::string(1, '\0'));
}

rc::Gen<std::string> any_file() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece()),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const auto& part : pieces) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(ConfigFileProperty, WhatIsWrittenIsRead, ()) {
  const auto text = *any_file();
  const auto value = *rc::gen::inRange<std::int64_t>(1, 262'144);
  const auto changed = with_max_connections(text, value);
  RC_ASSERT(changed.has_value() == parse_config(text).has_value());
  RC_PRE(changed.has_value());
  const auto file = parse_config(*changed);
  RC_ASSERT(file.has_value());
  RC_ASSERT(file->max_connections == value);
  RC_ASSERT(with_max_connections(*changed, value).value() == *changed);
}

RC_GTEST_PROP(ConfigFileProperty, EveryOtherByteIsKept, ()) {
  const auto text = *any_file();
  const auto changed = with_max_connections(text, 199'999);
  RC_PRE(changed.has_value());
  const auto at = changed->rfind("199999");
  RC_ASSERT(at != std::string::npos);
  if (parse_config(text)->occurrences == 0) {
    RC_ASSERT(changed->substr(0, text.size()) == text);
    return;
  }
  // Head and tail around the number, a quote at most dropped or kept on each side.
  RC_ASSERT(text.substr(0, at) == changed->substr(0, at));
  const auto tail = changed->substr(at + 6);
  RC_ASSERT(text.size() >= at + tail.size());
  RC_ASSERT(text.substr(text.size() - tail.size()) == tail);
  const auto replaced = text.substr(at, text.size() - tail.size() - at);
  RC_ASSERT(replaced.find('\n') == std::string::npos);
}

RC_GTEST_PROP(ConfigFileProperty, ArbitraryBytesAreHarmless, (const std::string& text)) {
  const auto changed = with_max_connections(text, 5);
  if (changed) RC_ASSERT(parse_config(*changed)->max_connections == 5);
}

}  // namespace
}  // namespace pgrightsizer::postgres
