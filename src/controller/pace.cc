#include "pace.h"

#include <algorithm>

namespace pgrightsizer::controller {

namespace {

using std::chrono::milliseconds;
using transition::Step;
using transition::StepKind;
using transition::Topic;

milliseconds while_waiting(Topic topic, const Pace& pace) {
  switch (topic) {
    case Topic::Database:
    case Topic::Paused:
    case Topic::Checkpoint: return pace.transition / 4;
    case Topic::PauseHeldUp:
    case Topic::PoolerStarting:
    case Topic::PoolerReplacing:
    case Topic::PooledLogin:
    case Topic::Readiness:
    case Topic::RouteSettling:
    case Topic::DirectDraining:
    case Topic::PooledDraining:
    case Topic::CapsShrinking:
    case Topic::NoRoom:
    case Topic::Standby:
    case Topic::StandbyFailed:
    case Topic::ReplicationBroken: return pace.transition;
    default: return pace.rest;
  }
}

}  // namespace

milliseconds until_next(const Step& step, const Pace& pace, WallTime now) {
  switch (step.kind) {
    case StepKind::DrainDirect:
    case StepKind::DrainPooled:
    case StepKind::Reconnect:
    case StepKind::CheckpointStandby: return pace.transition;
    case StepKind::None:
    case StepKind::Wait: break;
    default: return pace.transition / 20;  // at once
  }
  milliseconds pause = while_waiting(step.topic, pace);
  // The step may speak of a restart that waits; the sessions that leave meanwhile make room now.
  if (pace.moving) pause = std::min(pause, pace.transition);
  if (pace.stabilizing.count() > 0) pause = std::min<milliseconds>(pause, pace.stabilizing);
  if (step.deadline && *step.deadline > now)
    pause = std::min(pause, std::chrono::ceil<milliseconds>(*step.deadline - now) + milliseconds(10));
  return std::max(pause, milliseconds(20));
}

}  // namespace pgrightsizer::controller
