#include "history.h"

namespace pgrightsizer::controller {

transition::History history_of(const api::Status& status) {
  transition::History history;
  for (const auto& restart : status.restarts)
    history.restarts.push_back({restart.time, restart.from, restart.to, restart.duration});
  if (status.rejected) history.rejected = transition::Rejected{status.rejected->value, status.rejected->reason};
  history.drain_since = status.drain_since;
  history.turned_back_since = status.turned_back_since;
  history.retry_at = status.retry_at;
  return history;
}

void set_history(api::Status& status, const transition::History& history) {
  status.restarts.clear();
  for (const auto& restart : history.restarts)
    status.restarts.push_back({restart.time, restart.from, restart.to, restart.duration});
  status.drain_since = history.drain_since;
  status.turned_back_since = history.turned_back_since;
  status.retry_at = history.retry_at;
}

}  // namespace pgrightsizer::controller
