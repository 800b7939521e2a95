#include "pgrightsizer/runtime/reflector.h"

#include <algorithm>
#include <cmath>

#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShort{1'000};        // a watch that ended sooner tells of trouble
constexpr milliseconds kLongest{60'000};     // of what a server may ask to wait
constexpr milliseconds kBreath{100};         // between two short watches that did bring events
constexpr int kFailuresBeforeList = 5;
constexpr int kUnfinishedBeforeList = 2;

}  // namespace

Reflector::Action Reflector::next() const {
  Action action;
  action.delay = delay_;
  action.path = options_.path;
  action.beginning = state_ == State::Beginning;
  action.begins = state_ == State::Beginning || (state_ == State::Listing && continue_token_.empty());
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
                   std::to_string(std::lround(seconds));
    action.path += state_ == State::Beginning
                       ? "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                       : "&resourceVersion=" + kube::escape_query(resource_version_);
  }
  if (!options_.label_selector.empty()) {
    action.path += "&labelSelector=" + kube::escape_query(options_.label_selector);
  }
  return action;
}

bool Reflector::page_done(const std::string& resource_version, const std::string& continue_token) {
  failures_ = 0;
  delay_ = milliseconds(0);
  continue_token_ = continue_token;
  if (!continue_token.empty()) return false;
  complete(resource_version);
  return true;
}

void Reflector::complete(const std::string& resource_version) {
  resource_version_ = resource_version;
  state_ = State::Watching;
  synced_ = true;
  failures_ = 0;
  moved_ = false;
  unfinished_ = 0;
  behind_ = milliseconds(0);
}

void Reflector::list_failed(const Error& error) {
  const bool token_expired = error.kind == ErrorKind::Gone && !continue_token_.empty();
  // Any other failure asks for the same page once more: what was delivered stays right.
  if (error.kind == ErrorKind::Gone || error.kind == ErrorKind::Invalid) continue_token_.clear();
  if (token_expired && failures_ == 0) {
    ++failures_;  // at once the first time: the list was slow, the server is well
    delay_ = milliseconds(0);
    return;
  }
  back_off(&error);
}

void Reflector::changed(const std::string& resource_version) {
  if (state_ != State::Beginning) failures_ = 0;  // of a beginning that breaks nothing is won
  behind_ = milliseconds(0);
  moved_ = true;
  // Those of initial events come in no order; the bookmark that ends them has the one to go on from.
  if (!resource_version.empty()) resource_version_ = resource_version;
}

bool Reflector::bookmark(const std::string& resource_version, bool ends_initial_events) {
  changed(resource_version);
  if (state_ != State::Beginning || !ends_initial_events) return false;
  complete(resource_version);
  return true;
}

void Reflector::watch_ended(const std::optional<Error>& error, milliseconds lasted) {
  if (state_ == State::Beginning) {
    beginning_ended(error, lasted);
  } else {
    watching_ended(error, lasted);
  }
  begun_ = moved_ = false;
}

// Nothing of what came is lost, but what is missing is not known: all of it once more, by pages if
// this server does not bring a beginning to its end.
void Reflector::beginning_ended(const std::optional<Error>& error, milliseconds lasted) {
  const bool refused = error && error->kind == ErrorKind::Invalid;
  // Silent in the middle of it: this server does not tell where they end. One that cannot be reached is
  // silent before.
  const bool silent = begun_ && error && error->kind == ErrorKind::Timeout;
  if (!error) ++unfinished_;
  const bool keeps_failing = error && error->kind == ErrorKind::Internal && failures_ + 1 >= kFailuresBeforeList;
  if (refused || silent || unfinished_ >= kUnfinishedBeforeList || keeps_failing) {
    initial_events_ = false;
    begin_again();
    delay_ = milliseconds(0);
    return;
  }
  const bool lags = error && error->kind == ErrorKind::Behind && out_of_patience(lasted);
  back_off(error ? &*error : nullptr);
  // Something on the way may not let a stream live that long, or the server's cache, which a stream comes
  // from, does not catch up. A page is short, and need not come from there; next time, a stream.
  const bool breaks = error && error->kind == ErrorKind::Unavailable && failures_ >= kFailuresBeforeList;
  if (lags || breaks) state_ = State::Listing;
}

void Reflector::watching_ended(const std::optional<Error>& error, milliseconds lasted) {
  const bool was_short = lasted < kShort;
  if (error && calls_for_a_list(*error, lasted)) begin_again();
  // A good stream breaks when its server goes: the next connection may lead to another. Not all who
  // were on it at the same moment.
  if (error && error->kind == ErrorKind::Unavailable && moved_ && !was_short) {
    delay_ = milliseconds(std::llround(static_cast<double>(kBreath.count()) * options_.random()));
    return;
  }
  const bool harmless =
      !error || error->kind == ErrorKind::Timeout || error->kind == ErrorKind::Gone;
  if (!harmless || (was_short && !moved_)) {
    back_off(error ? &*error : nullptr);
    return;
  }
  if (!error) failures_ = 0;
  delay_ = was_short ? kBreath : milliseconds(0);
}

bool Reflector::calls_for_a_list(const Error& error, milliseconds lasted) {
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
    // One that lags behind the other servers catches up; one with a restored backup never does.
    case ErrorKind::Behind:
      return out_of_patience(lasted);
    default:
      return failures_ + 1 >= kFailuresBeforeList;
  }
}

bool Reflector::out_of_patience(milliseconds lasted) {
  behind_ += delay_ + lasted;
  return behind_ >= 2 * options_.backoff.limit;
}

void Reflector::begin_again() {
  state_ = initial_events_ ? State::Beginning : State::Listing;
  continue_token_.clear();
  begun_ = false;  // of a watch that was cut nobody tells how it ended
}

void Reflector::back_off(const Error* error) {
  // A busy server, and one that lags behind, knows how long it will be; one that has just started says
  // so until its caches are full.
  const milliseconds asked =
      std::min(error != nullptr ? error->retry_after.value_or(milliseconds(0)) : milliseconds(0), kLongest);
  const bool knows = asked > milliseconds(0) &&
                     (error->kind == ErrorKind::TooManyRequests || error->kind == ErrorKind::Behind);
  if (knows) {
    const double pause = static_cast<double>(asked.count()) * (1.0 + 0.25 * options_.random());
    delay_ = milliseconds(std::llround(pause));
    return;
  }
  const bool absent = error != nullptr && error->kind == ErrorKind::NotFound;
  const milliseconds limit = absent ? options_.absent_limit : options_.backoff.limit;
  const double base = static_cast<double>(options_.backoff.first.count()) *
                      std::ldexp(1.0, std::min(failures_, 20));
  const double jittered = base * (1.0 + options_.random());
  delay_ = milliseconds(std::llround(std::min(jittered, static_cast<double>(limit.count()))));
  delay_ = std::max(delay_, asked);
  ++failures_;
}

}  // namespace pgrightsizer::runtime
