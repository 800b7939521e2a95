// Waiting without guessing how long.
#pragma once

#include <chrono>
#include <thread>

namespace pgrightsizer {

// Asks until the answer is yes; false when it is not in time.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate holds,
                              std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace pgrightsizer
