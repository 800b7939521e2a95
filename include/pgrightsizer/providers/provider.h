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

// Where the server is and what holds its value now. Everything but errors of the API server is in
// here: a database that is down is an observation, not an Error.
struct Database {
  std::string host;            // where an administrative session can be opened; empty: nowhere now
  int port = 5432;
  std::string pod;             // the primary's pod; empty for External
  std::string pod_uid;
  std::int64_t requested = 0;  // what the next start will use as far as the provider's own place tells
  bool operator_restarts = true;
  std::optional<std::string> cannot_restart;  // why deleting the pod now is not safe
  std::optional<std::string> start_failure;   // the server's own message when it exits at start
};

// What is set somewhere else than where the provider writes.
struct Override {
  std::string where;   // "postgresql.auto.conf line 3", "command line", "/etc/…/extra.conf line 7"
  std::int64_t value = 0;
};

// Created for one policy; not thread-safe.
class Provider {
 public:
  virtual ~Provider() = default;

  // Reads the provider's place and the pods. Errors: Invalid (names object, field, remedy).
  [[nodiscard]] virtual Result<Database> observe() = 0;

  // Something that beats the provider's place, from what the server itself says.
  [[nodiscard]] virtual std::optional<Override> overridden(const postgres::Settings& settings,
                                                           const Database& database) const = 0;

  // Asks for this value at the next start. Conflict when the place changed since observe().
  [[nodiscard]] virtual Result<void> request(std::int64_t value, postgres::Session* session) = 0;

  // Begins a restart and returns; the effect is observed. Invalid when the provider cannot restart.
  [[nodiscard]] virtual Result<void> restart(const Database& database,
                                             postgres::Session* session) = 0;
};

struct StatefulSetOptions {
  std::string name_space;
  std::string name;
  std::string config_map;
  std::string key = "postgresql.conf";
  int port = 5432;
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
