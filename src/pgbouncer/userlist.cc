#include <algorithm>
#include <cctype>
#include <map>

#include "pgrightsizer/pgbouncer/pooler.h"

namespace pgrightsizer::pgbouncer {
namespace {

// The longest that PgBouncer 1.18 and later keep, without the final NUL.
constexpr std::size_t kLongestName = 127;
constexpr std::size_t kLongestPassword = 2047;

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; });
}

// What the name of an entry in pgbouncer.ini may consist of: quoted names are documented, and taken
// for a syntax error by 1.18 and 1.24.
bool is_entry_name(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// PgBouncer tells plain text from a digest by its look alone.
bool looks_like_digest(const std::string& password) {
  if (password.starts_with("SCRAM-SHA-256$")) return true;
  return password.size() == 35 && password.starts_with("md5") &&
         std::all_of(password.begin() + 3, password.end(),
                     [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

Result<void> refuse(const std::string& what, const std::string& remedy) {
  return fail(ErrorKind::Invalid, what, {}, remedy);
}

Result<void> check_login(const Spec& spec, const Login& login) {
  if (login.user.empty() || login.database.empty() || login.password.empty())
    return refuse("a login for the pooler lacks username, password or database",
                  "give all three keys in the application Secret");
  if (login.database == "pgbouncer")
    return refuse("a database named pgbouncer cannot be pooled: its name is the console's",
                  "rename the database, or set spec.pooler.provision to Never");
  if (login.user == spec.console_user)
    return refuse("the application's user " + login.user + " is the console's",
                  "use another role for the application");
  if (has_control(login.user) || has_control(login.password) || has_control(login.database))
    return refuse("the login of " + login.user + " has a control character (a line end?)",
                  "remove it from the application Secret");
  if (!is_entry_name(login.database))
    return refuse("PgBouncer cannot serve a database named \"" + login.database +
                      "\": only letters, digits, _, - and . are possible",
                  "rename the database, or set spec.pooler.provision to Never");
  if (login.user.size() > kLongestName || login.password.size() > kLongestPassword)
    return refuse("the login of " + login.user + " is longer than PgBouncer can keep",
                  "use a name of at most 127 and a password of at most 2047 bytes");
  if (looks_like_digest(login.password))
    return refuse("the password of " + login.user + " looks like a digest",
                  "put the password itself into the application Secret");
  return {};
}

std::string doubled(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (std::iscntrl(static_cast<unsigned char>(c))) continue;  // see check()
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Result<void> check(const Spec& spec) {
  if (spec.logins.empty())
    return refuse("the pooler has no application to serve",
                  "name an application Secret in spec.database.applicationSecrets");
  std::map<std::string, std::string> passwords;
  for (const auto& login : spec.logins) {
    if (auto checked = check_login(spec, login); !checked) return checked;
    const auto [known, added] = passwords.emplace(login.user, login.password);
    if (!added && known->second != login.password)
      return refuse("the application Secrets give " + login.user + " two passwords",
                    "give the same password, or another user, in each of them");
  }
  return {};
}

std::string render_userlist(const Spec& spec) {
  std::map<std::string, std::string> users;  // sorted: the file changes only when a login does
  for (const auto& login : spec.logins) users.emplace(login.user, login.password);
  std::string out = doubled(spec.console_user) + " " + doubled(spec.console_password) + "\n";
  for (const auto& [user, password] : users) out += doubled(user) + " " + doubled(password) + "\n";
  return out;
}

}  // namespace pgrightsizer::pgbouncer
