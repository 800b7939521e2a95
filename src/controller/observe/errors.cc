#include "observe.h"
#include "pgrightsizer/pgbouncer/log.h"
#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::controller {

namespace {

using ErrorInLog = std::optional<postgres::ConnectionError> (*)(std::string_view);

// Until the pod is gone: a turn that could not read everything must not begin a log anew.
void forget_pods_that_are_gone(const Sight& sight, const std::string& name_space,
                               Memory::ErrorWatch& watch) {
  for (auto log = watch.logs.begin(); log != watch.logs.end();) {
    const auto pod = sight.stores.pods.get(name_space + "/" + log->second.pod);
    if (pod && pod->meta.uid == log->first) {
      ++log;
      continue;
    }
    const auto uid = log->first;
    log = watch.logs.erase(log);  // returns when nothing can be told any more
    watch.tally->set_trouble(uid, {});
  }
}

void follow(const Sight& sight, Memory::ErrorWatch& watch, WallTime since, const kube::Pod& pod,
            const std::string& container, const std::string& who, ErrorInLog error_in) {
  const auto& uid = pod.meta.uid;
  if (pod.phase == "Pending" || watch.logs.contains(uid)) return;
  runtime::LogReader reader;
  reader.on_line = [tally = watch.tally, who, error_in](std::string_view line) {
    if (const auto error = error_in(line)) tally->add(who, *error);
  };
  reader.on_trouble = [tally = watch.tally, uid](const std::string& text) { tally->set_trouble(uid, text); };
  const runtime::LogSource source{pod.meta.name_space, pod.meta.name, container};
  watch.logs[uid] = {pod.meta.name, sight.options.follow_log(source, since, std::move(reader))};
}

}  // namespace

void note_failed_login(const api::ConnectionPolicy& policy, const Error& error, Memory& memory) {
  if (policy.spec.database.provider != api::ProviderKind::External) return;
  if (error.kind == ErrorKind::TooManySessions)
    memory.errors.tally->add(kProbe, postgres::ConnectionError::Refused);
  if (error.kind == ErrorKind::Unauthorized)
    memory.errors.tally->add(kProbe, postgres::ConnectionError::LoginFailed);
}

void observe_errors(const Sight& sight, const api::ConnectionPolicy& policy, Memory& memory,
                    Facts& facts) {
  auto& watch = memory.errors;
  const WallTime since = watch.since.value_or(sight.clock.now());
  watch.since = since;
  if (sight.options.follow_log) {
    forget_pods_that_are_gone(sight, policy.name_space, watch);
    const auto database = sight.stores.pods.get(policy.name_space + "/" + facts.database.pod);
    if (database && database->meta.uid == facts.database.pod_uid)
      follow(sight, watch, since, *database, database->first_container, kServer, postgres::error_in_log);
    for (const auto& one : facts.pods)
      follow(sight, watch, since, *one.pod, pgbouncer::kContainer, kPooler, pgbouncer::error_in_log);
  }
  auto& out = facts.errors;
  out.fresh = watch.tally->take();
  for (const auto& [which, count] : out.fresh) watch.total[which] += count;
  out.total = watch.total;
  out.trouble = watch.tally->trouble();
}

}  // namespace pgrightsizer::controller
