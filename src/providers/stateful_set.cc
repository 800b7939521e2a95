// PostgreSQL as a StatefulSet, its configuration file in a ConfigMap: one line of the file is
// edited, and the pod is deleted to restart it. With standbys the file comes last: it is the same
// for all of them, and they must change one after the other.
#include <algorithm>
#include <thread>
#include <utility>

#include "config_place.h"
#include "mounts.h"
#include "overrides.h"
#include "pgrightsizer/postgres/replication.h"
#include "pgrightsizer/providers/provider.h"
#include "pod_state.h"

namespace pgrightsizer::providers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A kubelet brings a changed ConfigMap to its pods within its sync period and cache time.
constexpr seconds kMountLag{120};

constexpr int kMostInstances = 9;

Result<void> end_backends(postgres::Session& session) {
  const auto backends = postgres::read_backends(session);
  if (!backends) return fail(backends.error());
  std::vector<std::int64_t> pids;
  for (const auto& backend : *backends) pids.push_back(backend.pid);
  const auto ended = postgres::terminate(session, pids);
  if (!ended) return fail(ended.error());
  return {};
}

// True while the server that this session belongs to goes on for that long.
bool outlives(postgres::Session& session, milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
    if (!session.query("select 1", {}, milliseconds(500))) return false;
    std::this_thread::sleep_for(milliseconds(50));
  }
  return true;
}

// Of the first container, which is PostgreSQL's as far as this provider is concerned.
std::optional<std::int64_t> memory_limit(const kube::Json& stateful_set) {
  const auto limit = stateful_set.value(
      "/spec/template/spec/containers/0/resources/limits/memory"_json_pointer, kube::Json());
  if (limit.is_number_integer()) return limit.get<std::int64_t>();
  return limit.is_string() ? kube::parse_quantity(limit.get<std::string>()) : std::nullopt;
}

class StatefulSetProvider final : public Provider {
 public:
  StatefulSetProvider(kube::Client& client, Logger& logger, PodsOf pods, StatefulSetOptions options)
      : client_(client), logger_(logger), pods_(std::move(pods)), options_(std::move(options)) {}

  Result<Database> observe() override;
  std::optional<Override> overridden(const postgres::Settings& settings,
                                     const Database& database) const override;
  Result<void> request(std::int64_t value, postgres::Session* session) override;
  Result<void> write_place(std::int64_t value) override;
  Result<void> restart(const Database& database, postgres::Session* session) override;

 private:
  [[nodiscard]] kube::Ref stateful_set_ref() const {
    return {kube::resources::kStatefulSet, options_.name_space, options_.name};
  }
  [[nodiscard]] kube::Ref config_map_ref() const {
    return {kube::resources::kConfigMap, options_.name_space, options_.config_map};
  }
  [[nodiscard]] Result<kube::Json> read_stateful_set() const;
  [[nodiscard]] std::shared_ptr<const kube::Pod> pod_of(const std::string& owner_uid,
                                                        int ordinal) const;
  [[nodiscard]] Standby standby_of(const kube::Workload& workload, int ordinal) const;
  [[nodiscard]] std::vector<std::string> notes() const;
  [[nodiscard]] bool is_ours(const std::string& file, const std::string& data_directory) const;
  [[nodiscard]] bool may_lag() const;

  kube::Client& client_;
  Logger& logger_;
  PodsOf pods_;
  StatefulSetOptions options_;
  SystemClock system_clock_;
  std::optional<ConfigPlace> place_;     // as observe() read it
  bool replicated_ = false;              // as observe() saw it
  std::vector<std::string> file_paths_;  // of the key, in the containers
};

Result<kube::Json> StatefulSetProvider::read_stateful_set() const {
  auto object = client_.get(stateful_set_ref());
  if (object) return object;
  auto& error = object.error();
  if (error.kind == ErrorKind::NotFound)
    error = Error{ErrorKind::NotFound, "it does not exist", stateful_set_ref().text(),
                  "create it, or correct spec.database.name"};
  return object;
}

std::shared_ptr<const kube::Pod> StatefulSetProvider::pod_of(const std::string& owner_uid,
                                                            int ordinal) const {
  const auto name = options_.name + "-" + std::to_string(ordinal);
  for (const auto& pod : pods_(options_.name_space))
    if (pod->meta.name == name && pod->controller_uid == owner_uid && !pod->gone()) return pod;
  return nullptr;
}

std::vector<std::string> StatefulSetProvider::notes() const {
  std::vector<std::string> notes;
  if (!place_) return notes;
  const auto where = config_map_ref().text() + " key " + options_.key;
  const auto& file = place_->file;
  if (file.occurrences > 1)
    notes.push_back(where + " sets max_connections " + std::to_string(file.occurrences) +
                    " times; the last one, line " + std::to_string(file.line) + ", counts");
  if (file.include_after)
    notes.push_back(where + " includes " + file.includes.back() + " after line " +
                    std::to_string(file.line) + ", which may set max_connections again");
  if (file_paths_.empty())
    notes.push_back("no container of " + stateful_set_ref().text() + " mounts " + where +
                    "; check spec.database.config");
  return notes;
}

Result<Database> StatefulSetProvider::observe() {
  const auto object = read_stateful_set();
  if (!object) return fail(object.error());
  const auto workload = kube::decode_workload(*object);
  if (workload.replicas < 1 || workload.replicas > kMostInstances)
    return fail(ErrorKind::Invalid, "it is scaled to " + std::to_string(workload.replicas),
                stateful_set_ref().text(),
                "set its spec.replicas to 1, or to 2 up to " + std::to_string(kMostInstances) +
                    " with streaming standbys, or name another StatefulSet in spec.database.name");
  auto place = read_config_place(client_, config_map_ref(), options_.key);
  if (!place) return fail(std::move(place.error()));
  place_ = std::move(*place);
  file_paths_ = mounted_paths(*object, options_.config_map, options_.key);

  Database database;
  database.port = options_.port;
  database.requested = place_->file.max_connections.value_or(0);
  database.notes = notes();
  database.memory_limit_bytes = memory_limit(*object);
  replicated_ = workload.replicas > 1;
  for (int i = 1; i < workload.replicas; ++i) database.standbys.push_back(standby_of(workload, i));
  const auto pod = pod_of(workload.meta.uid, 0);
  database.cannot_restart = why_not_restart(workload, pod.get());
  database.ready = pod && pod->ready;
  database.stopping = pod && pod->meta.deleting;
  if (!pod) return database;
  database.host = pod->ip;
  database.pod = pod->meta.name;
  database.pod_uid = pod->meta.uid;
  database.start_failure = start_failure(client_, *pod);
  return database;
}

Standby StatefulSetProvider::standby_of(const kube::Workload& workload, int ordinal) const {
  Standby standby;
  standby.pod = options_.name + "-" + std::to_string(ordinal);
  const auto pod = pod_of(workload.meta.uid, ordinal);
  standby.cannot_restart = why_not_restart(workload, pod.get(), ordinal);
  if (!pod) return standby;
  standby.pod_uid = pod->meta.uid;
  standby.host = pod->ip;
  standby.terminating = pod->meta.deleting;
  standby.start_failure = start_failure(client_, *pod);
  return standby;
}

// By the path it is mounted at. An image may copy or link the file elsewhere, then by its name; but
// the server's own directory holds initdb's file, which often has the same name.
bool StatefulSetProvider::is_ours(const std::string& file,
                                  const std::string& data_directory) const {
  if (std::find(file_paths_.begin(), file_paths_.end(), file) != file_paths_.end()) return true;
  const bool in_data = !data_directory.empty() && file.starts_with(data_directory + "/");
  return !in_data && base_name(file) == options_.key;
}

bool StatefulSetProvider::may_lag() const {
  if (!place_ || !place_->changed) return true;
  const auto& clock = options_.clock ? *options_.clock : static_cast<const Clock&>(system_clock_);
  return clock.now() - *place_->changed < kMountLag;
}

std::optional<Override> StatefulSetProvider::overridden(const postgres::Settings& settings,
                                                        const Database&) const {
  if (auto found = command_line_override(settings)) return found;
  // Nothing of ours to override yet: the first request adds the line.
  if (place_ && place_->file.occurrences == 0) return std::nullopt;
  auto judged = settings;
  // Each instance's postgresql.auto.conf is a place of ours, too.
  if (replicated_) postgres::ignore_pinned(judged);
  return file_override(
      judged, [&](const std::string& file) { return is_ours(file, settings.data_directory); },
      may_lag());
}

Result<void> StatefulSetProvider::request(std::int64_t value, postgres::Session* session) {
  if (!replicated_) return write_place(value);
  if (!session || !session->alive())
    return fail(ErrorKind::Unavailable, "ALTER SYSTEM needs a session of the administrator",
                "pod " + options_.name_space + "/" + options_.name + "-0");
  return postgres::pin(*session, value);
}

Result<void> StatefulSetProvider::write_place(std::int64_t value) {
  if (!place_)
    return fail(ErrorKind::Internal, "a value was requested before anything was observed",
                config_map_ref().text());
  return write_config_place(client_, config_map_ref(), options_.key, value, *place_);
}

Result<void> StatefulSetProvider::restart(const Database& database, postgres::Session* session) {
  if (database.pod_uid.empty())
    return fail(ErrorKind::Invalid, "there is no pod to restart", stateful_set_ref().text());
  const kube::Ref pod{kube::resources::kPod, options_.name_space, database.pod};
  auto removed = client_.remove(pod, {.uid = database.pod_uid, .resource_version = {}});
  if (!removed) return removed;
  if (!session) return {};
  // Twice: who was ended may have come back before the server began to refuse.
  for (int turn = 0; turn < 2 && outlives(*session, seconds(1)); ++turn)
    if (const auto ended = end_backends(*session); !ended && session->alive())
      logger_.warning("sessions of a stopping database could not be ended",
                      {{"pod", pod.text()}, {"error", ended.error().message()}});
  session->close();
  return {};
}

}  // namespace

Database as_instance(const Database& database, const Standby& standby) {
  Database instance = database;
  instance.host = standby.host;
  instance.pod = standby.pod;
  instance.pod_uid = standby.pod_uid;
  return instance;
}

std::unique_ptr<Provider> make_stateful_set_provider(kube::Client& client, Logger& logger,
                                                     PodsOf pods, StatefulSetOptions options) {
  return std::make_unique<StatefulSetProvider>(client, logger, std::move(pods), std::move(options));
}

}  // namespace pgrightsizer::providers
