// Keeps a Store in step with one collection of the API server: list, then watch, for ever.
//
// How: a Reflector (state machine without I/O, runtime/reflector.h) says what to do next; the
// informer's one thread does it. Lists are paged and parsed object by object as they come.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::runtime {

struct InformerOptions {
  kube::Resource resource;
  std::string name_space;      // empty: cluster-wide
  std::string label_selector;
  std::chrono::milliseconds idle{90'000};  // a watch silent for longer is dead
  // The collection's kind may not exist yet (a CRD): wait for it quietly, with one warning.
  bool may_be_absent = false;
};

// One object appeared or changed (object) or vanished (nullptr), under this key. Runs on the
// informer's thread, one call at a time.
using OnObject = std::function<void(const std::string& key, const nlohmann::json* object)>;

class Informer {
 public:
  Informer(kube::Transport& transport, Logger& logger, InformerOptions options, OnObject on_object);
  ~Informer();  // stops

  void start();
  void stop();  // returns when the thread has ended
  // A full list has been delivered. Errors since then do not make it false again.
  [[nodiscard]] bool synced() const { return synced_; }
  // The last error, empty while all is well: for conditions and logs.
  [[nodiscard]] std::string trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::atomic<bool> synced_{false};
};

}  // namespace pgrightsizer::runtime
