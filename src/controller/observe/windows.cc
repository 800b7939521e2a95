#include "observe.h"

namespace pgrightsizer::controller {

namespace {

std::string text_of(const std::vector<api::WindowSpec>& windows) {
  std::string text;
  for (const auto& window : windows)
    text += window.schedule + "|" + std::to_string(window.duration.count()) + "|" +
            window.time_zone + "\n";
  return text;
}

// Read once: a policy is looked at every second while something is under way.
void read_windows(const api::ConnectionPolicy& policy, Memory& memory, Facts& facts) {
  const auto& windows = policy.spec.restart.windows;
  auto& known = memory.windows;
  const auto text = text_of(windows);
  if (known.text == text && known.error.empty()) return;
  known = {text, {}, {}};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    auto schedule = schedule::Schedule::parse(windows[i].schedule, windows[i].duration,
                                              windows[i].time_zone);
    if (!schedule) {
      known.error = policy.text() + ": spec.restart.windows[" + std::to_string(i) +
                    "]: " + schedule.error().message();
      facts.problems.push_back({kInvalidWindow, known.error});
      return;
    }
    known.schedules.push_back(*schedule);
  }
}

}  // namespace

void observe_windows(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                     Facts& facts) {
  read_windows(policy, memory, facts);
  for (const auto& window : schedule::windows(memory.windows.schedules, sight.clock.now()))
    facts.windows.push_back({window.from, window.to});
}

}  // namespace pgrightsizer::controller
