#include "pgrightsizer/guard/guard.h"

#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

#include "pgrightsizer/pgbouncer/console.h"
#include "pgrightsizer/postgres/ping.h"

namespace pgrightsizer::guard {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEvery{500};
constexpr milliseconds kConsole{1'000};

BootTime now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::duration_cast<BootTime>(std::chrono::seconds(time.tv_sec) +
                                              std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

Guard::Guard(Options options, Logger& logger) : options_(std::move(options)), logger_(logger) {}

std::optional<BootTime> Guard::remembered() const {
  std::ifstream file(options_.state_file);
  BootTime::rep since = 0;
  if (!(file >> since)) return std::nullopt;
  return BootTime(since);
}

// Renamed into place: a guard that dies while it writes leaves the old file or the new one.
void Guard::remember(std::optional<BootTime> paused_since) {
  std::error_code error;
  if (!paused_since) {
    std::filesystem::remove(options_.state_file, error);
  } else {
    auto draft = options_.state_file;
    draft += ".new";
    std::ofstream(draft) << paused_since->count() << "\n";
    std::filesystem::rename(draft, options_.state_file, error);
  }
  if (error)
    logger_.error("the time of a pause cannot be remembered: a guard that restarts would count anew",
                  {{"file", options_.state_file.string()}, {"error", error.message()}});
}

bool Guard::look() {
  const auto before = remembered();
  // An open console counts as a client and would keep a terminating pod alive: it ends with the look.
  auto console = pgbouncer::Console::connect(options_.socket_directory, options_.port, "pgbouncer",
                                             "", kConsole);
  const auto paused = console ? console->paused_databases()
                              : Result<std::vector<std::string>>(fail(console.error()));
  Sight sight;
  if (paused) sight.paused = !paused->empty();
  if (paused && database_decides(before, now(), options_.max_pause))
    sight.database_accepts =
        postgres::accepts(options_.database_host, options_.database_port, std::chrono::seconds(2));
  const auto time = now();  // the answer may have taken a while
  const auto verdict = judge(sight, before, time, options_.max_pause);
  if (verdict.paused_since != before) {
    logger_.info(verdict.paused_since ? "paused" : "no longer paused");
    remember(verdict.paused_since);
  }
  if (!verdict.resume) return verdict.paused_since.has_value();
  for (const auto& database : *paused) {
    const auto done = console->resume(database);
    logger_.warning(done ? "RESUME: it was paused for too long" : "RESUME failed",
                    {{"database", database},
                     {"error", done ? "" : done.error().message()},
                     {"postgresql", sight.database_accepts ? "accepts" : "not waited for any longer"}});
  }
  return true;
}

void run(Guard& guard, const std::function<bool(milliseconds)>& stopped_within) {
  bool stopped = false;
  while (true) {
    const bool paused = guard.look();
    if (stopped && !paused) return;
    stopped = stopped_within(kEvery) || stopped;
  }
}

}  // namespace pgrightsizer::guard
