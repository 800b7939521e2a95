// What is wrong with one list + watch, as a sentence for people.
#pragma once

#include <mutex>
#include <string>

#include "pgrightsizer/base/error.h"
#include "pgrightsizer/base/log.h"
#include "pgrightsizer/runtime/informer.h"

namespace pgrightsizer::runtime {

// Logs each trouble once when it begins and once when it is over, unless it is none that people would want
// to know of. It is over for those who wait for the watch when the server says yes; for people only when
// something has come: a server may say yes, and then fail. Thread-safe.
class WatchTrouble {
 public:
  // Both must outlive it.
  WatchTrouble(Logger& logger, const InformerOptions& options)
      : logger_(logger), options_(options) {}

  void set(const char* verb, const Error& error);
  void answered();
  void over();
  void synced(std::size_t objects);
  [[nodiscard]] std::string text() const;  // empty: there is none

 private:
  [[nodiscard]] std::string describe(const char* verb, const Error& error) const;

  Logger& logger_;
  const InformerOptions& options_;
  mutable std::mutex mutex_;
  std::string text_;
  std::string logged_;  // since it was over last
  bool shown_ = false;  // as a warning, this trouble or one before it
};

}  // namespace pgrightsizer::runtime
