// What a pooler is made of: pgbouncer.ini, the auth_file, and the Kubernetes objects around them.
// Pure: values in, text and JSON out.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "pgrightsizer/pgbouncer/console.h"

namespace pgrightsizer::pgbouncer {

// Of a pooler's pod: the container that runs PgBouncer.
inline constexpr const char* kContainer = "pgbouncer";

// Who the application is: from an application Secret.
struct Login {
  std::string user;
  std::string password;
  std::string database;
};

struct Spec {
  std::string policy;  // name of the ConnectionPolicy: prefix of every object's name
  std::string name_space;
  std::map<std::string, std::string> labels;  // put on every object
  std::int64_t pool_size = 0;                 // over all pods, kept in an annotation
  std::int64_t boot_cap = 0;     // per pod, in the file; divided among databases, at least 1 each
  std::int64_t max_clients = 0;  // per pod
  std::int64_t replicas = 2;
  int port = 5432;  // listens on the database's port, so that a flip needs no port change
  std::string image;
  std::string guard_image;         // runs `pg-rightsizer guard`
  std::vector<std::string> image_pull_secrets;  // of the policy's namespace; for both images
  std::int64_t max_pause_seconds = 20;
  std::string server_host;  // the direct Service, "<policy>-direct.<ns>.svc"
  int server_port = 5432;
  std::vector<Login> logins;  // first: the binding's
  std::string console_user = "pgrightsizer";
  std::string console_password;
  std::string tls_secret;      // kubernetes.io/tls; empty: no TLS to clients
  std::string server_sslmode;  // as the admin Secret says; empty: prefer
  std::string server_ca_pem;   // with verify-ca and verify-full
  nlohmann::json resources = nlohmann::json::object();
};

// What PgBouncer or its files cannot express: a database named like the console, two passwords of
// one user, control characters, a password that PgBouncer would take for a digest. Names the user
// or database and the remedy. To be called before anything else here.
[[nodiscard]] Result<void> check(const Spec& spec);

// What the file lists.
[[nodiscard]] std::set<std::string> databases_of(const Spec& spec);
// Distinct databases of the logins, at least 1.
[[nodiscard]] std::int64_t database_count(const Spec& spec);
// What each database of one pod may open when the pod may open `cap`: PgBouncer has no limit for a
// whole pod. At least 1: 0 would mean unlimited.
[[nodiscard]] std::int64_t cap_per_database(std::int64_t cap, std::int64_t databases);

// "<policy>-pooler"
[[nodiscard]] std::string pooler_name(const std::string& policy);

[[nodiscard]] std::string render_ini(const Spec& spec, const Version& version = {1, 24, 0});
[[nodiscard]] std::string render_userlist(const Spec& spec);

// Each with apiVersion, kind and metadata; ready for server-side apply.
[[nodiscard]] nlohmann::json secret(const Spec& spec);  // userlist.txt, console password, CA
[[nodiscard]] nlohmann::json config_map(
    const Spec& spec);  // pgbouncer.ini, annotations boot-cap, …
[[nodiscard]] nlohmann::json deployment(const Spec& spec);
[[nodiscard]] nlohmann::json disruption_budget(const Spec& spec);

// Keys of secret(), to read them back.
inline constexpr const char* kUserlistKey = "userlist.txt";
inline constexpr const char* kConsolePasswordKey = "console-password";
inline constexpr const char* kServerCaKey = "server-ca.pem";
// The labels that a pooler pod is selected by, with the policy's name as the value of the first.
inline constexpr const char* kPolicyLabel = "pgrightsizer.io/policy";
inline constexpr const char* kComponentLabel = "app.kubernetes.io/component";
inline constexpr const char* kComponent = "pooler";
// Where the pod's own tools find PgBouncer: a unix socket of the pod's port.
inline constexpr const char* kSocketDirectory = "/run/pgbouncer";

// Annotations and labels, read back by observe.
inline constexpr const char* kPoolSizeAnnotation = "pgrightsizer.io/pool-size";      // Deployment
inline constexpr const char* kCapAnnotation = "pgrightsizer.io/cap";                 // Pod
inline constexpr const char* kBootCapAnnotation = "pgrightsizer.io/boot-cap";        // ConfigMap
inline constexpr const char* kMaxClientsAnnotation = "pgrightsizer.io/max-clients";  // ConfigMap
// Digest of the pod template as applied, so that a change of image, TLS or resources is seen. The
// guard's image does not count: a new operator alone rolls no pooler.
inline constexpr const char* kTemplateAnnotation = "pgrightsizer.io/template";  // Deployment
[[nodiscard]] std::string template_digest(const Spec& spec);  // 16 hexadecimal digits

}  // namespace pgrightsizer::pgbouncer
