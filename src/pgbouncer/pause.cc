#include "pgrightsizer/pgbouncer/pause.h"

#include <utility>

#include "pgrightsizer/pgbouncer/console.h"

namespace pgrightsizer::pgbouncer {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnect{1'000};
// Between two looks at consoles that have not answered yet.
constexpr milliseconds kSlice{10};

// One PAUSE that was sent: PgBouncer answers when no server of the database is left.
struct Pending {
  const PauseTarget* target;
  postgres::Session session;
  bool done = false;
};

postgres::ConnectOptions options_of(const PauseTarget& target) {
  postgres::ConnectOptions options;
  options.host = target.host;
  options.port = target.port;
  options.user = target.user;
  options.password = target.password;
  options.console = true;
  options.deadline = kConnect;
  return options;
}

bool already_paused(const Error& error) {
  return error.what.find("already suspended/paused") != std::string::npos;
}

tl::unexpected<Error> on(const PauseTarget& target, Error error) {
  error.object = "pooler pod " + target.name;
  return fail(std::move(error));
}

// Every console first, then every PAUSE: they shall begin together.
Result<std::vector<Pending>> send_pauses(const std::vector<PauseTarget>& targets,
                                         const std::vector<std::string>& databases,
                                         const postgres::Connect& open) {
  std::vector<Pending> pending;
  std::vector<std::string> statements;
  for (const auto& target : targets)
    for (const auto& database : databases) {
      auto session = open(options_of(target));
      if (!session) return on(target, session.error());
      pending.push_back({&target, std::move(*session)});
      statements.push_back("PAUSE " + postgres::quote_identifier(database));
    }
  for (std::size_t i = 0; i < pending.size(); ++i)
    if (auto sent = pending[i].session.start(statements[i]); !sent)
      return on(*pending[i].target, sent.error());
  return pending;
}

// True when it has answered; waits for `wait` at most.
Result<bool> answered(Pending& one, milliseconds wait) {
  const auto answer = one.session.poll(wait);
  if (answer) return answer->has_value();
  if (already_paused(answer.error())) return true;
  return on(*one.target, answer.error());
}

Result<void> await(std::vector<Pending>& pending, milliseconds limit) {
  milliseconds waited{0};
  while (true) {
    Pending* late = nullptr;
    for (auto& one : pending) {
      if (one.done) continue;
      const auto done = answered(one, milliseconds(0));
      if (!done) return fail(done.error());
      one.done = *done;
      if (!one.done && late == nullptr) late = &one;
    }
    if (late == nullptr) return {};
    if (waited >= limit)
      return fail(ErrorKind::Timeout,
                  "transactions are still open " + std::to_string(limit.count()) +
                      " ms after PAUSE",
                  "pooler pod " + late->target->name);
    const auto done = answered(*late, kSlice);
    if (!done) return fail(done.error());
    late->done = *done;
    if (!late->done) waited += kSlice;
  }
}

// Whatever is paused, also a database that the application no longer has.
Result<void> resume_one(const PauseTarget& target, const postgres::Connect& open) {
  auto console =
      Console::connect(target.host, target.port, target.user, target.password, kConnect, open);
  if (!console) return on(target, console.error());
  const auto paused = console->paused_databases();
  if (!paused) return on(target, paused.error());
  Result<void> all;
  for (const auto& database : *paused)
    if (auto done = console->resume(database); !done && all) all = on(target, done.error());
  return all;
}

}  // namespace

Result<void> pause_all(const std::vector<PauseTarget>& targets,
                       const std::vector<std::string>& databases, const postgres::Connect& open,
                       milliseconds limit) {
  Result<void> done;
  {
    auto pending = send_pauses(targets, databases, open);
    done = pending ? await(*pending, limit) : Result<void>(fail(pending.error()));
  }
  // A console that waits for its PAUSE takes no other command, and to close it changes nothing.
  if (!done) (void)resume_all(targets, open);
  return done;
}

Result<void> resume_all(const std::vector<PauseTarget>& targets, const postgres::Connect& open) {
  Result<void> all;
  for (const auto& target : targets)
    if (auto done = resume_one(target, open); !done && all) all = std::move(done);
  return all;
}

}  // namespace pgrightsizer::pgbouncer
