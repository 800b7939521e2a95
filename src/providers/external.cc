// A PostgreSQL that somebody else runs: ALTER SYSTEM, and its owner restarts it.
#include <utility>

#include "overrides.h"
#include "pgrightsizer/providers/provider.h"

namespace pgrightsizer::providers {
namespace {

class ExternalProvider final : public Provider {
 public:
  ExternalProvider(Logger& logger, ExternalOptions options)
      : logger_(logger), options_(std::move(options)) {}

  Result<Database> observe() override {
    if (options_.host.empty())
      return fail(ErrorKind::Invalid, "no host is given", {}, "set spec.database.host");
    Database database;
    database.host = options_.host;
    database.port = options_.port;
    database.operator_restarts = false;
    return database;
  }

  // ALTER SYSTEM beats every file; only the command line beats it.
  std::optional<Override> overridden(const postgres::Settings& settings,
                                     const Database&) const override {
    return command_line_override(settings);
  }

  Result<void> request(std::int64_t value, postgres::Session* session) override {
    if (!session || !session->alive())
      return fail(ErrorKind::Unavailable, "ALTER SYSTEM needs a session of the administrator",
                  object());
    if (auto altered = postgres::alter_system_max_connections(*session, value); !altered)
      return explain(std::move(altered.error()));
    logger_.info("max_connections set with ALTER SYSTEM",
                 {{"database", object()}, {"value", std::to_string(value)}});
    // So that pending_restart tells everybody. The next start reads the value without it.
    if (auto reloaded = postgres::reload_configuration(*session); !reloaded)
      logger_.warning("the configuration could not be reloaded, so pending_restart does not tell it",
                      {{"database", object()}, {"error", reloaded.error().message()}});
    return {};
  }

  Result<void> write_place(std::int64_t) override {
    return fail(ErrorKind::Invalid, "an external database has no file of ours", object(),
                "request the value with ALTER SYSTEM");
  }

  Result<void> restart(const Database&, postgres::Session*) override {
    return fail(ErrorKind::Invalid, "an external database is restarted by its owner", object(),
                "restart it to bring the new max_connections into force");
  }

 private:
  [[nodiscard]] std::string object() const {
    return "database " + options_.host + ":" + std::to_string(options_.port);
  }

  [[nodiscard]] Result<void> explain(Error error) const {
    error.object = object();
    error.what = "ALTER SYSTEM SET max_connections: " + error.what;
    if (error.kind == ErrorKind::Forbidden)
      error.remedy =
          "let the role of spec.database.adminSecretName do it (a superuser, or GRANT ALTER SYSTEM "
          "ON PARAMETER max_connections), or change the parameter where the database is managed";
    return fail(std::move(error));
  }

  Logger& logger_;
  ExternalOptions options_;
};

}  // namespace

std::unique_ptr<Provider> make_external_provider(Logger& logger, ExternalOptions options) {
  return std::make_unique<ExternalProvider>(logger, std::move(options));
}

}  // namespace pgrightsizer::providers
