#include "api_server.h"

#include "effects.h"

namespace pgrightsizer::simulation {

namespace {

using kube::Method;
using kube::Request;
using kube::Response;

Response ok(const json& body) { return {200, body.dump(), {}, {}}; }

Response refusal(int code, const char* reason, const char* message = "refused") {
  return {code, json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", message}}.dump(), {}, {}};
}

bool is_pod_log(const std::string& path) { return path.ends_with("/log"); }

}  // namespace

Result<Response> ApiServer::call(const Request& request, milliseconds) {
  const auto mark = request.path.find('?');
  std::string path = request.path.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : request.path.substr(mark + 1);
  if (path.find("/pods/") != std::string::npos) world_.sync_pod_objects();
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
  const auto found = world_.objects.find(path);
  return found == world_.objects.end() ? refusal(404, "NotFound") : ok(found->second);
}

// What is applied replaces what was applied: everything of these objects but their metadata is ours.
Response ApiServer::apply(const std::string& path, const json& body) {
  auto& live = world_.objects[path];
  json next = body;
  if (live.is_object()) {
    next["metadata"]["uid"] = live["metadata"]["uid"];
    if (live.contains("spec") && live["spec"].contains("paused")) next["spec"]["paused"] = live["spec"]["paused"];
    if (live.contains("spec") && live["spec"].contains("clusterIP"))
      next["spec"]["clusterIP"] = live["spec"]["clusterIP"];
  } else {
    next["metadata"]["uid"] = "uid-" + std::to_string(version_);
    if (body.value("kind", std::string()) == "Service") next["spec"]["clusterIP"] = "10.96.0.1";
  }
  if (next.contains("stringData"))
    for (const auto& [key, value] : next["stringData"].items()) next["data"][key] = "";
  if (live.is_object()) {
    next["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"];
    if (next == live) return ok(live);
  }
  next["metadata"]["resourceVersion"] = std::to_string(++version_);
  live = std::move(next);
  world_.on_write(path);
  return ok(live);
}

Response ApiServer::patch(const Request& request, const std::string& path) {
  const auto body = json::parse(request.body);
  if (request.content_type == "application/apply-patch+yaml") return apply(path, body);
  std::string target = path;
  if (target.ends_with("/status")) target.resize(target.size() - 7);
  const auto found = world_.objects.find(target);
  if (found == world_.objects.end()) return refusal(404, "NotFound");
  auto& live = found->second;
  if (request.content_type == "application/json-patch+json") {
    json next;
    try {
      next = live.patch(body);
    } catch (const json::exception&) {
      return refusal(422, "Invalid");
    }
    live = std::move(next);
  } else {
    const auto differs = [&](const char* field) {
      const auto wanted = body.value("metadata", json::object()).value(field, std::string());
      return !wanted.empty() && wanted != live["metadata"].value(field, std::string());
    };
    if (differs("uid")) return refusal(422, "Invalid", "metadata.uid: field is immutable");
    if (differs("resourceVersion")) return refusal(409, "Conflict");
    live.merge_patch(body);
  }
  live["metadata"]["resourceVersion"] = std::to_string(++version_);
  world_.on_write(target);
  return ok(live);
}

Response ApiServer::remove(const Request& request, const std::string& path) {
  const auto found = world_.objects.find(path);
  if (found == world_.objects.end()) return refusal(404, "NotFound");
  const auto wanted = json::parse(request.body).value("/preconditions/uid"_json_pointer, std::string());
  if (!wanted.empty() && wanted != found->second["metadata"].value("uid", std::string()))
    return refusal(409, "Conflict");
  if (path.find("/pods/") != std::string::npos) {
    world_.on_delete(path);
    return ok(found->second);
  }
  world_.objects.erase(found);
  return ok(json::object());
}

}  // namespace pgrightsizer::simulation
