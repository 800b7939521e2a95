// When to act on changes that come in bursts, so that a thousand of them are a few writes and the last
// does not wait long for its own: on one that comes alone at once, in a burst when it is over.
//
// That it is over is a guess: nothing has changed for a moment. But a server that is held up is as silent.
// So one key goes first, and the others follow when its write is acknowledged and the silence has lasted:
// a server that is held up does not answer, either. The moment grows with every guess that was wrong.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace pgrightsizer::bench {

// Thread-compatible. Times are those of one steady clock, and do not run backwards.
class Burst {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  void changed(const std::string& key, Instant now);
  // nullopt: act now, and tell the end of that by acted(). Otherwise ask again after so long.
  [[nodiscard]] std::optional<std::chrono::milliseconds> wait(const std::string& key, Instant now);
  void acted(const std::string& key);

 private:
  struct Key {
    bool in_burst = false;
    Instant changed{};
    Instant acted{};  // when it was told to
  };
  // What the silence since the last change has led to.
  enum class Guess { None, OneGoesFirst, Answered, OthersFollow };

  [[nodiscard]] std::chrono::milliseconds until_it_is_over(const std::string& key, Instant now);

  std::map<std::string, Key> keys_;
  Instant changed_{};  // any of them
  std::chrono::milliseconds silence_{};
  Guess guess_ = Guess::None;
  std::string first_;  // the key that goes, or went, first
};

}  // namespace pgrightsizer::bench
