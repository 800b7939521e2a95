// What to ask the API server next so that a copy of one collection stays right: the rules of
// list + watch, without any I/O, clock or thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "pgrightsizer/base/error.h"

namespace pgrightsizer::runtime {

struct ReflectorBackoff {
  std::chrono::milliseconds first{800};
  // A server that has not reached our version for twice as long never will.
  std::chrono::milliseconds limit{30'000};
};

struct ReflectorOptions {
  std::string path;            // of the collection
  std::string label_selector;  // empty: all
  int page_size = 500;
  std::chrono::seconds watch{300};  // asked of the server, with jitter
  ReflectorBackoff backoff;
  // While the kind does not exist: soon enough after somebody has installed it.
  std::chrono::milliseconds absent_limit{5'000};
  std::function<double()> random;  // 0 ≤ x < 1; required
};

// Life: call next(), wait for its delay, do what it says, report how that went, and so on for ever.
// A list is reported by page_done() or list_failed(); a watch by watch_begun() when the server agrees, by
// changed() and bookmark() for what it brings, and then by watch_ended(). Not thread-safe; belongs to one informer.
//
// The first picture is a consistent one (no resourceVersion), so a restart never sees an older state
// than before. It comes as the beginning of a watch (sendInitialEvents), and from a server that has
// not got that, as a list in pages. Then it watches from the last version seen whenever the stream
// ends, for whatever reason; it asks for a whole picture again only when the server no longer knows
// that version (410), says that the request makes no sense, keeps failing, or has not reached that
// version for a minute.
class Reflector {
 public:
  struct Action {
    enum class Kind { List, Watch };
    Kind kind = Kind::List;
    std::string path;  // with query
    std::chrono::milliseconds delay{0};
    // A whole picture begins: what is not heard of before it is complete has vanished.
    bool begins = false;
    // Initial events are on their way: silence means more than later.
    bool beginning = false;
  };

  explicit Reflector(ReflectorOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Action next() const;

  // One page has come completely. True: it was the last, the picture is complete.
  [[nodiscard]] bool page_done(const std::string& resource_version,
                               const std::string& continue_token);
  void list_failed(const Error& error);

  // The server has said yes.
  void watch_begun() { begun_ = true; }
  // An object came or went.
  void changed(const std::string& resource_version);
  // True: it ends the initial events of this watch, the picture is complete.
  [[nodiscard]] bool bookmark(const std::string& resource_version, bool ends_initial_events);
  // `error` is empty for a clean end; an ERROR event counts as the error of its stream.
  void watch_ended(const std::optional<Error>& error, std::chrono::milliseconds lasted);

  // A whole picture is wanted, whatever the server still knows.
  void begin_again();
  // There has been a complete picture.
  [[nodiscard]] bool synced() const { return synced_; }

 private:
  // Beginning: a watch that has not told everything yet. Listing: pages instead.
  enum class State { Beginning, Listing, Watching };

  void beginning_ended(const std::optional<Error>& error, std::chrono::milliseconds lasted);
  void watching_ended(const std::optional<Error>& error, std::chrono::milliseconds lasted);
  void complete(const std::string& resource_version);
  void back_off(const Error* error);
  [[nodiscard]] bool calls_for_a_list(const Error& error, std::chrono::milliseconds lasted);
  // With a server that was behind once more.
  [[nodiscard]] bool out_of_patience(std::chrono::milliseconds lasted);

  ReflectorOptions options_;
  State state_ = State::Beginning;
  bool initial_events_ = true;  // the server has sendInitialEvents, as far as we know
  std::string resource_version_;
  std::string continue_token_;
  std::chrono::milliseconds delay_{0};
  std::chrono::milliseconds behind_{0};  // for how long the server has been; until anything comes
  int failures_ = 0;    // in a row, since the last progress
  int unfinished_ = 0;  // watches in a row that ended before their initial events did
  bool begun_ = false;  // the present watch
  bool moved_ = false;  // it has brought something
  bool synced_ = false;
};

}  // namespace pgrightsizer::runtime
