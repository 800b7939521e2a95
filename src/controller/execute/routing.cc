#include "routing.h"

#include "../turn/names.h"
#include "../turn/routes.h"
#include "apply.h"

namespace pgrightsizer::controller {

namespace {

using kube::Json;
using transition::Route;
namespace res = kube::resources;

Json metadata(const api::ConnectionPolicy& policy, const std::string& name) {
  return {{"name", name}, {"namespace", policy.name_space}, {"labels", labels_of(policy)}};
}

Json ports(const api::ConnectionPolicy& policy) {
  const int port = policy.spec.database.port;
  return Json::array({{{"name", "postgresql"}, {"port", port}, {"targetPort", port}, {"protocol", "TCP"}}});
}

Json front_object(const api::ConnectionPolicy& policy, Route route) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", metadata(policy, front_service(policy))},
          {"spec",
           {{"type", "ClusterIP"},
            {"ports", ports(policy)},
            {"selector", selector_of(policy, route)}}}};
}

Json direct_object(const api::ConnectionPolicy& policy) {
  Json object = {{"apiVersion", "v1"},
                 {"kind", "Service"},
                 {"metadata", metadata(policy, direct_service(policy))},
                 {"spec",
                  {{"type", "ClusterIP"},
                   {"ports", ports(policy)},
                   // Poolers must find the database while it starts: its readiness is theirs to judge.
                   {"publishNotReadyAddresses", true}}}};
  if (!is_external(policy)) object["spec"]["selector"] = selector_of(policy, Route::Direct);
  if (is_external(policy) && !has_address(policy))
    object["spec"] = {{"type", "ExternalName"}, {"externalName", policy.spec.database.host}};
  return object;
}

// Backs one of our Services with the address of an External database.
Json slice_object(const api::ConnectionPolicy& policy, const std::string& service) {
  Json meta = metadata(policy, service + "-external");
  meta["labels"]["kubernetes.io/service-name"] = service;
  meta["labels"]["endpointslice.kubernetes.io/managed-by"] = kManager;
  const bool v6 = policy.spec.database.host.find(':') != std::string::npos;
  return {{"apiVersion", "discovery.k8s.io/v1"},
          {"kind", "EndpointSlice"},
          {"metadata", meta},
          {"addressType", v6 ? "IPv6" : "IPv4"},
          {"ports", Json::array({{{"name", "postgresql"}, {"port", policy.spec.database.port}, {"protocol", "TCP"}}})},
          {"endpoints", Json::array({{{"addresses", Json::array({policy.spec.database.host})},
                                      {"conditions", {{"ready", true}}}}})}};
}

std::string escape_userinfo(const std::string& text) { return kube::escape_query(text); }

Json binding_object(const api::ConnectionPolicy& policy, const pgbouncer::Login& login,
                    const sizing::Plan& plan) {
  const std::string domain = "." + policy.name_space + ".svc";
  const std::string host = front_service(policy) + domain;
  const std::string port = std::to_string(policy.spec.database.port);
  const std::string who = escape_userinfo(login.user) + ":" + escape_userinfo(login.password) + "@";
  const std::string where = ":" + port + "/" + escape_userinfo(login.database);
  const std::string uri = "postgresql://" + who + host + where;
  const auto environment = policy.spec.sizing.environment;
  const std::string timeout = std::to_string(sizing::connect_timeout_seconds(environment));
  const std::string limit = std::to_string(
      plan.workloads.empty() ? sizing::connections_per_instance(environment)
                             : plan.workloads.front().connections_per_instance);
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", metadata(policy, binding_secret(policy))},
          {"type", "servicebinding.io/postgresql"},
          {"stringData",
           {{"type", "postgresql"},
            {"provider", kManager},
            {"host", host},
            {"port", port},
            {"database", login.database},
            {"username", login.user},
            {"password", login.password},
            {"uri", uri},
            {"direct-uri", "postgresql://" + who + direct_service(policy) + domain + where},
            {"jdbc-uri", "jdbc:postgresql://" + host + where + "?user=" + escape_userinfo(login.user) +
                             "&password=" + escape_userinfo(login.password)},
            {"pgbouncer-host", host},
            {"pgbouncer-port", port},
            {"pgbouncer-uri", uri},
            {"prisma-uri", uri + "?connection_limit=" + limit + "&connect_timeout=" + timeout},
            {"pool-size", limit},
            {"connect-timeout", timeout}}}};
}

// The database's address stays behind the front Service until a pooler's is there: the Service is never
// without one.
Result<void> ensure_slices(kube::Client& client, const api::ConnectionPolicy& policy, Route route,
                           bool front_has_poolers) {
  if (!is_external(policy) || !has_address(policy)) return {};
  const auto slice = [&](const std::string& service) {
    return kube::Ref{res::kEndpointSlice, policy.name_space, service + "-external"};
  };
  const std::string direct = direct_service(policy);
  if (auto done = apply_if_changed(client, policy, slice(direct), slice_object(policy, direct)); !done)
    return done;
  const std::string front = front_service(policy);
  if (route == Route::Direct)
    return apply_if_changed(client, policy, slice(front), slice_object(policy, front));
  if (!front_has_poolers) return {};
  return remove_ours(client, policy, slice(front));
}

}  // namespace

Result<void> ensure_routing(kube::Client& client, const api::ConnectionPolicy& policy,
                            const Facts& facts, Route route) {
  const auto apply = [&](const kube::Resource& resource, const Json& object) {
    return apply_if_changed(client, policy,
                            {resource, policy.name_space, object["metadata"]["name"]}, object);
  };
  if (auto done = apply(res::kService, direct_object(policy)); !done) return done;
  if (policy.spec.routing.mode == api::RoutingMode::Service) {
    if (auto done = ensure_slices(client, policy, route, facts.front_has_poolers); !done) return done;
    if (auto done = apply(res::kService, front_object(policy, route)); !done) return done;
  }
  if (facts.logins.empty()) return {};
  return apply(res::kSecret, binding_object(policy, facts.logins.front(), facts.plan));
}

Result<void> switch_route(kube::Client& client, const api::ConnectionPolicy& policy, Route route) {
  // The database's own slice first on the way back: the Service is never without an address.
  if (route == Route::Direct)
    if (auto done = ensure_slices(client, policy, route, true); !done) return done;
  return apply_if_changed(client, policy,
                          {res::kService, policy.name_space, front_service(policy)},
                          front_object(policy, route));
}

}  // namespace pgrightsizer::controller
