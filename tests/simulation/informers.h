// The operator's informers in virtual time: the runtime's own Mirror for each kind, with the simulated
// API server at the other end.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pgrightsizer/controller/stores.h"
#include "runtime/mirror.h"
#include "watch_server.h"

namespace pgrightsizer::simulation {

// What an informer could do wrong.
struct InformerFlaws {
  bool begins_in_the_past = false;  // the first picture may be any that the server has
  bool keeps_the_vanished = false;  // a new picture does not say what has gone
};

// What operators have seen so far, one process after the other: nobody may be shown it again as it was
// before.
struct Seen {
  struct Last {
    long version = 0;
    int process = 0;
  };
  std::map<std::string, Last> objects;  // by kind and key
  int processes = 0;
};

// Those of one process; call turn() as time passes.
class Informers {
 public:
  Informers(World& world, WatchServer& server, controller::Stores& stores, Seen& seen, const InformerFlaws& flaws);

  void turn();
  // Each has had a whole picture.
  [[nodiscard]] bool synced() const;
  // Each has a watch under way.
  [[nodiscard]] bool watching() const;
  // Which store is not as the API server is, and how; empty: none.
  [[nodiscard]] std::string difference() const;

 private:
  struct Informer {
    explicit Informer(std::string kind) : kind(std::move(kind)) {}
    const std::string kind;
    runtime::InformerOptions options;
    std::unique_ptr<runtime::Mirror> mirror;
    bool synced = false;
    std::unique_ptr<Stream> stream;  // under way
    milliseconds begun{0};
    milliseconds heard{0};  // the last piece
    milliseconds idle{0};
    milliseconds next{0};  // without a stream: when one is opened
    std::function<std::map<std::string, std::string>()> held;  // versions in the store, by key
  };

  template <typename T, typename Decode>
  void add(const kube::Resource& resource, runtime::Store<T>& store, Decode decode);
  void open(Informer& informer);
  void listen(Informer& informer);
  void check(const std::string& what, const json& object, bool held);
  // For the world: how many instances the operator can know of.
  void tell_instances();

  World& world_;
  WatchServer& server_;
  controller::Stores& stores_;
  Seen& seen_;
  const int process_;
  const InformerFlaws& flaws_;
  NullLogger silent_;
  bool changed_ = false;
  std::vector<std::unique_ptr<Informer>> informers_;
};

}  // namespace pgrightsizer::simulation
