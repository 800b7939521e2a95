#include "informers.h"

#include <algorithm>

#include "pgrightsizer/kube/objects.h"

namespace pgrightsizer::simulation {

namespace {

namespace res = kube::resources;

// Shorter than in life, as bookmarks are.
constexpr milliseconds kIdle{15'000};

std::string version_of(const std::string& policy) {
  return json::parse(policy)["metadata"]["resourceVersion"].get<std::string>();
}
std::string version_of(const kube::Workload& workload) { return workload.meta.resource_version; }
std::string version_of(const kube::Pod& pod) { return pod.meta.resource_version; }

}  // namespace

Informers::Informers(World& world, WatchServer& server, controller::Stores& stores, Seen& seen,
                     const InformerFlaws& flaws)
    : world_(world), server_(server), stores_(stores), seen_(seen), process_(++seen.processes), flaws_(flaws) {
  add(res::kConnectionPolicy, stores.policies, [](const json& object) { return object.dump(); });
  add(res::kDeployment, stores.deployments, kube::decode_workload);
  add(res::kStatefulSet, stores.stateful_sets, kube::decode_workload);
  add(res::kPod, stores.pods, kube::decode_pod);
  stores.trouble = [this](const std::string&) {
    for (const auto& one : informers_)
      if (!one->synced) return one->kind + ": not listed yet";
    return std::string();
  };
}

template <typename T, typename Decode>
void Informers::add(const kube::Resource& resource, runtime::Store<T>& store, Decode decode) {
  auto& one = *informers_.emplace_back(std::make_unique<Informer>(resource.kind));
  one.options.resource = resource;
  one.options.name_space = kNamespace;
  one.options.idle = kIdle;
  const auto on_object = [this, &one, &store, decode](const std::string& key, const json* object) {
    changed_ = true;
    if (object == nullptr) return store.erase(key);
    check(one.kind + " " + key, *object, store.get(key) != nullptr);
    store.set(key, decode(*object));
  };
  const auto held_keys = [this, &store] {
    return flaws_.keeps_the_vanished ? std::vector<std::string>() : store.keys();
  };
  const auto random = [this] { return world_.dice.between(0, 999) / 1000.0; };
  one.mirror = std::make_unique<runtime::Mirror>(silent_, one.options, random, on_object, held_keys, [&one] {
    one.synced = true;
  });
  one.held = [&store] {
    std::map<std::string, std::string> out;
    for (const auto& key : store.keys()) out[key] = version_of(*store.get(key));
    return out;
  };
}

// What is seen may be old, but never older than what was seen before; within a process, what has gone does
// not come back.
void Informers::check(const std::string& what, const json& object, bool held) {
  const long version = std::stol(object.at("metadata").at("resourceVersion").get_ref<const std::string&>());
  auto& last = seen_.objects[what];
  if (version < last.version || (version == last.version && last.process == process_ && !held))
    world_.violate(what + " goes back from version " + std::to_string(last.version) + " to " + std::to_string(version));
  last = {std::max(last.version, version), process_};
}

void Informers::turn() {
  for (const auto& one : informers_) {
    if (!one->stream && world_.clock.elapsed() >= one->next) open(*one);
    if (one->stream) listen(*one);
    // The others begin when the policies are known.
    if (!informers_.front()->synced) break;
  }
  if (std::exchange(changed_, false) && synced()) tell_instances();
}

void Informers::open(Informer& informer) {
  auto inquiry = informer.mirror->begin();
  const bool beginning = inquiry.request.path.find("sendInitialEvents") != std::string::npos;
  if (flaws_.begins_in_the_past && beginning) inquiry.request.path += "&resourceVersion=0";
  informer.begun = informer.heard = world_.clock.elapsed();
  informer.idle = inquiry.idle;
  informer.stream = server_.open(inquiry.request);
  if (informer.stream->accepted()) (void)informer.mirror->feed({});
}

void Informers::listen(Informer& informer) {
  const auto now = world_.clock.elapsed();
  auto& stream = *informer.stream;
  const auto bytes = stream.read();
  const bool readable = bytes.empty() || informer.mirror->feed(bytes);
  if (!bytes.empty()) informer.heard = now;
  const bool silent = now - informer.heard >= informer.idle;
  if (!stream.end() && !silent && readable) return;
  informer.mirror->ended(stream.end() ? *stream.end() : fail(ErrorKind::Timeout, "the stream is silent"),
                         now - informer.begun);
  informer.stream.reset();
  informer.next = now + informer.mirror->delay();
}

bool Informers::synced() const {
  return std::all_of(informers_.begin(), informers_.end(), [](const auto& one) { return one->synced; });
}

bool Informers::watching() const {
  return std::all_of(informers_.begin(), informers_.end(),
                     [](const auto& one) { return one->synced && one->stream != nullptr; });
}

std::string Informers::difference() const {
  for (const auto& one : informers_) {
    std::map<std::string, std::string> truth;
    const auto& options = one->options;
    for (const auto& [path, object] : world_.storage.list(options.resource.path(kNamespace), world_.storage.version()))
      truth[std::string(kNamespace) + path.substr(path.rfind('/'))] = object->body.at("metadata").at("resourceVersion");
    const auto held = one->held();
    for (const auto& [key, version] : truth)
      if (!held.contains(key) || held.at(key) != version)
        return one->kind + " " + key + " is of version " + version + ", the store has " +
               (held.contains(key) ? held.at(key) : "none");
    for (const auto& [key, version] : held)
      if (!truth.contains(key)) return one->kind + " " + key + " is gone, the store has " + version;
  }
  return {};
}

void Informers::tell_instances() {
  const auto application = stores_.deployments.get(std::string(kNamespace) + "/app");
  const auto pods = stores_.pods.list(kNamespace);
  const auto running = std::count_if(pods.begin(), pods.end(),
                                     [](const auto& pod) { return pod->labels.contains("app") && pod->labels.at("app") == "app"; });
  world_.heard_of(std::max(static_cast<int>(application ? application->replicas : 0), static_cast<int>(running)));
}

}  // namespace pgrightsizer::simulation
