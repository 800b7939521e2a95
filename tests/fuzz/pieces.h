// A text as a network would deliver it: its first byte says into how long pieces it is cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace pgrightsizer::fuzz {

// Feeds what follows the first byte, until `feed` returns false.
template <class Feed>
void feed_pieces(const std::uint8_t* data, std::size_t size, Feed feed) {
  if (size == 0) return;
  const std::size_t length = data[0] == 0 ? size : data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!rest.empty() && feed(rest.substr(0, length))) rest.remove_prefix(std::min(length, rest.size()));
}

}  // namespace pgrightsizer::fuzz
