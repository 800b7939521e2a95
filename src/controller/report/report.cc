#include "report.h"

#include "conditions.h"

namespace pgrightsizer::controller {

namespace {

// What is worth a write by itself: everything but gauges and the figures inside sentences.
api::Status essence(api::Status status) {
  for (auto& condition : status.conditions) {
    condition.message.clear();
    condition.last_transition_time.clear();
  }
  if (status.current) {
    status.current->used = status.current->used_percent = 0;
    status.current->direct = status.current->pooled = 0;
  }
  if (status.pooler) status.pooler->clients = status.pooler->waiting = status.pooler->wait_milliseconds = 0;
  if (status.errors) status.errors = api::ErrorsStatus{status.errors->source, status.errors->message};
  if (status.step) status.step->message.clear();
  return status;
}

}  // namespace

Result<void> report(const Turn& turn, const transition::Step& step, const api::Status& status) {
  const auto& written = turn.memory.status;
  const bool first = !written || written->conditions.empty();
  const bool moved = first || !api::status_patch(essence(*written), essence(status)).empty();
  const auto patience = at_rest(step) ? turn.sight.options.gauges : std::chrono::milliseconds(5000);
  const bool due = turn.sight.clock.steady() - turn.memory.status_written >= patience;
  if (!moved && !due) return {};
  return write_status(turn, status);
}

}  // namespace pgrightsizer::controller
