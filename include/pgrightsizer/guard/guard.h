// The guard of one pooler pod: a sidecar with no port, no account of the API and no password. It
// reaches its own pooler through the unix socket, where a process of the same user needs none.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "pgrightsizer/base/log.h"
#include "pgrightsizer/guard/rule.h"

namespace pgrightsizer::guard {

struct Options {
  std::string socket_directory = "/run/pgbouncer";
  int port = 5432;  // names the socket: .s.PGSQL.<port>
  // Remembers since when something has been paused; outlives the guard's container, not its pod.
  std::filesystem::path state_file = "/run/guard/paused-since";
  std::chrono::seconds max_pause{20};
  std::string database_host;  // where the pooler finds PostgreSQL
  int database_port = 5432;
};

// Not thread-safe.
class Guard {
 public:
  Guard(Options options, Logger& logger);

  // One look at the pooler, and RESUME when it is due. True while something is paused, as far as is
  // known. Takes 3 s at most.
  bool look();

 private:
  [[nodiscard]] std::optional<BootTime> remembered() const;
  void remember(std::optional<BootTime> paused_since);

  Options options_;
  Logger& logger_;
};

// Looks every half second until `stop` says so; a pause that is under way then is still ended.
void run(Guard& guard, const std::function<bool(std::chrono::milliseconds)>& stopped_within);

}  // namespace pgrightsizer::guard
