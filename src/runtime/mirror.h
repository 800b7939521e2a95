// One list + watch without its I/O: what to ask the API server for, and what the bytes of its answer
// change. No thread, no clock; runtime/informer.h drives it over a Transport, the simulation in
// virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>

#include "list_reader.h"
#include "pgrightsizer/kube/transport.h"
#include "pgrightsizer/runtime/informer.h"
#include "pgrightsizer/runtime/reflector.h"
#include "watch_reader.h"
#include "watch_trouble.h"

namespace pgrightsizer::runtime {

// Life: wait for delay(), begin(), feed() what comes, ended() or abandon(), and so on for ever. Not
// thread-safe but for trouble(); the callbacks run within feed() and ended().
class Mirror {
 public:
  // The logger and the options must outlive it. `random`: 0 ≤ x < 1.
  Mirror(Logger& logger, const InformerOptions& options, std::function<double()> random,
         OnObject on_object, HeldKeys held_keys, std::function<void()> on_picture);

  struct Inquiry {
    kube::Request request;
    std::chrono::milliseconds idle;  // an answer silent for longer is dead
  };

  [[nodiscard]] std::chrono::milliseconds delay() const { return reflector_.next().delay; }
  [[nodiscard]] Inquiry begin();
  // The next piece of the answer, empty for a status of 200. False: it is not readable, and nothing
  // more of it is wanted.
  [[nodiscard]] bool feed(std::string_view piece);
  // How the answer ended, as a Transport tells it, and how long it took.
  void ended(const Result<kube::Response>& end, std::chrono::milliseconds lasted);
  // It was cut by ourselves: that says nothing of the server.
  void abandon() { answer_ = std::monostate(); }
  // A whole picture is wanted, whatever the server still knows.
  void begin_again() { reflector_.begin_again(); }

  // Pictures that were begun; the last of them is the one that on_picture tells of.
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  // The last error, empty while all is well.
  [[nodiscard]] std::string trouble() const { return trouble_.text(); }

 private:
  void begin_picture();
  void complete_picture();
  void deliver(const nlohmann::json& object, bool deleted);
  void event(const std::string& type, const nlohmann::json& object);
  void list_ended(std::optional<Error> error, const ListReader& reader);
  void watch_ended(const std::optional<Error>& error, std::chrono::milliseconds lasted);

  const InformerOptions& options_;
  OnObject on_object_;
  HeldKeys held_keys_;
  std::function<void()> on_picture_;
  WatchTrouble trouble_;
  Reflector reflector_;

  std::variant<std::monostate, ListReader, WatchReader> answer_;  // under way
  std::optional<Error> error_;                                    // found in it

  std::unordered_set<std::string> unconfirmed_;  // held, and not heard of since the picture began
  std::size_t objects_ = 0;                      // heard of since then
  std::uint64_t begun_ = 0;
  bool synced_ = false;  // there has been a whole picture
};

}  // namespace pgrightsizer::runtime
