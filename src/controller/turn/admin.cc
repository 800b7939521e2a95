#include "admin.h"

namespace pgrightsizer::controller {

postgres::ConnectOptions admin_login(const Facts& facts, const std::string& host) {
  postgres::ConnectOptions options;
  options.host = host;
  options.port = facts.database.port;
  options.user = facts.admin.user;
  options.password = facts.admin.password;
  options.sslmode = facts.admin.sslmode;
  options.sslrootcert_pem = facts.admin.root_ca;
  options.deadline = std::chrono::seconds(3);
  return options;
}

std::string standby_key(const Facts& facts, const providers::Standby& standby) {
  const auto& admin = facts.admin;
  return standby.host + "|" + standby.pod_uid + "|" + admin.user + "|" + admin.password + "|" +
         admin.sslmode;
}

}  // namespace pgrightsizer::controller
