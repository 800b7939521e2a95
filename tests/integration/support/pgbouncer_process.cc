#include "integration/support/pgbouncer_process.h"

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::testing {
namespace {

std::string binary() {
  const char* given = std::getenv("PGRS_PGBOUNCER");
  return given ? given : "/usr/sbin/pgbouncer";
}

// The value of one setting replaced; throws when the file has no such line.
std::string with(const std::string& ini, const std::string& name, const std::string& value) {
  std::istringstream lines(ini);
  std::string line;
  std::string out;
  bool found = false;
  while (std::getline(lines, line)) {
    if (line.starts_with(name + " = ")) {
      line = name + " = " + value;
      found = true;
    }
    out += line + "\n";
  }
  if (!found) throw std::runtime_error("pgbouncer.ini has no " + name);
  return out;
}

}  // namespace

PgBouncerProcess::PgBouncerProcess(const pgbouncer::Spec& spec) : spec_(spec) {
  if (spec_.port == 0) spec_.port = free_port();
  write(spec_);
  start();
}

PgBouncerProcess::~PgBouncerProcess() { stop(); }

void PgBouncerProcess::write(const pgbouncer::Spec& spec) {
  const int port = spec_.port;
  spec_ = spec;
  spec_.port = port;
  const auto users = directory() / "userlist.txt";
  std::string ini = pgbouncer::render_ini(spec_, version());
  ini = with(ini, "unix_socket_dir", directory());
  ini = with(ini, "auth_file", users);
  ini = with(ini, "listen_addr", "127.0.0.1");
  if (!spec_.tls_secret.empty()) {
    ini = with(ini, "client_tls_cert_file", directory() / "tls.crt");
    ini = with(ini, "client_tls_key_file", directory() / "tls.key");
  }
  if (!spec_.server_ca_pem.empty()) {
    write_file(directory() / "server-ca.pem", spec_.server_ca_pem);
    ini = with(ini, "server_tls_ca_file", directory() / "server-ca.pem");
  }
  write_file(directory() / "pgbouncer.ini", ini);
  write_file(users, pgbouncer::render_userlist(spec_));
}

void PgBouncerProcess::start() {
  process_.start({binary(), directory() / "pgbouncer.ini"}, directory() / "pgbouncer.log");
  const bool up = eventually([&] {
    return !process_.running() ||
           pgbouncer::Console::connect("127.0.0.1", port(), spec_.console_user,
                                       spec_.console_password, std::chrono::seconds(2))
               .has_value();
  });
  if (!up || !process_.running()) throw std::runtime_error("PgBouncer does not start: " + log());
}

// SIGQUIT: at once, in every version.
void PgBouncerProcess::stop() { process_.stop(SIGQUIT); }

std::string PgBouncerProcess::log() const { return read_file(directory() / "pgbouncer.log"); }

pgbouncer::Version PgBouncerProcess::version() {
  static const pgbouncer::Version kVersion = [] {
    const TemporaryDirectory directory;
    const auto output = directory.path() / "version";
    run({binary(), "--version"}, output);
    const auto text = read_file(output);
    const auto version = pgbouncer::parse_version(text.substr(0, text.find('\n')));
    if (!version) throw std::runtime_error(version.error().message());
    return *version;
  }();
  return kVersion;
}

postgres::ConnectOptions PgBouncerProcess::login(std::size_t index) const {
  const auto& login = spec_.logins.at(index);
  postgres::ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = port();
  options.user = login.user;
  options.password = login.password;
  options.database = login.database;
  return options;
}

pgbouncer::Console PgBouncerProcess::console() const {
  auto console = pgbouncer::Console::connect("127.0.0.1", port(), spec_.console_user,
                                             spec_.console_password, std::chrono::seconds(5));
  if (!console) throw std::runtime_error(console.error().message());
  return std::move(*console);
}

}  // namespace pgrightsizer::testing
