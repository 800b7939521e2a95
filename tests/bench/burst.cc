#include "burst.h"

namespace pgrightsizer::bench {

namespace {

using std::chrono::milliseconds;

// Changes of a key that are closer together make a burst, longer without any change ends it.
constexpr milliseconds kBurst{400};
constexpr milliseconds kFirstSilence{16};
// A burst that goes on is not waited for any longer.
constexpr milliseconds kPatience{2'000};
// To ask again while the one that went first is not acknowledged.
constexpr milliseconds kMoment{1};

}  // namespace

void Burst::changed(const std::string& key, Instant now) {
  if (now - changed_ >= kBurst) silence_ = kFirstSilence;
  else if (guess_ == Guess::OthersFollow) silence_ *= 2;
  else if (guess_ != Guess::None) silence_ += silence_ / 8;
  guess_ = Guess::None;
  changed_ = now;
  auto& it = keys_[key];
  it.in_burst = now - it.changed < kBurst;
  it.changed = now;
}

std::optional<milliseconds> Burst::wait(const std::string& key, Instant now) {
  auto& it = keys_[key];
  if (it.in_burst && now - it.acted < kPatience) {
    const auto wait = until_it_is_over(key, now);
    if (wait.count() > 0) return wait;
  }
  it.acted = now;
  return std::nullopt;
}

milliseconds Burst::until_it_is_over(const std::string& key, Instant now) {
  if (now - changed_ < silence_) return std::chrono::ceil<milliseconds>(changed_ + silence_ - now);
  if (guess_ == Guess::OneGoesFirst) return kMoment;
  if (guess_ == Guess::None) first_ = key;
  guess_ = guess_ == Guess::None ? Guess::OneGoesFirst : Guess::OthersFollow;
  return milliseconds{0};
}

void Burst::acted(const std::string& key) {
  if (key == first_ && guess_ == Guess::OneGoesFirst) guess_ = Guess::Answered;
}

}  // namespace pgrightsizer::bench
