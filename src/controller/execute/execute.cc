#include "execute.h"

#include "pooler.h"
#include "restart.h"
#include "role.h"
#include "standbys.h"
#include "traffic.h"

namespace pgrightsizer::controller {

namespace {

using transition::Route;
using transition::Step;
using transition::StepKind;

Result<void> patch(const Turn& turn, const Step& step) {
  if (turn.facts.seen.foreign_change_since) turn.memory.request.put_back = turn.sight.clock.now();
  if (auto done = request_value(turn, step.value); !done) return done;
  tell(turn, kMaxConnectionsPatched, "Patch",
       "max_connections " + std::to_string(step.old_value) + " → " + std::to_string(step.value) +
           ": " + step.reason);
  return {};
}

}  // namespace

Result<void> execute(const Turn& turn, const Step& step, api::Status& status) {
  switch (step.kind) {
    case StepKind::None:
    case StepKind::Wait: return {};
    case StepKind::PatchMaxConnections: return patch(turn, step);
    case StepKind::FreezePooler: return hold_rollouts(turn, true);
    case StepKind::ThawPooler: return hold_rollouts(turn, false);
    case StepKind::Checkpoint: return begin_checkpoint(turn);
    case StepKind::EndTransactions: return end_transactions(turn);
    case StepKind::Pause: return pause(turn);
    case StepKind::Resume: return resume(turn);
    case StepKind::Restart: return restart(turn, step, status);
    case StepKind::RestoreMaxConnections: return restore(turn, step, status);
    case StepKind::ApplyPooler: return apply_pooler(turn, step);
    case StepKind::SetCap: return set_cap(turn, step);
    case StepKind::Reconnect: return reconnect(turn, step);
    case StepKind::SetRoleLimit: return set_role_limit(turn, step, status);
    case StepKind::SwitchToPooler: return switch_to(turn, step, Route::Pooler, status);
    case StepKind::SwitchToDirect:
    case StepKind::TurnBack: return switch_to(turn, step, Route::Direct, status);
    case StepKind::DrainDirect: return drain_direct(turn, step, status);
    case StepKind::DrainPooled: return drain_pooled(turn);
    case StepKind::RemovePooler: return remove_pooler(turn, step);
    case StepKind::PinStandby: return pin_standby(turn, step);
    case StepKind::RestartStandby: return restart_standby(turn, step);
    case StepKind::CheckpointStandby: return checkpoint_standby(turn, step);
    case StepKind::WriteFile: return write_file(turn, step);
    case StepKind::ResetInstance: return reset_instance(turn, step);
  }
  return fail(ErrorKind::Internal, "unknown step");
}

}  // namespace pgrightsizer::controller
