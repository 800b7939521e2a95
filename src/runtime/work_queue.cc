#include "pgrightsizer/runtime/work_queue.h"

#include <algorithm>
#include <cmath>

namespace pgrightsizer::runtime {

using std::chrono::milliseconds;

namespace {

// Named as client-go names them, so that dashboards of controllers show them.
constexpr Metric kDepth{MetricKind::Gauge, "workqueue_depth", "Keys that are due and wait for a worker."};
constexpr Metric kAdds{MetricKind::Counter, "workqueue_adds_total", "Keys put on the queue."};
constexpr Metric kRetries{MetricKind::Counter, "workqueue_retries_total",
                          "Keys put on the queue again after a failure."};
constexpr Metric kWaited{MetricKind::Histogram, "workqueue_queue_duration_seconds",
                         "How long a key that was due has waited for a worker."};
constexpr Metric kWorked{MetricKind::Histogram, "workqueue_work_duration_seconds",
                         "How long a worker had a key."};

const Metrics::Labels kQueue{{"name", "connectionpolicy"}};

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void WorkQueue::tell_depth_locked() const {
  const auto now = std::chrono::steady_clock::now();
  const auto due = std::count_if(order_.begin(), order_.end(),
                                 [now](const Place& place) { return std::get<Instant>(place) <= now; });
  metrics_.set(kDepth, kQueue, static_cast<double>(due));
}

void WorkQueue::add(const std::string& key) { add_after(key, milliseconds(0)); }

void WorkQueue::add_last(const std::string& key) {
  std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  plan_locked(key, {true, now, now});
}

void WorkQueue::add_after(const std::string& key, milliseconds delay) {
  std::scoped_lock lock(mutex_);
  const auto due = std::chrono::steady_clock::now() + delay;
  plan_locked(key, {false, due, due});
}

void WorkQueue::add_gathered(const std::string& key, milliseconds quiet, milliseconds patience) {
  std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  plan_locked(key, {false, now + quiet, now + patience});
}

WorkQueue::Plan WorkQueue::merged(const Plan& before, const Plan& more) {
  const auto now = std::chrono::steady_clock::now();
  const auto calls = [now](const Plan& plan) { return !plan.last && plan.due <= now; };
  Plan out = before.due < more.due ? before : more;
  out.latest = std::min(before.latest, more.latest);
  if (more.due < more.latest) out.due = std::min(more.due, out.latest);
  if (calls(before) || calls(more)) out.last = false;
  return out;
}

void WorkQueue::plan_locked(const std::string& key, Plan plan) {
  if (stopping_) return;
  if (working_.contains(key)) {
    const auto [it, fresh] = again_.try_emplace(key, plan);
    if (!fresh) it->second = merged(it->second, plan);
    return;
  }
  const auto [it, fresh] = waiting_.try_emplace(key, plan);
  bool put_off = false;
  if (!fresh) {
    const Plan before = std::exchange(it->second, merged(it->second, plan));
    if (before.last == it->second.last && before.due == it->second.due) return;
    order_.erase({before.last, before.due, key});
    put_off = before.due < it->second.due;
  }
  order_.emplace(it->second.last, it->second.due, key);
  if (put_off) return;
  changed_.notify_one();
  metrics_.add(kAdds, kQueue, 1);
  tell_depth_locked();
}

void WorkQueue::add_backed_off(const std::string& key) {
  std::scoped_lock lock(mutex_);
  const int failures = failures_[key]++;
  const double base = std::min(
      static_cast<double>(backoff_.first.count()) * std::ldexp(1.0, std::min(failures, 30)),
      static_cast<double>(backoff_.limit.count()));
  std::uniform_real_distribution<double> jitter(1.0, 1.2);
  const milliseconds delay(std::llround(base * jitter(random_)));
  metrics_.add(kRetries, kQueue, 1);
  const auto due = std::chrono::steady_clock::now() + delay;
  plan_locked(key, {false, due, due});
}

void WorkQueue::forget(const std::string& key) {
  std::scoped_lock lock(mutex_);
  failures_.erase(key);
}

std::pair<std::set<WorkQueue::Place>::iterator, WorkQueue::Instant> WorkQueue::next_locked(Instant now) const {
  Instant soonest = Instant::max();
  for (const auto head : {order_.begin(), order_.lower_bound({true, Instant::min(), {}})}) {
    if (head == order_.end()) continue;
    const Instant due = std::get<Instant>(*head);
    if (due <= now) return {head, due};
    soonest = std::min(soonest, due);
  }
  return {order_.end(), soonest};
}

std::optional<std::string> WorkQueue::get() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Instant now = std::chrono::steady_clock::now();
    const auto [place, due] = next_locked(now);
    if (order_.empty()) {
      changed_.wait(lock);
      continue;
    }
    if (place == order_.end()) {
      changed_.wait_until(lock, due);
      continue;
    }
    std::string key = std::get<std::string>(*place);
    order_.erase(place);
    waiting_.erase(key);
    working_.emplace(key, now);
    metrics_.observe(kWaited, kQueue, seconds(now - due));
    tell_depth_locked();
    // The one that was notified may be busy with this key; another may have to wait for the next.
    if (!order_.empty()) changed_.notify_one();
    return key;
  }
  return std::nullopt;
}

void WorkQueue::done(const std::string& key) {
  std::scoped_lock lock(mutex_);
  if (const auto working = working_.find(key); working != working_.end()) {
    metrics_.observe(kWorked, kQueue, seconds(std::chrono::steady_clock::now() - working->second));
    working_.erase(working);
  }
  const auto it = again_.find(key);
  if (it == again_.end()) return;
  const Plan plan = it->second;
  again_.erase(it);
  plan_locked(key, plan);
}

void WorkQueue::shut_down() {
  std::scoped_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::size_t WorkQueue::size() const {
  std::scoped_lock lock(mutex_);
  return waiting_.size();
}

}  // namespace pgrightsizer::runtime
