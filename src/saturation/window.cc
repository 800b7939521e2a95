#include <algorithm>

#include "pgrightsizer/saturation/saturation.h"

namespace pgrightsizer::saturation {

namespace {

// One look may catch a client that will wait for a moment only.
constexpr std::size_t kLooksInARow = 3;

Level level_of(const State& state, const Thresholds& thresholds) {
  const auto above = [&](Count percent) { return state.percent > static_cast<double>(percent); };
  const bool full = above(thresholds.critical_percent);
  if (full && (state.always_waiting || !thresholds.critical_needs_waiting)) return Level::Critical;
  if (state.wait > std::chrono::milliseconds(thresholds.wait_milliseconds)) return Level::WaitTooLong;
  return above(thresholds.warning_percent) || full ? Level::Warning : Level::Normal;
}

}  // namespace

const char* to_string(Level level) {
  switch (level) {
    case Level::Normal: return "Normal";
    case Level::Warning: return "Warning";
    case Level::WaitTooLong: return "WaitTooLong";
    case Level::Critical: return "Critical";
  }
  return "";
}

void Window::add(const Sample& sample, seconds window) {
  if (sample.limit <= 0) return;
  if (!samples_.empty()) {
    const Sample& last = samples_.back();
    if (last.pooled != sample.pooled || sample.at - last.at > window) samples_.clear();
  }
  samples_.push_back(sample);
  while (samples_.size() > 1 && samples_[1].at <= sample.at - window) samples_.pop_front();
}

std::optional<State> Window::state(const Thresholds& thresholds, Instant now) const {
  if (samples_.size() < 2 || samples_.back().at - samples_.front().at < thresholds.window)
    return std::nullopt;
  if (now - samples_.back().at > thresholds.window) return std::nullopt;
  State state;
  state.always_waiting = true;
  double percent = 0;
  microseconds waited{0};
  Count transactions = 0;
  for (auto one = samples_.begin() + 1; one != samples_.end(); ++one) {
    percent += 100.0 * static_cast<double>(one->used) / static_cast<double>(one->limit);
    waited += one->waited;
    transactions += one->transactions;
    state.always_waiting = state.always_waiting && one->waiting > 0;
  }
  state.percent = percent / static_cast<double>(samples_.size() - 1);
  if (transactions > 0) state.wait = waited / transactions;
  if (samples_.size() >= kLooksInARow) {
    auto sustained = samples_.back().longest_wait;
    for (std::size_t i = samples_.size() - kLooksInARow; i < samples_.size(); ++i)
      sustained = std::min(sustained, samples_[i].longest_wait);
    state.wait = std::max(state.wait, sustained);
  }
  state.level = level_of(state, thresholds);
  return state;
}

}  // namespace pgrightsizer::saturation
