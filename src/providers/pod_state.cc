#include "pod_state.h"

#include <algorithm>

#include "start_log.h"

namespace pgrightsizer::providers {
namespace {

// A log this long is not of a start that failed: PostgreSQL says why in a few lines.
constexpr long kLogLines = 200;

std::string describe_exit(const kube::Pod& pod) {
  std::string text =
      "container " + pod.first_container + " exits with code " + std::to_string(pod.exit_code);
  if (!pod.terminated_reason.empty()) text += " (" + pod.terminated_reason + ")";
  if (!pod.terminated_message.empty()) text += ": " + pod.terminated_message;
  return text;
}

Result<std::string> log_of_last_run(kube::Client& client, const kube::Pod& pod) {
  const kube::Ref ref{kube::resources::kPod, pod.meta.name_space, pod.meta.name};
  kube::Request request;
  const auto path = ref.path() + "/log?container=" + kube::escape_query(pod.first_container) +
                    "&tailLines=" + std::to_string(kLogLines);
  // Between its end and the next start the last run is the container's own, then the previous one.
  for (const char* which : {"&previous=true", ""}) {
    request.path = path + which;
    const auto response = client.raw(request);
    if (!response) return fail(response.error());
    if (response->status == 200) return response->body;
    if (response->status != 400 || *which == '\0')
      return fail(kube::error_of(*response, ref.text()));
  }
  return fail(ErrorKind::Internal, "no log", ref.text());
}

}  // namespace

std::optional<std::string> why_not_restart(const kube::Workload& stateful_set,
                                           const kube::Pod* pod, int ordinal) {
  const auto name = "pod " + stateful_set.meta.key() + "-" + std::to_string(ordinal);
  if (!pod) return name + " does not exist";
  if (pod->meta.deleting) return name + " is terminating";
  if (stateful_set.observed_generation < stateful_set.generation ||
      stateful_set.update_revision.empty())
    return "StatefulSet " + stateful_set.meta.key() +
           " has a change that its controller has not seen";
  if (pod->revision != stateful_set.update_revision)
    return name + " is of revision " + pod->revision + " and StatefulSet " +
           stateful_set.meta.key() + " of " + stateful_set.update_revision +
           ": deleting it now would also roll out that change; roll it out first";
  return std::nullopt;
}

std::optional<std::string> start_failure(kube::Client& client, const kube::Pod& pod) {
  if (pod.ready || pod.meta.deleting || pod.exit_code == 0) return std::nullopt;
  // Without PostgreSQL's words only repetition tells a failed start from one crash.
  const bool repeated = pod.waiting_reason == "CrashLoopBackOff";
  const auto log = log_of_last_run(client, pod);
  if (!log) {
    if (!repeated) return std::nullopt;
    return describe_exit(pod) + "; its log cannot be read: " + log.error().message();
  }
  if (std::count(log->begin(), log->end(), '\n') >= kLogLines) return std::nullopt;
  auto said = start_failure_in(*log);
  if (!said || !said->empty()) return said;
  return repeated ? std::optional(describe_exit(pod)) : std::nullopt;
}

}  // namespace pgrightsizer::providers
