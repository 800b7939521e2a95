#include "http_headers.h"

#include <charconv>

namespace pgrightsizer::kube {

std::vector<std::string> parse_warnings(std::string_view header) {
  std::vector<std::string> out;
  std::string text;
  bool inside = false;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const char c = header[i];
    if (inside && c == '\\' && i + 1 < header.size()) {
      text += header[++i];
    } else if (c == '"') {
      if (inside) out.push_back(std::move(text));
      text.clear();
      inside = !inside;
    } else if (inside) {
      text += c;
    }
  }
  return out;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view header) {
  unsigned seconds = 0;
  const auto end = header.data() + header.size();
  const auto [rest, error] = std::from_chars(header.data(), end, seconds);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace pgrightsizer::kube
