#include "watch_server.h"

#include <algorithm>
#include <charconv>

namespace pgrightsizer::simulation {

namespace {

using kube::Response;

// A real one waits 3 s for its cache, sends a bookmark every minute and one 2 s before the end. Here the
// minute is shorter, as all times are.
constexpr milliseconds kWaitsForCache{3'000};
constexpr milliseconds kBookmarkEvery{10'000};
constexpr milliseconds kBookmarkBeforeEnd{2'000};
constexpr milliseconds kDefaultTimeout{1'800'000};

long number_of(const std::string& text) {
  long value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      i += 2;
    }
    out += byte != 0 ? static_cast<char>(byte) : text[i];
  }
  return out;
}

std::string get(const std::map<std::string, std::string>& query, const char* key) {
  const auto found = query.find(key);
  return found == query.end() ? std::string() : found->second;
}

std::string line(const char* type, const std::string& object) {
  std::string out = R"({"type":")";
  return out.append(type).append(R"(","object":)").append(object).append("}\n");
}

json too_old(long version, long oldest) {
  return status_of(410, "Expired",
                   "too old resource version: " + std::to_string(version) + " (" + std::to_string(oldest) + ")");
}

json too_new(long version, long current) {
  auto out = status_of(504, "Timeout",
                       "Timeout: Too large resource version: " + std::to_string(version) +
                           ", current: " + std::to_string(current));
  out["details"] = {{"causes", json::array({{{"reason", "ResourceVersionTooLarge"},
                                             {"message", "Too large resource version"}}})},
                    {"retryAfterSeconds", 1}};
  return out;
}

json no_initial_events() {
  auto out = status_of(422, "Invalid", "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents is forbidden");
  out["details"] = {{"causes", json::array({{{"reason", "FieldValueForbidden"}, {"message", "Forbidden"}}})}};
  return out;
}

Response answer(const json& status) {
  Response out{status["code"], status.dump(), {}, {}};
  if (status.contains("details") && status["details"].contains("retryAfterSeconds"))
    out.retry_after = std::chrono::seconds(status["details"]["retryAfterSeconds"].get<int>());
  return out;
}

Error broken() { return {ErrorKind::Unavailable, "the connection was lost", {}, {}, std::nullopt}; }

}  // namespace

std::map<std::string, std::string> query_of(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    const auto mark = std::min(pair.find('='), pair.size());
    out[std::string(pair.substr(0, mark))] = unescaped(pair.substr(std::min(mark + 1, pair.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

json status_of(int code, const char* reason, const std::string& message) {
  return {{"kind", "Status"},     {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Failure"},
          {"message", message},   {"reason", reason},   {"code", code}};
}

// ── One answer ──────────────────────────────────────────────────────────────────────────────────

std::string Stream::read() {
  if (end_) return {};
  const auto now = server_.world_.clock.elapsed();
  if (server_number_ != server_.number_) {
    finish(fail(broken()));
    return {};
  }
  const bool fated = fate_ != Fate::Well && now >= fate_at_;
  if (fated && fate_ == Fate::FallsSilent) return {};
  std::string out = list_.empty() ? watch() : list_;
  if (!list_.empty()) finish(Response{200, {}, {}, {}});
  if (!fated) return out;
  // In the middle of whatever comes next, or with nothing under way after a while.
  if (fate_ == Fate::Ends && list_.empty()) finish(Response{200, {}, {}, {}});
  if (fate_ == Fate::Breaks && (!out.empty() || now > fate_at_ + kWaitsForCache)) {
    out.resize(out.size() / 2);
    finish(fail(broken()));
  }
  return out;
}

std::string Stream::watch() {
  const auto now = server_.world_.clock.elapsed();
  if (initial_ && server_.reached(collection_) < not_older_) {
    if (now < opened_ + kWaitsForCache) return {};
    return give_up(too_new(not_older_, server_.reached(collection_)));
  }
  std::string out = events();
  if (!end_ && now >= opened_ + timeout_) finish(Response{200, {}, {}, {}});
  return out;
}

std::string Stream::give_up(const json& status) {
  finish(Response{200, {}, {}, {}});
  return line("ERROR", status.dump());
}

std::string Stream::events() {
  const auto& storage = server_.world_.storage;
  const long reached = server_.reached(collection_);
  std::string out;
  if (initial_) {
    for (const auto& [path, object] : storage.list(collection_, reached)) out += line("ADDED", object->text());
    told_ = reached;
    initial_ = false;
    if (announced_) out += bookmark();
  } else if (told_ < storage.oldest(collection_) && !server_.forgets_silently) {
    return give_up(too_old(told_, storage.oldest(collection_) + 1));
  }
  const auto& history = storage.history(collection_);
  auto next = history.end();
  while (next != history.begin() && std::prev(next)->version > told_) --next;
  for (; next != history.end() && next->version <= reached; ++next) {
    out += line(next->type, next->object->text());
    told_ = next->version;
  }
  told_ = std::max(told_, reached);
  // One that says nothing new is not sent.
  if (bookmarks_ && told_ > asked_ && server_.world_.clock.elapsed() >= next_bookmark_) out += bookmark();
  return out;
}

std::string Stream::bookmark() {
  const auto now = server_.world_.clock.elapsed();
  const auto before_end = opened_ + timeout_ - kBookmarkBeforeEnd;
  next_bookmark_ = now + kBookmarkEvery;
  if (now < before_end) next_bookmark_ = std::min(next_bookmark_, before_end);
  json object = {{"metadata", {{"resourceVersion", std::to_string(told_)}}}};
  if (std::exchange(announced_, false)) object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return line("BOOKMARK", object.dump());
}

// ── Requests ────────────────────────────────────────────────────────────────────────────────────

std::unique_ptr<Stream> WatchServer::open(const kube::Request& request) {
  const auto mark = std::min(request.path.find('?'), request.path.size());
  const auto query = query_of(std::string_view(request.path).substr(std::min(mark + 1, request.path.size())));
  auto stream = std::unique_ptr<Stream>(new Stream(*this, request.path.substr(0, mark)));
  stream->opened_ = world_.clock.elapsed();
  stream->server_number_ = number_;
  fate_of(*stream);
  if (stream->end_) return stream;
  if (get(query, "watch") == "true")
    open_watch(*stream, query);
  else
    open_list(*stream, query);
  stream->accepted_ = !stream->end_;
  return stream;
}

void WatchServer::open_watch(Stream& stream, const Query& query) {
  const auto version = get(query, "resourceVersion");
  const bool initial = get(query, "sendInitialEvents") == "true";
  if (initial && (!initial_events_ || get(query, "resourceVersionMatch") != "NotOlderThan"))
    return stream.finish(answer(no_initial_events()));
  const auto seconds = get(query, "timeoutSeconds");
  stream.timeout_ = seconds.empty() ? kDefaultTimeout : std::chrono::seconds(number_of(seconds));
  stream.bookmarks_ = get(query, "allowWatchBookmarks") == "true";
  stream.announced_ = initial && stream.bookmarks_;
  stream.initial_ = initial || version.empty() || version == "0";
  stream.told_ = stream.asked_ = number_of(version);
  // Without a version, what is asked for is the state of now.
  if (stream.initial_) stream.not_older_ = version.empty() ? world_.storage.version() : number_of(version);
  stream.next_bookmark_ = stream.opened_ + std::min(kBookmarkEvery, stream.timeout_ - kBookmarkBeforeEnd);
  if (stream.timeout_ <= kBookmarkBeforeEnd) stream.next_bookmark_ = stream.opened_ + kBookmarkEvery;
}

void WatchServer::open_list(Stream& stream, const Query& query) {
  const auto& storage = world_.storage;
  const int limit = static_cast<int>(number_of(get(query, "limit")));
  if (const auto token = get(query, "continue"); !token.empty()) {
    const auto slash = token.find('/');
    if (slash == std::string::npos)
      return stream.finish(answer(status_of(400, "BadRequest", "invalid continue token")));
    const long version = number_of(token.substr(0, slash));
    if (version < storage.oldest(stream.collection_))
      return stream.finish(answer(status_of(410, "Expired",
                                            "The provided continue parameter is too old to display a consistent list "
                                            "result.")));
    return page(stream, version, token.substr(slash), limit);
  }
  const auto version = get(query, "resourceVersion");
  // Without a version, what is asked for is the state of now.
  const long present = version.empty() ? storage.version() : reached(stream.collection_);
  if (number_of(version) > present) return stream.finish(answer(too_new(number_of(version), present)));
  page(stream, present, "", limit);
}

void WatchServer::page(Stream& stream, long version, const std::string& after, int limit) {
  const auto all = world_.storage.list(stream.collection_, version);
  // A server may send fewer than it was asked for.
  if (world_.faults.on) limit = world_.dice.between(1, 5);
  std::string items;
  int count = 0;
  auto next = after.empty() ? all.begin() : all.upper_bound(after);
  std::string last;
  for (; next != all.end() && (limit == 0 || count < limit); ++next, ++count) {
    items.append(items.empty() ? "" : ",").append(next->second->text());
    last = next->first;
  }
  json meta = {{"resourceVersion", std::to_string(version)}};
  if (next != all.end()) {
    meta["continue"] = std::to_string(version) + last;
    meta["remainingItemCount"] = std::distance(next, all.end());
  }
  stream.list_ = R"({"kind":"List","apiVersion":"v1","metadata":)" + meta.dump() + R"(,"items":[)" + items + "]}";
}

// ── What goes wrong ─────────────────────────────────────────────────────────────────────────────

void WatchServer::fate_of(Stream& stream) {
  auto& dice = world_.dice;
  if (!world_.faults.on || !dice.one_in(3)) return;
  const auto meet = [&](const char* what, Stream::Fate fate) {
    ++world_.fault_counts[what];
    stream.fate_ = fate;
    stream.fate_at_ = stream.opened_ + milliseconds(dice.between(0, 20'000));
  };
  switch (dice.between(1, 5)) {
    case 1: return meet("stream ends early", Stream::Fate::Ends);
    case 2: return meet("stream breaks", Stream::Fate::Breaks);
    case 3: return meet("stream falls silent", Stream::Fate::FallsSilent);
    case 4:
      ++world_.fault_counts["stream refused"];
      return stream.finish(fail(broken()));
    default:
      ++world_.fault_counts["stream: too many requests"];
      auto busy = status_of(429, "TooManyRequests", "Too many requests, please try again later.");
      busy["details"] = {{"retryAfterSeconds", 1}};
      return stream.finish(answer(busy));
  }
}

long WatchServer::reached(const std::string& collection) const {
  const auto lag = lags_.find(collection);
  const bool lags = lag != lags_.end() && world_.clock.elapsed() < lag->second.until;
  return lags ? lag->second.version : world_.storage.version();
}

void WatchServer::fall_behind(const std::string& collection, long by, milliseconds time) {
  const auto& storage = world_.storage;
  const long version = std::max(storage.oldest(collection), std::min(reached(collection), storage.version() - by));
  lags_[collection] = {version, world_.clock.elapsed() + time};
}

// Another server answers: all that was open is cut, and its caches may not have come as far.
void WatchServer::take_over() {
  auto& dice = world_.dice;
  ++number_;
  initial_events_ = !dice.one_in(4);
  for (const auto& collection : world_.storage.collections()) {
    lags_.erase(collection);
    if (dice.one_in(2)) fall_behind(collection, dice.between(0, 30), milliseconds(dice.between(100, 8'000)));
    if (dice.one_in(3)) world_.storage.forget(collection, reached(collection));
  }
}

void WatchServer::misbehave() {
  auto& dice = world_.dice;
  if (dice.one_in(40)) {
    ++world_.fault_counts["watch cache lags"];
    const auto all = world_.storage.collections();
    fall_behind(all[static_cast<std::size_t>(dice.between(0, static_cast<int>(all.size()) - 1))], 0,
                milliseconds(dice.between(100, dice.one_in(6) ? 20'000 : 4'000)));
  }
  if (dice.one_in(100)) {
    ++world_.fault_counts["history forgotten"];
    const long until = world_.storage.version() - dice.between(0, 20);
    for (const auto& collection : world_.storage.collections())
      world_.storage.forget(collection, std::min(until, reached(collection)));
  }
  if (dice.one_in(200)) {
    ++world_.fault_counts["another API server"];
    take_over();
  }
}

void WatchServer::behave() {
  lags_.clear();
  initial_events_ = true;
  ++number_;
}

}  // namespace pgrightsizer::simulation
