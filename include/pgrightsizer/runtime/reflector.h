// What to ask the API server next so that a copy of one collection stays right: the rules of
// list + watch, without any I/O, clock or thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pgrightsizer/base/error.h"

namespace pgrightsizer::runtime {

struct ReflectorOptions {
  std::string path;            // of the collection
  std::string label_selector;  // empty: all
  int page_size = 500;
  std::chrono::seconds watch{300};  // asked of the server, with jitter
  std::chrono::milliseconds backoff_first{800};
  std::chrono::milliseconds backoff_limit{30'000};
  // While the kind does not exist: soon enough after somebody has installed it.
  std::chrono::milliseconds absent_limit{5'000};
  std::function<double()> random;  // 0 ≤ x < 1; required
};

// Life: call next(), wait for its delay, do what it says, report how that went, and so on for ever.
// A list is reported by listed() for each object and then page_done() or list_failed(); a watch by
// watched() and bookmark(), and then watch_ended(). Not thread-safe; belongs to one informer.
//
// It starts with a consistent list (no resourceVersion), so a restart never sees an older state
// than before, and pages it. Then it watches from the list's resourceVersion, and again from the
// last one seen whenever the stream ends, for whatever reason; it lists again only when the server
// no longer knows that version (410), says that the request makes no sense, or keeps failing.
class Reflector {
 public:
  struct Action {
    enum class Kind { List, Watch };
    Kind kind = Kind::List;
    std::string path;  // with query
    std::chrono::milliseconds delay{0};
  };

  explicit Reflector(ReflectorOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Action next() const;

  void listed(const std::string& key) { known_[key] = epoch_; }
  // One page has come completely. After the last one: the keys that have vanished meanwhile.
  [[nodiscard]] std::vector<std::string> page_done(const std::string& resource_version,
                                                   const std::string& continue_token);
  void list_failed(const Error& error);

  void watched(const std::string& key, bool deleted, const std::string& resource_version);
  void bookmark(const std::string& resource_version);
  // `error` is empty for a clean end; an ERROR event counts as the error of its stream.
  void watch_ended(const std::optional<Error>& error, std::chrono::milliseconds lasted);

  // A full list has been delivered.
  [[nodiscard]] bool synced() const { return synced_; }
  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  enum class State { Listing, Watching };

  void restart_list();
  void back_off(const Error* error);
  void progress(const std::string& resource_version);
  [[nodiscard]] bool calls_for_a_list(const Error& error) const;

  ReflectorOptions options_;
  State state_ = State::Listing;
  std::string resource_version_;
  std::string continue_token_;
  std::chrono::milliseconds delay_{0};
  int failures_ = 0;    // in a row, since the last progress
  bool moved_ = false;  // the present watch has brought something
  bool synced_ = false;
  // Keys that were delivered, with the list that confirmed them last: those of older lists are
  // gone.
  std::uint32_t epoch_ = 0;
  std::unordered_map<std::string, std::uint32_t> known_;
};

}  // namespace pgrightsizer::runtime
