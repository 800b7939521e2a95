#include "pgrightsizer/runtime/reflector.h"

#include <algorithm>
#include <cmath>

#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShort{1'000};  // a watch that ended sooner tells of trouble
constexpr milliseconds kBreath{100};   // between two short watches that did bring events
constexpr int kFailuresBeforeList = 5;

}  // namespace

Reflector::Action Reflector::next() const {
  Action action;
  action.delay = delay_;
  action.path = options_.path;
  if (state_ == State::Listing) {
    action.kind = Action::Kind::List;
    action.path += "?limit=" + std::to_string(options_.page_size);
    if (!continue_token_.empty()) action.path += "&continue=" + kube::escape_query(continue_token_);
  } else {
    action.kind = Action::Kind::Watch;
    // ± 10 %, so that the watches of many kinds and replicas do not end together for ever.
    const double seconds =
        static_cast<double>(options_.watch.count()) * (0.9 + 0.2 * options_.random());
    action.path += "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" +
                   std::to_string(std::lround(seconds)) +
                   "&resourceVersion=" + kube::escape_query(resource_version_);
  }
  if (!options_.label_selector.empty()) {
    action.path += "&labelSelector=" + kube::escape_query(options_.label_selector);
  }
  return action;
}

std::vector<std::string> Reflector::page_done(const std::string& resource_version,
                                              const std::string& continue_token) {
  failures_ = 0;
  delay_ = milliseconds(0);
  continue_token_ = continue_token;
  std::vector<std::string> vanished;
  if (!continue_token.empty()) return vanished;

  for (auto it = known_.begin(); it != known_.end();) {
    if (it->second == epoch_) {
      ++it;
      continue;
    }
    vanished.push_back(it->first);
    it = known_.erase(it);
  }
  resource_version_ = resource_version;
  state_ = State::Watching;
  synced_ = true;
  moved_ = false;
  return vanished;
}

void Reflector::list_failed(const Error& error) {
  const bool token_expired = error.kind == ErrorKind::Gone && !continue_token_.empty();
  // Any other failure asks for the same page once more: what was delivered stays right.
  if (error.kind == ErrorKind::Gone || error.kind == ErrorKind::Invalid) restart_list();
  if (token_expired && failures_ == 0) {
    ++failures_;  // at once the first time: the list was slow, the server is well
    delay_ = milliseconds(0);
    return;
  }
  back_off(&error);
}

void Reflector::watched(const std::string& key, bool deleted, const std::string& resource_version) {
  progress(resource_version);
  if (deleted) {
    known_.erase(key);
  } else {
    known_[key] = epoch_;
  }
}

void Reflector::bookmark(const std::string& resource_version) { progress(resource_version); }

void Reflector::progress(const std::string& resource_version) {
  if (!resource_version.empty()) resource_version_ = resource_version;
  failures_ = 0;
  moved_ = true;
}

void Reflector::watch_ended(const std::optional<Error>& error, milliseconds lasted) {
  const bool was_short = lasted < kShort;
  const bool moved = std::exchange(moved_, false);
  if (error && calls_for_a_list(*error)) restart_list();
  const bool harmless =
      !error || error->kind == ErrorKind::Timeout || error->kind == ErrorKind::Gone;
  if (!harmless || (was_short && !moved)) {
    back_off(error ? &*error : nullptr);
    return;
  }
  if (!error) failures_ = 0;
  delay_ = was_short ? kBreath : milliseconds(0);
}

bool Reflector::calls_for_a_list(const Error& error) const {
  switch (error.kind) {
    case ErrorKind::Gone:
    case ErrorKind::Invalid:
    case ErrorKind::NotFound:
      return true;
    // The server may be away or busy for long; it will still know our version.
    case ErrorKind::Unavailable:
    case ErrorKind::TooManyRequests:
    case ErrorKind::Cancelled:
      return false;
    // Such as "too large resource version" after a restored backup.
    default:
      return failures_ + 1 >= kFailuresBeforeList;
  }
}

void Reflector::restart_list() {
  state_ = State::Listing;
  continue_token_.clear();
  ++epoch_;
}

void Reflector::back_off(const Error* error) {
  const bool absent = error != nullptr && error->kind == ErrorKind::NotFound;
  const milliseconds limit = absent ? options_.absent_limit : options_.backoff_limit;
  const double base = static_cast<double>(options_.backoff_first.count()) *
                      std::ldexp(1.0, std::min(failures_, 20));
  const double jittered = base * (1.0 + options_.random());
  delay_ = milliseconds(std::llround(std::min(jittered, static_cast<double>(limit.count()))));
  if (error != nullptr && error->retry_after) delay_ = std::max(delay_, *error->retry_after);
  ++failures_;
}

}  // namespace pgrightsizer::runtime
