// Keeps a Store in step with one collection of the API server: list, then watch, for ever.
//
// How: a Reflector (state machine without I/O, runtime/reflector.h) says what to do next; the
// informer's one thread does it. Everything is decoded object by object as it comes, built-in kinds
// from protobuf (kube/wire.h) and custom resources from JSON; nothing is kept but what the receiver
// keeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/reflector.h"

namespace pgrightsizer::runtime {

struct InformerOptions {
  kube::Resource resource;
  std::string name_space;  // empty: cluster-wide
  std::string label_selector;
  std::chrono::milliseconds idle{90'000};  // a watch silent for longer is dead
  // The kind may not exist yet (a CRD): it is asked for every few seconds, and the trouble says
  // what to install.
  bool may_be_absent = false;
  // The manager starts the others of its namespace only when this one has its first picture.
  bool before_others = false;
  ReflectorBackoff backoff{};
};

// One object appeared or changed (object) or vanished (nullptr), under this key. One call at a
// time, on the transport's thread (deletions found by a new list: on the informer's): it must not
// block and must not make requests. The object has apiVersion and kind; one of a built-in kind has
// only the fields that kube/wire.h reads, any other all but its managedFields.
using OnObject = std::function<void(const std::string& key, const nlohmann::json* object)>;

// The keys that the receiver holds of this informer's objects. Asked for when a whole picture
// begins, on the informer's thread: those that are not in the picture have vanished.
using HeldKeys = std::function<std::vector<std::string>()>;

// Life: construct, start(), stop() (or destroy). Everything else from any thread.
class Informer {
 public:
  Informer(kube::Transport& transport, Logger& logger, InformerOptions options, OnObject on_object,
           HeldKeys held_keys);
  ~Informer();  // stops
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  // `on_picture`, if given, is called after each whole picture, on the thread that delivers objects,
  // and must not block either.
  void start(std::function<void()> on_picture = {});
  void stop();          // returns when the thread has ended
  void request_stop();  // does not wait
  // A whole picture has been delivered. Errors since then do not make it false again.
  [[nodiscard]] bool synced() const;
  // Asks for a whole picture once more, for a receiver that now wants objects which it let go by.
  // Several calls within a moment are one. Returns the number of the picture that will do.
  std::uint64_t refresh();
  // The number of the last whole picture; 0: there was none.
  [[nodiscard]] std::uint64_t picture() const;
  // The last error, empty while all is well: for conditions and logs.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] const InformerOptions& options() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgrightsizer::runtime
