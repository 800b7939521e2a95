// events.k8s.io/v1 about one object. The same event again within six minutes is counted, not
// written anew.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {

struct Regarding {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string uid;
};

// Thread-safe. Each event is logged as well. Never blocks for longer than one request; an event
// that cannot be written is logged and dropped.
class EventRecorder {
 public:
  EventRecorder(kube::Client& client, Clock& clock, Logger& logger, std::string instance);

  // `reason` in CamelCase, `action` what was done, `note` the sentence (cut at 1 kB).
  void normal(const Regarding& about, const std::string& reason, const std::string& action,
              const std::string& note);
  void warning(const Regarding& about, const std::string& reason, const std::string& action,
               const std::string& note);

 private:
  struct Seen {
    std::string event_name;
    int count = 1;
    std::chrono::steady_clock::time_point last;     // observed
    std::chrono::steady_clock::time_point written;  // the count, to the API server
  };
  struct Step {
    enum class Kind { Nothing, Create, Count };
    Kind kind = Kind::Nothing;
    std::string event_name;
    int count = 0;
  };

  void write(const Regarding& about, const char* type, const std::string& reason,
             const std::string& action, const std::string& note);
  [[nodiscard]] Step next_step(const std::string& series, const Regarding& about);
  [[nodiscard]] std::string fresh_name(const Regarding& about, const std::string& series) const;
  [[nodiscard]] kube::Json body(const kube::Ref& ref, const Regarding& about, const char* type,
                                const std::string& reason, const std::string& action,
                                const std::string& note) const;
  [[nodiscard]] kube::Json count_patch(int count) const;

  kube::Client& client_;
  Clock& clock_;
  Logger& logger_;
  const std::string instance_;
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by type, reason, action, object and note
};

}  // namespace pgrightsizer::runtime
