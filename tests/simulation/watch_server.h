// The lists and watches of the API server, in virtual time: each collection has a cache that may lag
// behind the storage, and answers come piece by piece, late, cut or not at all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "pgrightsizer/kube/transport.h"
#include "world.h"

namespace pgrightsizer::simulation {

class WatchServer;

// An answer under way.
class Stream {
 public:
  // What has come since the last call.
  [[nodiscard]] std::string read();
  // 200, as far as is known by now.
  [[nodiscard]] bool accepted() const { return accepted_; }
  [[nodiscard]] const std::optional<Result<kube::Response>>& end() const { return end_; }

 private:
  friend class WatchServer;
  // What becomes of it beside what was asked for.
  enum class Fate { Well, Ends, Breaks, FallsSilent };

  Stream(WatchServer& server, std::string collection) : server_(server), collection_(std::move(collection)) {}
  [[nodiscard]] std::string watch();
  [[nodiscard]] std::string events();
  [[nodiscard]] std::string bookmark();
  [[nodiscard]] std::string give_up(const json& status);
  void finish(Result<kube::Response> end) { end_ = std::move(end); }

  WatchServer& server_;
  const std::string collection_;
  bool accepted_ = false;
  std::optional<Result<kube::Response>> end_;
  Fate fate_ = Fate::Well;
  milliseconds fate_at_{0};
  int server_number_ = 0;

  std::string list_;  // the whole answer; empty: it is a watch
  long asked_ = 0;          // the version to begin after
  long told_ = 0;           // versions up to this one
  bool initial_ = false;    // synthetic events come first
  bool announced_ = false;  // … and the bookmark that ends them
  long not_older_ = 0;      // they wait for the cache to have reached this
  bool bookmarks_ = false;
  milliseconds opened_{0};
  milliseconds timeout_{0};
  milliseconds next_bookmark_{0};
};

class WatchServer {
 public:
  explicit WatchServer(World& world) : world_(world) {}

  // A GET of a collection. It must not outlive this.
  [[nodiscard]] std::unique_ptr<Stream> open(const kube::Request& request);

  // Called often while there are faults: caches fall behind, history is forgotten, another server takes
  // over.
  void misbehave();
  // All of that is over, and connections that are silent are found to be dead.
  void behave();

  // As far as the cache of this collection has come.
  [[nodiscard]] long reached(const std::string& collection) const;

  // A server with a defect: one that does not tell that it has forgotten something.
  bool forgets_silently = false;

 private:
  friend class Stream;
  struct Lag {
    long version;
    milliseconds until;
  };
  using Query = std::map<std::string, std::string>;

  void open_watch(Stream& stream, const Query& query);
  void open_list(Stream& stream, const Query& query);
  void page(Stream& stream, long version, const std::string& after, int limit);
  void fate_of(Stream& stream);
  void fall_behind(const std::string& collection, long by, milliseconds time);
  void take_over();

  World& world_;
  std::map<std::string, Lag> lags_;  // by collection
  int number_ = 1;                   // of the server that answers now
  bool initial_events_ = true;       // it has sendInitialEvents
};

// What a query asks for, unescaped.
[[nodiscard]] std::map<std::string, std::string> query_of(std::string_view text);

// The body that goes with an answer other than 2xx.
[[nodiscard]] json status_of(int code, const char* reason, const std::string& message);

}  // namespace pgrightsizer::simulation
