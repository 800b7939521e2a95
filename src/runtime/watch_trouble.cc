#include "watch_trouble.h"

#include <utility>

namespace pgrightsizer::runtime {

std::string WatchTrouble::describe(const char* verb, const Error& error) const {
  const std::string plural = options_.resource.qualified_plural();
  const std::string where =
      options_.name_space.empty() ? "" : " in namespace " + options_.name_space;
  std::string out = std::string("cannot ") + verb + " " + plural + where + ": " + error.what;
  if (error.kind == ErrorKind::Forbidden) {
    return out + "; allow get, list and watch of " + plural + " to the operator's ServiceAccount";
  }
  if (error.kind == ErrorKind::NotFound) {
    return out + (options_.may_be_absent
                      ? "; install the definition of the kind " + options_.resource.kind
                      : "; this API server does not serve " + options_.resource.api_version());
  }
  return error.remedy.empty() ? out : out + "; " + error.remedy;
}

void WatchTrouble::set(const char* verb, const Error& error) {
  // A stream that was cut off or fell silent is opened again at once and is no news.
  const bool expected = error.kind == ErrorKind::Timeout || error.kind == ErrorKind::Gone;
  std::string text = describe(verb, error);
  {
    std::scoped_lock lock(mutex_);
    text_ = text;
    if (text == logged_) return;
    logged_ = text;
    shown_ = shown_ || !expected;
  }
  logger_.write(expected ? LogLevel::Debug : LogLevel::Warning, text,
                {{"kind", options_.resource.kind}, {"error", std::string(to_string(error.kind))}});
}

void WatchTrouble::answered() {
  std::scoped_lock lock(mutex_);
  text_.clear();
}

void WatchTrouble::over() {
  {
    std::scoped_lock lock(mutex_);
    text_.clear();
    logged_.clear();
    if (!std::exchange(shown_, false)) return;
  }
  logger_.info("the watch works again", {{"kind", options_.resource.kind}});
}

void WatchTrouble::synced(std::size_t objects) {
  logger_.info("first list complete",
               {{"kind", options_.resource.kind}, {"objects", std::to_string(objects)}});
}

std::string WatchTrouble::text() const {
  std::scoped_lock lock(mutex_);
  return text_;
}

}  // namespace pgrightsizer::runtime
