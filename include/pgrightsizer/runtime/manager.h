// Starts, watches over and stops everything that runs: informers first, then workers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/metrics.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/informer.h"
#include "pgrightsizer/runtime/work_queue.h"

namespace pgrightsizer::runtime {

struct ReconcileResult {
  std::optional<std::chrono::milliseconds> requeue_after;  // after a success: look again then
  bool failed = false;  // look again with back-off, whatever requeue_after says
};

struct ManagerOptions {
  int workers = 2;
  // Informers that are not synced are named in the log, at first so often, later less and less.
  std::chrono::milliseconds report_every{10'000};
  // Kinds that cannot be listed for longer do not keep the workers from starting any more.
  std::chrono::milliseconds patience{10'000};
  // The workers wait for lead(), too: until then the stores are kept warm.
  bool wait_for_lead = false;
};

// Pictures that were asked for, of one kind or several.
class Refresh {
 public:
  // Kinds whose picture is not there yet, or why it does not come; comma-separated. Empty: all are.
  [[nodiscard]] std::string missing() const;

 private:
  friend class Manager;
  std::vector<std::pair<const Informer*, std::uint64_t>> wanted_;
};

// The state of one informer, for conditions and probes.
struct InformerState {
  std::string kind;
  std::string name_space;  // empty: cluster-wide
  bool synced = false;
  std::string trouble;  // with the remedy; empty while all is well
};

// Life: construct, add() each informer, start() once, stop() once (the destructor stops, too).
// add() and start() from one thread; the rest from any.
//
// The informers that say `before_others` start first, the others of a namespace when its own first
// ones have a picture: one that is forbidden or gone holds up no other. The workers start when every
// informer has its first picture, or when `patience` is over: then a store may be empty although the
// cluster is not, and the reconcile function must look at trouble() before it takes absence for a fact.
class Manager {
 public:
  using Reconcile = std::function<ReconcileResult(const std::string& key)>;
  using OnPicture = std::function<void(const std::string& kind)>;

  Manager(kube::Transport& transport, Logger& logger, WorkQueue& queue, Reconcile reconcile,
          ManagerOptions options = {}, Metrics& metrics = no_metrics());
  ~Manager();

  void add(InformerOptions options, OnObject on_object, HeldKeys held_keys);
  // Returns at once. `on_picture` is called after each whole picture of a kind: the moment to put
  // the keys on the queue that waited for it. It must not block.
  void start(OnPicture on_picture = {});
  // Asks for whole pictures of what is watched in this namespace, but for the kinds that come before
  // the others. Must not be called before start(). Does not block.
  [[nodiscard]] Refresh refresh(const std::string& name_space);
  // Why not all that is watched in this namespace has been listed yet; empty: it has.
  [[nodiscard]] std::string trouble(const std::string& name_space) const;
  // Once: this process works from now on.
  void lead();
  // Ends the queue, waits for the reconciles under way, then ends the informers.
  void stop();

  [[nodiscard]] bool synced() const;                         // all
  [[nodiscard]] bool synced(const std::string& kind) const;  // false for a kind never added
  [[nodiscard]] std::vector<InformerState> informers() const;

 private:
  void start_informer(Informer& informer);
  void start_others(const std::string& name_space);
  void picture_of(const Informer& informer);
  void supervise(const std::stop_token& stop);
  void report() const;
  void start_workers();
  void start_workers_locked();
  void work();
  void measure(const ReconcileResult& result, std::chrono::steady_clock::duration took);
  [[nodiscard]] ReconcileResult reconcile(const std::string& key);

  kube::Transport& transport_;
  Logger& logger_;
  WorkQueue& queue_;
  Reconcile reconcile_;
  ManagerOptions options_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<Informer>> informers_;  // unchanged after start()

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  OnPicture on_picture_;
  std::set<std::string> others_started_;  // in these namespaces
  std::vector<std::thread> workers_;
  bool stopping_ = false;
  bool ready_ = false;  // in sync, or out of patience
  bool leading_;
  std::jthread supervisor_;  // until everything is synced
};

}  // namespace pgrightsizer::runtime
