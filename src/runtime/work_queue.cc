#include "pgrightsizer/runtime/work_queue.h"

#include <algorithm>
#include <cmath>

namespace pgrightsizer::runtime {

using std::chrono::milliseconds;

void WorkQueue::add(const std::string& key) { add_after(key, milliseconds(0)); }

void WorkQueue::add_after(const std::string& key, milliseconds delay) {
  std::scoped_lock lock(mutex_);
  plan_locked(key, std::chrono::steady_clock::now() + delay);
}

void WorkQueue::plan_locked(const std::string& key, Instant due) {
  if (stopping_) return;
  if (working_.contains(key)) {
    const auto [it, fresh] = again_.try_emplace(key, due);
    if (!fresh) it->second = std::min(it->second, due);
    return;
  }
  const auto [it, fresh] = due_.try_emplace(key, due);
  if (!fresh) {
    if (it->second <= due) return;
    order_.erase({it->second, key});
    it->second = due;
  }
  order_.emplace(due, key);
  changed_.notify_one();
}

void WorkQueue::add_backed_off(const std::string& key) {
  std::scoped_lock lock(mutex_);
  const int failures = failures_[key]++;
  const double base = std::min(
      static_cast<double>(backoff_.first.count()) * std::ldexp(1.0, std::min(failures, 30)),
      static_cast<double>(backoff_.limit.count()));
  std::uniform_real_distribution<double> jitter(1.0, 1.2);
  const milliseconds delay(std::llround(base * jitter(random_)));
  plan_locked(key, std::chrono::steady_clock::now() + delay);
}

void WorkQueue::forget(const std::string& key) {
  std::scoped_lock lock(mutex_);
  failures_.erase(key);
}

std::optional<std::string> WorkQueue::get() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (order_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto [due, key] = *order_.begin();
    if (due > std::chrono::steady_clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    order_.erase(order_.begin());
    due_.erase(key);
    working_.insert(key);
    // The one that was notified may be busy with this key; another may have to wait for the next.
    if (!order_.empty()) changed_.notify_one();
    return key;
  }
  return std::nullopt;
}

void WorkQueue::done(const std::string& key) {
  std::scoped_lock lock(mutex_);
  working_.erase(key);
  const auto it = again_.find(key);
  if (it == again_.end()) return;
  const Instant due = it->second;
  again_.erase(it);
  plan_locked(key, due);
}

void WorkQueue::shut_down() {
  std::scoped_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::size_t WorkQueue::size() const {
  std::scoped_lock lock(mutex_);
  return due_.size();
}

}  // namespace pgrightsizer::runtime
