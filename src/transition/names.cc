#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::transition {

const char* to_string(StepKind kind) {
  switch (kind) {
    case StepKind::None:
      return "None";
    case StepKind::Wait:
      return "Wait";
    case StepKind::PatchMaxConnections:
      return "PatchMaxConnections";
    case StepKind::Restart:
      return "Restart";
    case StepKind::FreezePooler:
      return "FreezePooler";
    case StepKind::ThawPooler:
      return "ThawPooler";
    case StepKind::Checkpoint:
      return "Checkpoint";
    case StepKind::EndTransactions:
      return "EndTransactions";
    case StepKind::Pause:
      return "Pause";
    case StepKind::Resume:
      return "Resume";
    case StepKind::RestoreMaxConnections:
      return "RestoreMaxConnections";
    case StepKind::ApplyPooler:
      return "ApplyPooler";
    case StepKind::SetCap:
      return "SetCap";
    case StepKind::Reconnect:
      return "Reconnect";
    case StepKind::SetRoleLimit:
      return "SetRoleLimit";
    case StepKind::SwitchToPooler:
      return "SwitchToPooler";
    case StepKind::SwitchToDirect:
      return "SwitchToDirect";
    case StepKind::TurnBack:
      return "TurnBack";
    case StepKind::DrainDirect:
      return "DrainDirect";
    case StepKind::DrainPooled:
      return "DrainPooled";
    case StepKind::RemovePooler:
      return "RemovePooler";
    case StepKind::PinStandby:
      return "PinStandby";
    case StepKind::RestartStandby:
      return "RestartStandby";
    case StepKind::CheckpointStandby:
      return "CheckpointStandby";
    case StepKind::WriteFile:
      return "WriteFile";
    case StepKind::ResetInstance:
      return "ResetInstance";
  }
  return "Unknown";
}

const char* to_string(Topic topic) {
  switch (topic) {
    case Topic::None:
      return "None";
    case Topic::Hold:
      return "Hold";
    case Topic::Database:
      return "Database";
    case Topic::RestartPending:
      return "RestartPending";
    case Topic::RestartRejected:
      return "RestartRejected";
    case Topic::RestartUnsafe:
      return "RestartUnsafe";
    case Topic::Checkpoint:
      return "Checkpoint";
    case Topic::PauseHeldUp:
      return "PauseHeldUp";
    case Topic::Paused:
      return "Paused";
    case Topic::PoolerStarting:
      return "PoolerStarting";
    case Topic::PoolerReplacing:
      return "PoolerReplacing";
    case Topic::PooledLogin:
      return "PooledLogin";
    case Topic::RetryLater:
      return "RetryLater";
    case Topic::NeedsTls:
      return "NeedsTls";
    case Topic::Readiness:
      return "Readiness";
    case Topic::RouteSettling:
      return "RouteSettling";
    case Topic::DirectDraining:
      return "DirectDraining";
    case Topic::PooledDraining:
      return "PooledDraining";
    case Topic::CapsShrinking:
      return "CapsShrinking";
    case Topic::NoRoom:
      return "NoRoom";
    case Topic::Stabilizing:
      return "Stabilizing";
    case Topic::ForeignChange:
      return "ForeignChange";
    case Topic::RoleLimit:
      return "RoleLimit";
    case Topic::Overridden:
      return "Overridden";
    case Topic::Standby:
      return "Standby";
    case Topic::StandbyFailed:
      return "StandbyFailed";
    case Topic::ReplicationBroken:
      return "ReplicationBroken";
  }
  return "Unknown";
}

}  // namespace pgrightsizer::transition
