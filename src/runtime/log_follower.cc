#include "pgrightsizer/runtime/log_follower.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "micro_time.h"
#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/kube/client.h"

namespace pgrightsizer::runtime {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostOfALine = 4096;
constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kLongestPause{30'000};
// A log may well be silent; this long, and the stream is made anew in case that it is dead.
constexpr milliseconds kIdle{300'000};

}  // namespace

class LogFollower::Impl {
 public:
  Impl(kube::Transport& transport, LogSource source, WallTime since, LogReader reader)
      : transport_(transport),
        source_(std::move(source)),
        reader_(std::move(reader)),
        last_{std::chrono::floor<std::chrono::seconds>(since),
              since - std::chrono::floor<std::chrono::seconds>(since)},
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] std::string path() const;
  void feed(std::string_view piece);
  void take(std::string_view line);
  void ended(const Result<kube::Response>& end);

  kube::Transport& transport_;
  const LogSource source_;
  const LogReader reader_;

  // Of the stream under way; used by the transport's thread while there is one.
  std::string begun_;        // the line whose end has not come yet
  std::string last_text_;    // the time of the last line delivered
  bool caught_up_ = false;   // past what the stream before brought
  bool brought_some_ = false;

  NanoTime last_;
  milliseconds pause_ = kFirstPause;
  std::mutex pause_mutex_;
  std::condition_variable_any paused_;
  std::jthread thread_;
};

void LogFollower::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    begun_.clear();
    caught_up_ = brought_some_ = false;
    const auto end = transport_.stream({kube::Method::Get, path(), {}, {}},
                                       [&](std::string_view piece) { feed(piece); }, kIdle, stop);
    if (stop.stop_requested()) return;
    ended(end);
    std::unique_lock lock(pause_mutex_);
    paused_.wait_for(lock, stop, pause_, [] { return false; });
    pause_ = std::min(2 * pause_, kLongestPause);
  }
}

// The API server rounds sinceTime down to the second.
std::string LogFollower::Impl::path() const {
  return "/api/v1/namespaces/" + source_.name_space + "/pods/" + source_.pod + "/log?container=" +
         kube::escape_query(source_.container) + "&follow=true&timestamps=true&sinceTime=" +
         kube::escape_query(micro_time(last_.second));
}

void LogFollower::Impl::feed(std::string_view piece) {
  if (piece.empty()) reader_.on_trouble({});
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto head = piece.substr(0, end);
    begun_.append(head.substr(0, kMostOfALine - std::min(begun_.size(), kMostOfALine)));
    if (end == std::string_view::npos) return;
    take(begun_);
    begun_.clear();
    piece.remove_prefix(end + 1);
  }
}

void LogFollower::Impl::take(std::string_view line) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return;
  last_text_ = line.substr(0, blank);
  if (!caught_up_) {
    const auto time = parse_rfc3339(last_text_);
    if (!time || *time <= last_) return;
    caught_up_ = true;
  }
  brought_some_ = true;
  reader_.on_line(line.substr(blank + 1));
}

void LogFollower::Impl::ended(const Result<kube::Response>& end) {
  if (brought_some_) {
    last_ = parse_rfc3339(last_text_).value_or(last_);
    pause_ = kFirstPause;
  }
  // A container that has not begun yet, or a pod that is gone, is no trouble.
  const bool quiet = end ? end->status == 200 || end->status == 400 || end->status == 404
                         : end.error().kind == ErrorKind::Timeout;
  if (quiet) return;
  auto error = end ? kube::error_of(*end, "log of Pod " + source_.name_space + "/" + source_.pod)
                   : end.error();
  if (error.kind == ErrorKind::Forbidden) error.remedy = "allow get of pods/log to the operator's ServiceAccount";
  reader_.on_trouble(error.message());
}

LogFollower::LogFollower(kube::Transport& transport, LogSource source, WallTime since, LogReader reader)
    : impl_(std::make_unique<Impl>(transport, std::move(source), since, std::move(reader))) {}

LogFollower::~LogFollower() = default;

}  // namespace pgrightsizer::runtime
