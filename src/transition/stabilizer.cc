#include "pgrightsizer/transition/stabilizer.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::transition {

namespace {

using sizing::Count;
using sizing::Workload;

// Looks that see the same counts are kept as one sample for at most this part of the window.
constexpr int kSamplesPerWindow = 64;

// A selected one stays the same when it is listed by its name from now on, where no kind is told.
bool is_same(const Workload& a, const Workload& b) {
  return a.name == b.name && (a.kind == b.kind || a.kind.empty() || b.kind.empty());
}

Count replicas_of(const std::vector<Workload>& workloads, const Workload& workload) {
  const auto found = std::find_if(workloads.begin(), workloads.end(),
                                  [&](const Workload& one) { return is_same(one, workload); });
  return found == workloads.end() ? 0 : found->replicas;
}

bool same_counts(const std::vector<Workload>& a, const std::vector<Workload>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Workload& x, const Workload& y) {
                      return is_same(x, y) && x.replicas == y.replicas;
                    });
}

}  // namespace

void Stabilizer::remember(Instant now, const std::vector<Workload>& workloads, Count sessions,
                          const Windows& windows) {
  const std::chrono::seconds longest = std::max(2 * windows.scale_up, windows.scale_down);
  if (!watching_since_) watching_since_ = now;
  if (!samples_.empty()) {
    Sample& last = samples_.back();
    last.until = now;  // it was so until now, as far as anybody knows
    const bool merge = same_counts(last.workloads, workloads) &&
                       now - last.from < std::chrono::nanoseconds(longest) / kSamplesPerWindow;
    if (merge) {
      last.sessions = std::max(last.sessions, sessions);
      last.workloads = workloads;
      return;
    }
  }
  samples_.push_back({now, now, workloads, sessions});
  while (samples_.front().until < now - longest) samples_.pop_front();
}

// The bounds of a workload's replicas over a window that ends now.
Stabilizer::Range Stabilizer::range(const Workload& workload, Instant now,
                                    std::chrono::seconds window) const {
  const Count latest = replicas_of(samples_.back().workloads, workload);
  Range range{latest, latest, now, now};
  for (const Sample& sample : samples_) {
    if (sample.until <= now - window) continue;
    const Count replicas = replicas_of(sample.workloads, workload);
    range.least = std::min(range.least, replicas);
    range.most = std::max(range.most, replicas);
    if (replicas < latest) range.less_until = sample.until;
    if (replicas > latest) range.more_until = sample.until;
  }
  return range;
}

// Since when the replicas have been above that without a break.
Stabilizer::Instant Stabilizer::above_since(const Workload& workload, Count count) const {
  for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample) {
    if (replicas_of(sample->workloads, workload) <= count) return sample->until;
  }
  return samples_.front().from;
}

// As a HorizontalPodAutoscaler: the count in force moves up to the least of the scale-up window,
// or down to the most of the scale-down window, and otherwise stays. Unlike there, a rise that
// goes on is not followed step by step behind it, for each step may be a restart: the count in
// force waits until the replicas have stopped rising for a window, or for two windows at most.
Count Stabilizer::count(const Workload& workload, Instant now, const Windows& windows,
                        Counted& counted) const {
  const Range up = range(workload, now, windows.scale_up);
  const Range down = range(workload, now, windows.scale_down);
  const bool first = now == watching_since_;
  const Count present = first ? workload.replicas : replicas_of(in_force_, workload);
  const Instant last_call = above_since(workload, present) + 2 * windows.scale_up;
  const bool rising = up.least < workload.replicas && now < last_call;
  const Count least = rising ? std::min(present, up.least) : up.least;
  const Count count = std::clamp(present, least, down.most);
  const auto hold_until = [&](Instant until) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(until - now);
    const auto bounded = std::max(left, std::chrono::seconds{1});
    counted.wait = counted.wait.count() == 0 ? bounded : std::min(counted.wait, bounded);
  };
  if (count < workload.replicas) {
    const Instant quiet = up.less_until + windows.scale_up;
    hold_until(rising ? std::min(quiet, last_call) : quiet);
  }
  if (count > workload.replicas) {
    hold_until(down.more_until + windows.scale_down);
    counted.stabilized = false;
  }
  return count;
}

Stabilizer::Counted Stabilizer::observe(Instant now, const std::vector<Workload>& workloads,
                                        Count direct_sessions, const Windows& windows) {
  remember(now, workloads, direct_sessions, windows);
  Counted counted;
  counted.stabilized = now - watching_since_.value_or(now) >= windows.scale_down;
  for (const Sample& sample : samples_) {
    if (sample.until < now - windows.scale_down) continue;
    counted.peak_sessions = std::max(counted.peak_sessions, sample.sessions);
  }
  for (Workload workload : workloads) {
    workload.replicas = count(workload, now, windows, counted);
    counted.workloads.push_back(std::move(workload));
  }
  // A workload that has gone keeps its place until the scale-down window has passed.
  for (Workload gone : in_force_) {
    const bool listed = std::any_of(workloads.begin(), workloads.end(),
                                    [&](const Workload& one) { return is_same(one, gone); });
    if (listed) continue;
    gone.replicas = 0;
    gone.pods_not_gone = 0;
    gone.replicas = count(gone, now, windows, counted);
    if (gone.replicas > 0) counted.workloads.push_back(std::move(gone));
  }
  in_force_ = counted.workloads;
  return counted;
}

}  // namespace pgrightsizer::transition
