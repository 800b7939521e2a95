#include "pgrightsizer/runtime/events.h"

#include <cinttypes>
#include <cstdio>
#include <functional>
#include <utility>

#include "micro_time.h"

namespace pgrightsizer::runtime {
namespace {

constexpr auto kSeriesEnds = std::chrono::minutes(6);
// The second occurrence is written at once, further ones with the first write after this time.
constexpr auto kCountEvery = std::chrono::minutes(1);
constexpr std::size_t kMaxSeries = 1000;
constexpr std::size_t kMaxNote = 1000;  // the API server refuses more than 1024 bytes
constexpr std::size_t kMaxName = 230;
constexpr const char* kReportingController = "pgrightsizer.io/operator";

// Never in the middle of a UTF-8 sequence.
std::string cut(const std::string& note) {
  if (note.size() <= kMaxNote) return note;
  std::size_t end = kMaxNote;
  while (end > 0 && (static_cast<unsigned char>(note[end]) & 0xC0) == 0x80) --end;
  return note.substr(0, end) + "…";
}

}  // namespace

EventRecorder::EventRecorder(kube::Client& client, Clock& clock, Logger& logger,
                             std::string instance)
    : client_(client), clock_(clock), logger_(logger), instance_(std::move(instance)) {}

void EventRecorder::normal(const Regarding& about, const std::string& reason,
                           const std::string& action, const std::string& note) {
  write(about, "Normal", reason, action, note);
}

void EventRecorder::warning(const Regarding& about, const std::string& reason,
                            const std::string& action, const std::string& note) {
  write(about, "Warning", reason, action, note);
}

void EventRecorder::write(const Regarding& about, const char* type, const std::string& reason,
                          const std::string& action, const std::string& note) {
  logger_.write(
      type[0] == 'W' ? LogLevel::Warning : LogLevel::Info, note,
      {{"event", reason}, {"object", about.kind + " " + about.name_space + "/" + about.name}});
  const std::string series = about.kind + '/' + about.name_space + '/' + about.name + '/' +
                             about.uid + '/' + type + '/' + reason + '/' + action + '/' + note;
  const Step step = next_step(series, about);
  if (step.kind == Step::Kind::Nothing) return;
  const std::string name_space = about.name_space.empty() ? "default" : about.name_space;
  const kube::Ref ref{kube::resources::kEvent, name_space, step.event_name};
  Result<kube::Json> done =
      step.kind == Step::Kind::Create
          ? client_.create(ref, body(ref, about, type, reason, action, cut(note)))
          : client_.merge_patch(ref, count_patch(step.count));
  // A POST that the HTTP library has sent twice meets its own first copy.
  if (done || done.error().kind == ErrorKind::AlreadyExists) return;
  {
    std::scoped_lock lock(mutex_);
    seen_.erase(series);  // the next one is written anew
  }
  logger_.warning("an event could not be written: " + done.error().message(), {{"reason", reason}});
}

EventRecorder::Step EventRecorder::next_step(const std::string& series, const Regarding& about) {
  const auto now = clock_.steady();
  std::scoped_lock lock(mutex_);
  std::erase_if(seen_, [now](const auto& entry) { return now - entry.second.last > kSeriesEnds; });
  if (seen_.size() >= kMaxSeries) seen_.clear();
  const auto [it, fresh] = seen_.try_emplace(series);
  Seen& seen = it->second;
  seen.last = now;
  if (fresh) {
    seen.event_name = fresh_name(about, series);
    return {Step::Kind::Create, seen.event_name, 1};
  }
  ++seen.count;
  if (seen.count > 2 && now - seen.written < kCountEvery) return {};
  seen.written = now;
  return {Step::Kind::Count, seen.event_name, seen.count};
}

// Fixed before the request, so that a request sent twice cannot make two events.
std::string EventRecorder::fresh_name(const Regarding& about, const std::string& series) const {
  const auto millis = static_cast<std::uint64_t>(clock_.now().time_since_epoch().count());
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, ".%" PRIx64 "%08" PRIx32, millis,
                static_cast<std::uint32_t>(std::hash<std::string>{}(series + instance_)));
  return about.name.substr(0, kMaxName) + suffix;
}

kube::Json EventRecorder::body(const kube::Ref& ref, const Regarding& about, const char* type,
                               const std::string& reason, const std::string& action,
                               const std::string& note) const {
  return {{"apiVersion", ref.resource.api_version()},
          {"kind", ref.resource.kind},
          {"metadata", {{"name", ref.name}, {"namespace", ref.name_space}}},
          {"eventTime", micro_time(clock_.now())},
          {"reportingController", kReportingController},
          {"reportingInstance", instance_},
          {"type", type},
          {"reason", reason},
          {"action", action},
          {"note", note},
          {"regarding",
           {{"apiVersion", about.api_version},
            {"kind", about.kind},
            {"namespace", about.name_space},
            {"name", about.name},
            {"uid", about.uid}}}};
}

kube::Json EventRecorder::count_patch(int count) const {
  return {{"series", {{"count", count}, {"lastObservedTime", micro_time(clock_.now())}}}};
}

}  // namespace pgrightsizer::runtime
