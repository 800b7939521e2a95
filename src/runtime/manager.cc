#include "pgrightsizer/runtime/manager.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace pgrightsizer::runtime {
namespace {

constexpr std::chrono::milliseconds kMaxReportEvery = std::chrono::minutes(5);

// Named as controller-runtime names them, so that dashboards of controllers show them.
constexpr Metric kReconciles{MetricKind::Counter, "controller_runtime_reconcile_total",
                             "Reconciles, by how they ended: success, requeue_after, error."};
constexpr Metric kErrors{MetricKind::Counter, "controller_runtime_reconcile_errors_total",
                         "Reconciles that failed."};
constexpr Metric kTime{MetricKind::Histogram, "controller_runtime_reconcile_time_seconds",
                       "How long a reconcile took."};
constexpr Metric kWorkers{MetricKind::Gauge, "controller_runtime_max_concurrent_reconciles",
                          "Policies that can be reconciled at the same time."};

constexpr const char* kController = "connectionpolicy";

bool sees(const Informer& informer, const std::string& name_space) {
  const auto& own = informer.options().name_space;
  return own.empty() || own == name_space;
}

}  // namespace

Manager::Manager(kube::Transport& transport, Logger& logger, WorkQueue& queue, Reconcile reconcile,
                 ManagerOptions options, Metrics& metrics)
    : transport_(transport),
      logger_(logger),
      queue_(queue),
      reconcile_(std::move(reconcile)),
      options_(options),
      metrics_(metrics),
      leading_(!options.wait_for_lead) {}

Manager::~Manager() { stop(); }

void Manager::add(InformerOptions options, OnObject on_object, HeldKeys held_keys) {
  informers_.push_back(std::make_unique<Informer>(transport_, logger_, std::move(options),
                                                  std::move(on_object), std::move(held_keys)));
}

void Manager::start(OnPicture on_picture) {
  on_picture_ = std::move(on_picture);
  {
    std::scoped_lock lock(mutex_);
    for (const auto& one : informers_)
      if (one->options().before_others) start_informer(*one);
    for (const auto& one : informers_) start_others(one->options().name_space);
  }
  supervisor_ = std::jthread([this](const std::stop_token& stop) { supervise(stop); });
}

void Manager::start_informer(Informer& informer) {
  informer.start([this, &informer] { picture_of(informer); });
}

// Of this namespace, or of the whole cluster for "", once, when nothing there comes before them any more.
void Manager::start_others(const std::string& name_space) {
  const auto comes_before = [&](const auto& one) {
    return one->options().name_space == name_space && one->options().before_others && !one->synced();
  };
  if (stopping_ || std::any_of(informers_.begin(), informers_.end(), comes_before)) return;
  if (!others_started_.insert(name_space).second) return;
  for (const auto& one : informers_)
    if (one->options().name_space == name_space && !one->options().before_others) start_informer(*one);
}

void Manager::picture_of(const Informer& informer) {
  if (on_picture_) on_picture_(informer.options().resource.kind);
  std::scoped_lock lock(mutex_);
  start_others(informer.options().name_space);
  changed_.notify_all();
}

Refresh Manager::refresh(const std::string& name_space) {
  Refresh out;
  for (const auto& informer : informers_) {
    if (informer->options().before_others || !sees(*informer, name_space)) continue;
    out.wanted_.emplace_back(informer.get(), informer->refresh());
  }
  return out;
}

std::string Refresh::missing() const {
  std::string out;
  for (const auto& [informer, picture] : wanted_) {
    if (informer->picture() >= picture) continue;
    const auto trouble = informer->trouble();
    out += (out.empty() ? "" : ", ") + (trouble.empty() ? informer->options().resource.kind : trouble);
  }
  return out;
}

// A kind that was never listed is not known to be absent; one whose watch fails now is only late.
std::string Manager::trouble(const std::string& name_space) const {
  for (const auto& informer : informers_) {
    if (informer->synced() || !sees(*informer, name_space)) continue;
    const auto why = informer->trouble();
    return why.empty() ? informer->options().resource.kind + ": not listed yet" : why;
  }
  return {};
}

// Starts the workers when it is time, and says what is missing until nothing is.
void Manager::supervise(const std::stop_token& stop) {
  const auto all = [this] { return synced(); };
  const auto begin = std::chrono::steady_clock::now();
  const auto patience_ends = begin + options_.patience;
  auto report_every = options_.report_every;
  auto next_report = begin + report_every;
  bool working = false;
  std::unique_lock lock(mutex_);
  while (!all()) {
    const auto until = working ? next_report : std::min(next_report, patience_ends);
    changed_.wait_until(lock, stop, until, all);
    if (stop.stop_requested()) return;
    const auto now = std::chrono::steady_clock::now();
    lock.unlock();
    if (now >= next_report && !all()) {
      report();
      report_every = std::min(report_every * 2, kMaxReportEvery);
      next_report = now + report_every;
    }
    if (now >= patience_ends && !std::exchange(working, true)) start_workers();
    lock.lock();
  }
  lock.unlock();
  if (!working) start_workers();
  logger_.info("every kind is in sync");
}

void Manager::report() const {
  for (const auto& state : informers()) {
    if (state.synced) continue;
    const auto where = state.name_space.empty() ? "" : " in namespace " + state.name_space;
    logger_.warning("waiting for the first list of " + state.kind + where,
                    {{"trouble", state.trouble.empty() ? "no answer yet" : state.trouble}});
  }
}

void Manager::lead() {
  std::scoped_lock lock(mutex_);
  leading_ = true;
  start_workers_locked();
}

void Manager::start_workers() {
  std::scoped_lock lock(mutex_);
  ready_ = true;
  start_workers_locked();
}

void Manager::start_workers_locked() {
  if (stopping_ || !ready_ || !leading_ || !workers_.empty()) return;
  metrics_.set(kWorkers, {{"controller", kController}}, options_.workers);
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
}

void Manager::work() {
  while (true) {
    const auto key = queue_.get();
    if (!key) return;
    const auto begin = std::chrono::steady_clock::now();
    const ReconcileResult result = reconcile(*key);
    measure(result, std::chrono::steady_clock::now() - begin);
    const auto requeue_after = result.requeue_after;
    if (result.failed) {
      queue_.add_backed_off(*key);
    } else {
      queue_.forget(*key);
      if (requeue_after) queue_.add_after(*key, *requeue_after);
    }
    queue_.done(*key);
  }
}

void Manager::measure(const ReconcileResult& result, std::chrono::steady_clock::duration took) {
  const char* ended = result.failed ? "error" : result.requeue_after ? "requeue_after" : "success";
  metrics_.add(kReconciles, {{"controller", kController}, {"result", ended}}, 1);
  if (result.failed) metrics_.add(kErrors, {{"controller", kController}}, 1);
  metrics_.observe(kTime, {{"controller", kController}}, std::chrono::duration<double>(took).count());
}

ReconcileResult Manager::reconcile(const std::string& key) {
  try {
    return reconcile_(key);
  } catch (const std::exception& error) {
    logger_.error("a reconcile has thrown; this is a defect, please report it",
                  {{"key", key}, {"what", error.what()}});
  }
  return {std::nullopt, true};
}

void Manager::stop() {
  {
    std::scoped_lock lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  queue_.shut_down();
  if (supervisor_.joinable()) {
    supervisor_.request_stop();
    supervisor_.join();
  }
  for (auto& worker : workers_) worker.join();
  for (const auto& informer : informers_) informer->request_stop();
  for (const auto& informer : informers_) informer->stop();
}

bool Manager::synced() const {
  return std::all_of(informers_.begin(), informers_.end(),
                     [](const auto& informer) { return informer->synced(); });
}

bool Manager::synced(const std::string& kind) const {
  bool found = false;
  for (const auto& informer : informers_) {
    if (informer->options().resource.kind != kind) continue;
    if (!informer->synced()) return false;
    found = true;
  }
  return found;
}

std::vector<InformerState> Manager::informers() const {
  std::vector<InformerState> out;
  out.reserve(informers_.size());
  for (const auto& informer : informers_) {
    const auto& options = informer->options();
    out.push_back({options.resource.kind, options.name_space, informer->synced(), informer->trouble()});
  }
  return out;
}

}  // namespace pgrightsizer::runtime
