// A database that does what it is told: restarts take no time, poolers are ready at once, clients
// follow the route in the same moment.
#pragma once

#include <optional>
#include <vector>

#include "pgrightsizer/replay/replay.h"

namespace pgrightsizer::replay {

class World {
 public:
  World(const Policy& policy, Time start, Count max_connections);

  // How many connections the applications want.
  void demand(Count connections) { demand_ = connections; }
  [[nodiscard]] transition::Observation observe() const;
  // Records restarts and moves in the report.
  void execute(const transition::Step& step, Time now, Report& report);

  [[nodiscard]] const transition::History& history() const { return history_; }
  void settle(Time now);
  [[nodiscard]] Count effective() const { return effective_; }
  [[nodiscard]] Count usable() const;
  [[nodiscard]] sizing::Route route() const { return route_; }
  [[nodiscard]] Count pool_size() const { return pooler_ ? pooler_->pool_size : 0; }

 private:
  void restart(const transition::Step& step, Time now, Report& report);
  void apply_pooler(const transition::Step& step);
  void move(sizing::Route route, Time now, Report& report);

  const Policy& policy_;
  Count demand_ = 0;
  Count effective_;
  Count requested_;
  Time postmaster_start_;
  sizing::Route route_ = sizing::Route::Direct;
  std::optional<transition::Pooler> pooler_;
  std::vector<transition::PoolerPod> pods_;
  bool paused_ = false;
  transition::History history_;
};

}  // namespace pgrightsizer::replay
