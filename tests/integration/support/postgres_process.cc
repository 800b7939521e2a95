#include "integration/support/postgres_process.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pgrightsizer::testing {
namespace {

std::filesystem::path binaries() {
  if (const char* given = std::getenv("PGRS_POSTGRES_BIN")) return given;
  int newest = 0;
  std::filesystem::path found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= newest || !std::filesystem::exists(entry.path() / "bin" / "postgres")) continue;
    newest = version;
    found = entry.path() / "bin";
  }
  if (found.empty()) throw std::runtime_error("PostgreSQL is not installed");
  return found;
}

std::string short_name(std::filesystem::path path) {
  std::string name = path.string();
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

// Another test may do the same at the same time: the first one wins.
void keep(const std::filesystem::path& from, const std::filesystem::path& to) {
  auto mine = to;
  mine += "-" + std::to_string(getpid());
  std::filesystem::create_directories(to.parent_path());
  copy_tree(from, mine);
  std::error_code lost;
  std::filesystem::rename(mine, to, lost);
  if (lost) std::filesystem::remove_all(mine);
}

}  // namespace

PostgresProcess::PostgresProcess(const Options& options)
    : arguments_(options.arguments), port_(free_port()) {
  initialize(options);
  start();
}

PostgresProcess::~PostgresProcess() { stop(); }

// initdb takes most of a short test's time: its result is kept beside the build and copied.
void PostgresProcess::initialize(const Options& options) {
  if (options.primary != nullptr) {
    copy_from(*options.primary);
    configure(options);
    return;
  }
  const auto& base = directory_.path();
  const std::filesystem::path cache = PGRS_TEST_CACHE;
  const auto kept = cache / ("initdb-" + short_name(binaries()));
  if (std::filesystem::exists(kept)) {
    copy_tree(kept, data());
  } else {
    write_file(base / "password", "secret\n");
    run({binaries() / "initdb", "-D", data(), "-U", "postgres", "--auth=scram-sha-256", "--no-sync",
         "--pwfile=" + (base / "password").string(), "--no-instructions", "--locale=C",
         "--encoding=UTF8"},
        base / "initdb.log");
    keep(data(), kept);
  }
  configure(options);
}

void PostgresProcess::copy_from(const PostgresProcess& primary) {
  run({binaries() / "pg_basebackup", "-D", data(), "--write-recovery-conf", "--checkpoint=fast",
       "--no-sync", "--dbname",
       "host=127.0.0.1 user=postgres password=secret port=" + std::to_string(primary.port())},
      directory_.path() / "basebackup.log");
}

void PostgresProcess::configure(const Options& options) {
  const auto& base = directory_.path();
  std::filesystem::create_directory(base / "conf");
  std::string ours = "max_connections = " + std::to_string(options.max_connections) + "\n";
  for (const auto& line : options.settings) ours += line + "\n";
  write_file(config(), ours);
  // As in the images: the file from outside comes last.
  write_file(data() / "postgresql.conf",
             read_file(data() / "postgresql.conf") + "listen_addresses = '127.0.0.1'\nport = " +
                 std::to_string(port_) + "\nunix_socket_directories = '" + base.string() +
                 "'\nfsync = off\nshared_buffers = 16MB\nlog_line_prefix = '%m [%p] %q%u@%d %e '\n"
                 "include_if_exists '" +
                 config().string() + "'\n");
}

void PostgresProcess::launch() {
  std::vector<std::string> command = {binaries() / "postgres", "-D", data()};
  command.insert(command.end(), arguments_.begin(), arguments_.end());
  process_.start(command, directory_.path() / "server.log");
}

void PostgresProcess::start() {
  launch();
  auto options = login();
  options.user = "nobody";  // a refusal is an answer, and takes no session
  const bool up = eventually(
      [&] {
        if (!process_.running()) return true;
        const auto session = postgres::Session::connect(options);
        return session.has_value() || session.error().kind != ErrorKind::Unavailable;
      },
      std::chrono::seconds(30));
  if (!up || !process_.running()) throw std::runtime_error("PostgreSQL does not start: " + log());
}

void PostgresProcess::stop() { process_.stop(SIGINT); }

// SIGQUIT: no shutdown checkpoint, and no process is left behind.
void PostgresProcess::crash() { process_.stop(SIGQUIT); }

std::string PostgresProcess::start_and_fail() {
  const auto before = log().size();
  launch();
  if (process_.wait(std::chrono::seconds(30)) == -1)
    throw std::runtime_error("PostgreSQL starts, though it should not");
  return log().substr(before);
}

std::string PostgresProcess::log() const { return read_file(directory_.path() / "server.log"); }

postgres::ConnectOptions PostgresProcess::login() const {
  postgres::ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = port_;
  options.user = "postgres";
  options.password = "secret";
  return options;
}

postgres::Session PostgresProcess::session() const {
  auto session = postgres::Session::connect(login());
  if (!session) throw std::runtime_error(session.error().message());
  return std::move(*session);
}

void PostgresProcess::execute(const std::string& sql) const {
  auto open = session();
  const auto done = open.query(sql, {}, std::chrono::seconds(30));
  if (!done) throw std::runtime_error(done.error().message());
}

}  // namespace pgrightsizer::testing
