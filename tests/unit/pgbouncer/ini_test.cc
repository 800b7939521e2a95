// pgbouncer.ini: what it says, and what it must never say.
#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "unit/pgbouncer/example.h"

namespace pgrightsizer::pgbouncer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

struct Ini {
  std::vector<std::string> databases;           // lines of [databases]
  std::map<std::string, std::string> settings;  // of [pgbouncer]
};

Ini parse(const std::string& text) {
  Ini ini;
  std::istringstream lines(text);
  std::string line;
  std::string section;
  while (std::getline(lines, line)) {
    if (line.empty() || line.front() == ';') continue;
    if (line.front() == '[') {
      section = line;
    } else if (section == "[databases]") {
      ini.databases.push_back(line);
    } else {
      const auto at = line.find(" = ");
      EXPECT_NE(at, std::string::npos) << line;
      const auto [it, added] = ini.settings.emplace(line.substr(0, at), line.substr(at + 3));
      EXPECT_TRUE(added) << line << " is set twice";
    }
  }
  return ini;
}

TEST(Ini, SaysWhatTheTransitionsNeed) {
  const auto ini = parse(render_ini(example_spec()));
  const std::map<std::string, std::string> demanded = {
      {"pool_mode", "transaction"},
      {"default_pool_size", "18"},
      {"max_db_connections", "18"},
      {"reserve_pool_size", "0"},
      {"min_pool_size", "0"},
      {"max_client_conn", "10000"},
      {"server_login_retry", "1"},
      {"dns_max_ttl", "1"},
      {"query_wait_timeout", "120"},
      {"auth_type", "scram-sha-256"},
      {"auth_file", "/etc/pgbouncer-secret/userlist.txt"},
      {"admin_users", "pgrightsizer"},
      {"unix_socket_dir", "/run/pgbouncer"},
      {"listen_port", "5432"},
      {"ignore_startup_parameters", "extra_float_digits"},
      {"max_prepared_statements", "200"},
      {"client_tls_sslmode", "disable"},
      {"server_tls_sslmode", "prefer"}};
  for (const auto& wanted : demanded) EXPECT_THAT(ini.settings, ::testing::Contains(wanted));
}

TEST(Ini, EntriesAreExplicitAndHaveNoCapsOfTheirOwn) {
  auto spec = example_spec();
  spec.server_port = 5433;
  const auto ini = parse(render_ini(spec));
  EXPECT_THAT(ini.databases,
              ElementsAre("shop = host='shop-db-direct.shop.svc' port=5433 dbname='shop'"));
  const auto text = render_ini(spec);
  EXPECT_THAT(text, Not(HasSubstr("*  =")));
  EXPECT_THAT(text, Not(HasSubstr("\n* =")));
  EXPECT_THAT(text, Not(HasSubstr("\npool_size")));
}

TEST(Ini, SeveralDatabasesShareTheCap) {
  auto spec = example_spec();
  spec.logins.push_back({"stock", "x", "stock"});
  spec.logins.push_back({"report", "y", "shop"});
  EXPECT_EQ(database_count(spec), 2);
  const auto ini = parse(render_ini(spec));
  EXPECT_EQ(ini.databases.size(), 2U);
  EXPECT_EQ(ini.settings.at("default_pool_size"), "9");
  EXPECT_EQ(ini.settings.at("max_db_connections"), "9");
}

TEST(Ini, ACapIsNeverUnlimited) {
  EXPECT_EQ(cap_per_database(75, 1), 75);
  EXPECT_EQ(cap_per_database(75, 2), 37);
  EXPECT_EQ(cap_per_database(2, 3), 1);
  EXPECT_EQ(cap_per_database(0, 1), 1);
  EXPECT_EQ(cap_per_database(5, 0), 5);
  auto spec = example_spec();
  spec.boot_cap = 0;
  EXPECT_EQ(parse(render_ini(spec)).settings.at("default_pool_size"), "1");
}

TEST(Ini, KnowsWhatOldVersionsLack) {
  EXPECT_THAT(render_ini(example_spec(), {1, 20, 1}), Not(HasSubstr("max_prepared_statements")));
  EXPECT_THAT(render_ini(example_spec(), {1, 21, 0}), HasSubstr("max_prepared_statements = 200"));
}

TEST(Ini, TlsToClients) {
  auto spec = example_spec();
  spec.tls_secret = "shop-tls";
  const auto settings = parse(render_ini(spec)).settings;
  EXPECT_EQ(settings.at("client_tls_sslmode"), "prefer") << "both with and without are served";
  EXPECT_EQ(settings.at("client_tls_cert_file"), "/etc/pgbouncer-tls/tls.crt");
  EXPECT_EQ(settings.at("client_tls_key_file"), "/etc/pgbouncer-tls/tls.key");
}

TEST(Ini, TlsToTheServer) {
  auto spec = example_spec();
  spec.server_sslmode = "verify-full";
  EXPECT_EQ(parse(render_ini(spec)).settings.at("server_tls_ca_file"),
            "/etc/ssl/certs/ca-certificates.crt");
  spec.server_ca_pem = "PEM";
  const auto settings = parse(render_ini(spec)).settings;
  EXPECT_EQ(settings.at("server_tls_sslmode"), "verify-full");
  EXPECT_EQ(settings.at("server_tls_ca_file"), "/etc/pgbouncer-secret/server-ca.pem");
}

// check() refuses these; the file must hold even if nobody asked.
TEST(Ini, ValuesCannotStartALineOfTheirOwn) {
  auto spec = example_spec();
  spec.server_host = "host'\nadmin_users = mallory";
  spec.logins.front().database = "a'b\"c\n[pgbouncer]";
  const auto text = render_ini(spec);
  const auto ini = parse(text);
  EXPECT_EQ(ini.databases.size(), 1U);
  EXPECT_EQ(ini.settings.at("admin_users"), "pgrightsizer");
  EXPECT_THAT(ini.databases.front(), HasSubstr("dbname='a''b\"c[pgbouncer]'"));
}

}  // namespace
}  // namespace pgrightsizer::pgbouncer
