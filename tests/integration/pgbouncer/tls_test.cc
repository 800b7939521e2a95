// TLS on both sides of a pooler, as the policy and the admin Secret ask for it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "integration/pgbouncer/pooled.h"
#include "pgrightsizer/postgres/server.h"

namespace pgrightsizer::pgbouncer {
namespace {

using namespace testing;
using ::testing::HasSubstr;

// Self-signed, for "localhost" and 127.0.0.1.
void make_certificate(const std::filesystem::path& directory, const std::string& name) {
  run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
       "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory / (name + ".key"), "-out",
       directory / (name + ".crt")},
      directory / "openssl.log");
}

std::unique_ptr<PostgresProcess> make_tls_database(std::string& certificate) {
  auto database = make_database();
  make_certificate(database->data(), "server");
  certificate = read_file(database->data() / "server.crt");
  write_file(database->config(), read_file(database->config()) + "ssl = on\n");
  database->restart();
  return database;
}

bool server_side_tls(const PostgresProcess& database) {
  auto session = database.session();
  const auto backends = postgres::read_backends(session).value();
  for (const auto& backend : backends)
    if (backend.database == "shop") return backend.tls;
  return false;
}

TEST(PoolerTls, ClientsWithAndWithoutItAreServed) {
  const auto database = make_database();
  const TemporaryDirectory certificates;
  make_certificate(certificates.path(), "tls");
  auto spec = spec_for(*database);
  PgBouncerProcess pooler(spec);
  pooler.stop();
  for (const char* file : {"tls.crt", "tls.key"})
    copy_tree(certificates.path() / file, pooler.directory() / file);
  spec = pooler.spec();
  spec.tls_secret = "shop-tls";
  pooler.write(spec);
  pooler.start();

  auto options = pooler.login();
  options.sslmode = "verify-full";
  options.host = "localhost";
  options.sslrootcert_pem = read_file(pooler.directory() / "tls.crt");
  const auto with = postgres::Session::connect(options);
  EXPECT_TRUE(with) << with.error().message() << pooler.log();
  options.sslmode = "disable";
  const auto without = postgres::Session::connect(options);
  EXPECT_TRUE(without) << without.error().message();
}

TEST(PoolerTls, WithoutACertificateTlsIsRefusedClearly) {
  const auto database = make_database();
  const PgBouncerProcess pooler(spec_for(*database));
  auto options = pooler.login();
  options.sslmode = "require";
  const auto session = postgres::Session::connect(options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::Invalid) << session.error().message();
}

TEST(PoolerTls, ToTheServerVerified) {
  std::string certificate;
  const auto database = make_tls_database(certificate);
  auto spec = spec_for(*database);
  spec.server_host = "localhost";
  spec.server_sslmode = "verify-full";
  spec.server_ca_pem = certificate;
  const PgBouncerProcess pooler(spec);
  auto session = postgres::Session::connect(pooler.login());
  ASSERT_TRUE(session) << session.error().message() << pooler.log();
  ASSERT_TRUE(session->query("begin"));
  EXPECT_TRUE(server_side_tls(*database));
}

TEST(PoolerTls, AStrangersCertificateIsRefused) {
  std::string certificate;
  const auto database = make_tls_database(certificate);
  const TemporaryDirectory other;
  make_certificate(other.path(), "other");
  auto spec = spec_for(*database);
  spec.server_host = "localhost";
  spec.server_sslmode = "verify-full";
  spec.server_ca_pem = read_file(other.path() / "other.crt");
  const PgBouncerProcess pooler(spec);
  auto options = pooler.login();
  options.deadline = std::chrono::seconds(3);
  EXPECT_FALSE(postgres::Session::connect(options));
}

// The administrator's own sessions take the same two fields of the admin Secret.
TEST(SessionTls, VerifiesTheServer) {
  std::string certificate;
  const auto database = make_tls_database(certificate);
  auto options = database->login();
  options.host = "localhost";
  options.sslmode = "verify-full";
  options.sslrootcert_pem = certificate;
  auto session = postgres::Session::connect(options);
  ASSERT_TRUE(session) << session.error().message();
  EXPECT_TRUE(session->query("select 1"));

  const TemporaryDirectory other;
  make_certificate(other.path(), "other");
  options.sslrootcert_pem = read_file(other.path() / "other.crt");
  const auto stranger = postgres::Session::connect(options);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().kind, ErrorKind::Unauthorized);
  EXPECT_THAT(stranger.error().message(), HasSubstr("certificate verify failed"));

  options.sslrootcert_pem.clear();
  EXPECT_FALSE(postgres::Session::connect(options)) << "the system's roots do not know it";
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
