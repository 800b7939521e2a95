// Where things lie in a pooler's container. Each is a directory of its own: a mounted directory
// follows its ConfigMap or Secret, a mounted file (subPath) never does.
#pragma once

namespace pgrightsizer::pgbouncer {

inline constexpr const char* kConfigDirectory = "/etc/pgbouncer";
inline constexpr const char* kSecretDirectory = "/etc/pgbouncer-secret";
inline constexpr const char* kTlsDirectory = "/etc/pgbouncer-tls";
// The guard's: since when the pooler has been paused.
inline constexpr const char* kGuardDirectory = "/run/guard";
inline constexpr const char* kIniKey = "pgbouncer.ini";
inline constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace pgrightsizer::pgbouncer
