#include "effects.h"

#include <algorithm>

namespace pgrightsizer::simulation {

namespace {

Error error(ErrorKind kind, const char* what) { return {kind, what, {}, {}, std::nullopt}; }

bool chance(World& world) { return world.faults.on && world.dice.one_in(world.faults.one_in); }

void die(World& world, const char* when) {
  ++world.fault_counts[std::string("operator killed ") + when];
  throw Crash{};
}

}  // namespace

std::optional<Error> maybe_fail(World& world, const char* what) {
  if (!chance(world) || !world.dice.one_in(3)) return std::nullopt;
  ++world.fault_counts[what];
  return error(ErrorKind::Unavailable, "the connection was lost");
}

std::optional<Error> with_faults(World& world, const char* what, const std::function<void()>& effect) {
  const int fault = chance(world) ? world.dice.between(1, 4) : 0;
  if (fault == 1 && world.crashes_allowed) die(world, "before an effect");
  if (fault == 2) {
    ++world.fault_counts[std::string("lost: ") + what];
    return error(ErrorKind::Unavailable, "the connection was lost");
  }
  effect();
  if (fault == 3 && world.crashes_allowed) die(world, "after an effect");
  if (fault == 4) {
    ++world.fault_counts[std::string("answer lost: ") + what];
    return error(ErrorKind::Timeout, "no answer in time");
  }
  return std::nullopt;
}

Charge::Charge(World& world, std::string what)
    : world_(world),
      what_(std::move(what)),
      up_(world.db.state == Server::Up),
      before_(std::max(0, world.excess(world.db.effective))),
      requested_(world.requested()),
      deleting_(world.db.deleting) {}

Charge::~Charge() {
  if (!up_) return;
  const int after = world_.excess(world_.db.effective);
  if (after > before_)
    world_.violate("the excess rises from " + std::to_string(before_) + " to " + std::to_string(after) + " by " + what_);
  const int requested = world_.requested();
  const bool lowered = requested < requested_ && requested < world_.db.effective;
  const bool begun = world_.db.deleting && !deleting_;
  if (lowered || (begun && requested < world_.db.effective)) {
    const int then = world_.excess(requested);
    if (then > before_) world_.violate("a server of " + std::to_string(requested) + " cuts off " + std::to_string(then) + " by " + what_);
  }
  if (!begun || !world_.pooled_route()) return;
  for (const auto& pod : world_.poolers)
    if (pod.ready && !pod.terminating && pod.clients > 0 && !pod.paused)
      world_.violate("PostgreSQL is restarted under clients that are not paused");
}

}  // namespace pgrightsizer::simulation
