// One way of holding max_connections. A provider says what it observes, not what it assumes; some
// (later ones) restart by themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/objects.h"
#include "pgrightsizer/postgres/server.h"

namespace pgrightsizer::providers {

// One standby of a replicated database, whether its pod exists or not.
struct Standby {
  std::string pod;
  std::string pod_uid;  // empty: there is no pod
  std::string host;
  bool terminating = false;
  std::optional<std::string> cannot_restart;
  std::optional<std::string> start_failure;
};

// Where the server is and what holds its value now. Everything but errors of the API server is in
// here: a database that is down is an observation, not an Error.
struct Database {
  std::string host;  // where an administrative session can be opened; empty: nowhere now
  int port = 5432;
  std::string pod;  // the primary's pod; empty for External
  std::string pod_uid;
  // What the next start will use as far as the provider's own place tells; 0: it does not say. For
  // External that is always so: only the server knows (postgres::Settings::next_start).
  std::int64_t requested = 0;
  bool operator_restarts = true;
  bool stopping = false;  // the pod is being deleted
  std::optional<std::int64_t> memory_limit_bytes;  // of its container; absent: none is set or known
  bool ready = true;  // a Service that selects it has an endpoint: its pod is Ready
  std::optional<std::string> cannot_restart;  // why deleting the pod now is not safe
  std::optional<std::string> start_failure;   // the server's own message when it exits at start
  // All ordinals but the first, which must be the primary. Then request() is ALTER SYSTEM on the
  // primary, and `requested` the place's value all the same.
  std::vector<Standby> standbys;
  std::vector<std::string> notes;  // about the place, for people: set twice, an include after it, …
};

// What is set somewhere else than where the provider writes.
struct Override {
  std::string where;  // "postgresql.auto.conf line 3", "command line", "/etc/…/extra.conf line 7"
  std::int64_t value = 0;
};

// Created for one policy; not thread-safe.
class Provider {
 public:
  virtual ~Provider() = default;

  // Reads the provider's place and the pods. Errors: NotFound and Invalid (naming object, field and
  // remedy), and those of the API server.
  [[nodiscard]] virtual Result<Database> observe() = 0;

  // Something that beats the provider's place, from what the server itself says.
  [[nodiscard]] virtual std::optional<Override> overridden(const postgres::Settings& settings,
                                                           const Database& database) const = 0;

  // Asks for this value at the next start; the same value again is no write. Conflict when the
  // place changed since observe(). External needs the session.
  [[nodiscard]] virtual Result<void> request(std::int64_t value, postgres::Session* session) = 0;

  // Writes the provider's place and asks no server. For a replicated database, whose instances are
  // asked one by one; elsewhere request() does it.
  [[nodiscard]] virtual Result<void> write_place(std::int64_t value) = 0;

  // Begins a restart and returns within 5 s; the effect is observed. Invalid when the provider
  // cannot restart. With a session (opened before), client backends that are still there a second
  // later are ended: an image whose stop signal means "smart" shutdown would wait for them. The
  // session is closed in any case. Conflict when the pod is another one than observed.
  [[nodiscard]] virtual Result<void> restart(const Database& database,
                                             postgres::Session* session) = 0;
};

// `database` as restart() takes it, for the pod of one of its standbys.
[[nodiscard]] Database as_instance(const Database& database, const Standby& standby);

struct StatefulSetOptions {
  std::string name_space;
  std::string name;
  std::string config_map;
  std::string key = "postgresql.conf";
  int port = 5432;
  const Clock* clock = nullptr;  // nullptr: the system's
};
// `pods` answers the pods of one namespace, from the informer's store.
using PodsOf = std::function<std::vector<std::shared_ptr<const kube::Pod>>(const std::string&)>;
[[nodiscard]] std::unique_ptr<Provider> make_stateful_set_provider(kube::Client& client,
                                                                   Logger& logger, PodsOf pods,
                                                                   StatefulSetOptions options);

struct ExternalOptions {
  std::string host;
  int port = 5432;
};
[[nodiscard]] std::unique_ptr<Provider> make_external_provider(Logger& logger,
                                                               ExternalOptions options);

}  // namespace pgrightsizer::providers
