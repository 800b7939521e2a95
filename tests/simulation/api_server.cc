#include "api_server.h"

#include <algorithm>

#include "effects.h"

namespace pgrightsizer::simulation {

namespace {

using kube::Method;
using kube::Request;
using kube::Response;

Response ok(const json& body) { return {200, body.dump(), {}, {}}; }
Response ok(const Storage::Object& object) { return {200, object->text(), {}, {}}; }

Response refusal(int code, const char* reason, const char* message = "refused") {
  return {code, status_of(code, reason, message).dump(), {}, {}};
}

// "a=b,c=d", as it comes in a query.
bool matches(const json& object, std::string_view selector) {
  const auto labels = object.at("metadata").value("labels", json::object());
  while (!selector.empty()) {
    const auto pair = selector.substr(0, selector.find(','));
    selector.remove_prefix(std::min(pair.size() + 1, selector.size()));
    const auto mark = std::min(pair.find('='), pair.size());
    if (labels.value(std::string(pair.substr(0, mark)), std::string()) != pair.substr(std::min(mark + 1, pair.size())))
      return false;
  }
  return true;
}

bool is_pod_log(const std::string& path) { return path.ends_with("/log"); }

}  // namespace

Result<Response> ApiServer::call(const Request& request, milliseconds) {
  const auto mark = request.path.find('?');
  std::string path = request.path.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : request.path.substr(mark + 1);
  if (request.method == Method::Get) {
    if (auto lost = maybe_fail(world_, "a read fails")) return fail(*lost);
    return answer(request, path, query);
  }
  const bool event = path.find("/events") != std::string::npos;
  if (event) return Response{201, "{}", {}, {}};
  const bool status = path.ends_with("/status");
  if (!status) ++writes;
  // The operator may die, or its request or the answer be lost, at each write.
  Response response;
  const auto lost = with_faults(world_, "write", [&] {
    const Charge charge(world_, request.path);
    response = answer(request, path, query);
  });
  if (lost) return fail(*lost);
  return response;
}

Result<Response> ApiServer::stream(const Request& request, const std::function<void(std::string_view)>& on_bytes,
                                   milliseconds idle, const std::stop_token& stop) {
  constexpr milliseconds kTick{100};
  const auto stream = watches.open(request);
  if (stream->accepted()) on_bytes({});
  auto heard = world_.clock.elapsed();
  while (!stop.stop_requested()) {
    if (const auto bytes = stream->read(); !bytes.empty()) {
      on_bytes(bytes);
      heard = world_.clock.elapsed();
    }
    if (stream->end()) return *stream->end();
    if (world_.clock.elapsed() - heard >= idle) return fail(ErrorKind::Timeout, "the stream is silent");
    world_.clock.advance(kTick);
  }
  return fail(ErrorKind::Cancelled, "stopped");
}

Response ApiServer::answer(const Request& request, const std::string& path, const std::string& query) {
  switch (request.method) {
    case Method::Get: return get(path, query);
    case Method::Delete: return remove(request, path);
    case Method::Patch: return patch(request, path);
    default: return refusal(405, "MethodNotAllowed");
  }
}

json ApiServer::endpoint_slices(const std::string& service) const {
  auto endpoints = json::array();
  const bool front = service == kPolicy;
  if (front && world_.pooled_route()) {
    for (const auto& pod : world_.poolers)
      if (pod.ready && !pod.terminating) endpoints.push_back({{"addresses", json::array({pod.ip})}});
  } else if (world_.db.state == Server::Up) {
    endpoints.push_back({{"addresses", json::array({world_.db.ip})}});
  }
  return json::array({{{"metadata", {{"name", service}}}, {"endpoints", endpoints}}});
}

Response ApiServer::get(const std::string& path, const std::string& query) {
  if (is_pod_log(path))
    return {200, "2027-01-01 00:00:00.000 UTC [1] FATAL:  could not map anonymous shared memory: Cannot allocate memory\n",
            {}, {}};
  if (path.ends_with("/endpointslices")) {
    const std::string mark = "kubernetes.io%2Fservice-name%3D";
    const auto at = query.find(mark);
    const auto name = at == std::string::npos ? std::string() : query.substr(at + mark.size());
    return ok({{"items", endpoint_slices(name.substr(0, name.find('&')))}});
  }
  if (path.ends_with("/pods")) return list(path, query);
  const auto& storage = world_.storage;
  const auto found = reads_from_cache ? storage.find_at(path, watches.reached(collection_of(path))) : storage.get(path);
  return found ? ok(found) : refusal(404, "NotFound");
}

Response ApiServer::list(const std::string& path, const std::string& query) {
  const auto& storage = world_.storage;
  const auto wanted = query_of(query);
  const auto selector = wanted.find("labelSelector");
  auto items = json::array();
  for (const auto& [at, object] : storage.list(path, reads_from_cache ? watches.reached(path) : storage.version()))
    if (selector == wanted.end() || matches(object->body, selector->second)) items.push_back(object->body);
  return ok({{"items", items}});
}

// What is applied replaces what was applied: everything of these objects but their metadata is ours.
Response ApiServer::apply(const std::string& path, const json& body) {
  const auto live = world_.storage.get(path);
  json next = body;
  if (live) {
    const auto spec = live->body.value("spec", json::object());
    next["metadata"]["uid"] = live->body.at("metadata").at("uid");
    if (spec.contains("paused")) next["spec"]["paused"] = spec["paused"];
    if (spec.contains("clusterIP")) next["spec"]["clusterIP"] = spec["clusterIP"];
  } else {
    next["metadata"]["uid"] = "uid-" + std::to_string(world_.storage.version());
    if (body.value("kind", std::string()) == "Service") next["spec"]["clusterIP"] = "10.96.0.1";
  }
  if (!next["metadata"].contains("namespace")) next["metadata"]["namespace"] = kNamespace;
  if (next.contains("stringData"))
    for (const auto& [key, value] : next["stringData"].items()) next["data"][key] = "";
  if (live) {
    next["metadata"]["resourceVersion"] = live->body.at("metadata").at("resourceVersion");
    if (next == live->body) return ok(live);
  }
  const auto stored = world_.storage.put(path, std::move(next));
  world_.on_write(path);
  return ok(stored);
}

Response ApiServer::patch(const Request& request, const std::string& path) {
  const auto body = json::parse(request.body);
  if (request.content_type == "application/apply-patch+yaml") return apply(path, body);
  std::string target = path;
  if (target.ends_with("/status")) target.resize(target.size() - 7);
  const auto live = world_.storage.get(target);
  if (!live) return refusal(404, "NotFound");
  json next;
  if (request.content_type == "application/json-patch+json") {
    try {
      next = live->body.patch(body);
    } catch (const json::exception&) {
      return refusal(422, "Invalid");
    }
  } else {
    const auto differs = [&](const char* field) {
      const auto wanted = body.value("metadata", json::object()).value(field, std::string());
      return !wanted.empty() && wanted != live->body.at("metadata").value(field, std::string());
    };
    if (differs("uid")) return refusal(422, "Invalid", "metadata.uid: field is immutable");
    if (differs("resourceVersion")) return refusal(409, "Conflict");
    next = live->body;
    next.merge_patch(body);
  }
  if (next == live->body) return ok(live);
  const auto stored = world_.storage.put(target, std::move(next));
  world_.on_write(target);
  return ok(stored);
}

Response ApiServer::remove(const Request& request, const std::string& path) {
  const auto* found = world_.storage.find(path);
  if (found == nullptr) return refusal(404, "NotFound");
  const auto wanted = json::parse(request.body).value("/preconditions/uid"_json_pointer, std::string());
  if (!wanted.empty() && wanted != found->at("metadata").value("uid", std::string()))
    return refusal(409, "Conflict");
  if (path.find("/pods/") != std::string::npos) {
    const json body = *found;
    world_.on_delete(path);
    return ok(body);
  }
  world_.storage.erase(path);
  return ok(json::object());
}

}  // namespace pgrightsizer::simulation
