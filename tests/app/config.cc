#include "app/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "app/pacing.h"

namespace pgrightsizer::app {
namespace {

struct Option {
  const char* flag;
  const char* env;      // may be empty
  const char* binding;  // file of the binding Secret, may be empty
  const char* fallback;
  const char* help;
};

constexpr std::array<Option, 18> kOptions{{
    {"host", "PGHOST", "host", "127.0.0.1", "server name, address or socket directory"},
    {"port", "PGPORT", "port", "5432", ""},
    {"dbname", "PGDATABASE", "database", "app", ""},
    {"user", "PGUSER", "username", "app", ""},
    {"sslmode", "PGSSLMODE", "", "prefer", "as libpq has it"},
    {"password-file", "APP_PASSWORD_FILE", "", "", "else PGPASSWORD, else the binding's password"},
    {"binding-dir", "APP_BINDING_DIR", "", "", "a mounted binding Secret"},
    {"pod", "POD_NAME", "", "app", "name of this instance; must be unique"},
    {"connections", "APP_CONNECTIONS", "", "20", "connections kept open"},
    {"rate", "APP_RATE", "", "4", "ledger transactions per second"},
    {"instances-hint", "TOTAL_INSTANCES", "", "0", "number of instances, for the cap below"},
    {"total-rate-cap", "APP_TOTAL_RATE_CAP", "", "400", "the rate of all instances together"},
    {"lifetime", "APP_LIFETIME", "", "40", "seconds a connection lives, +- 10 %"},
    {"connect-timeout", "APP_CONNECT_TIMEOUT", "", "10", "seconds"},
    {"command-timeout", "APP_COMMAND_TIMEOUT", "", "30", "seconds, for each statement"},
    {"parallel-connects", "APP_PARALLEL_CONNECTS", "", "4", "attempts at once (1 after a failure)"},
    {"listen", "APP_LISTEN", "", "0.0.0.0:8080", "address:port of the JSON"},
    {"final-dir", "APP_FINAL_DIR", "", "", "directory for this instance's record"},
}};

std::map<std::string, std::string> parse_flags(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    std::string value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      throw std::invalid_argument(name + " needs a value");
    }
    const bool known = std::any_of(kOptions.begin(), kOptions.end(), [&](const Option& o) {
      return name == "--" + std::string(o.flag);
    });
    if (!known) throw std::invalid_argument("unknown flag " + name);
    flags[name.substr(2)] = value;
  }
  return flags;
}

// Looks an option up: flag, environment, binding, default.
class Values {
 public:
  Values(const std::vector<std::string>& arguments, const GetEnv& get_env)
      : flags_(parse_flags(arguments)), get_env_(get_env) {
    binding_dir_ = text("binding-dir");
  }

  std::string text(const std::string& flag) const {
    const auto given = flags_.find(flag);
    if (given != flags_.end()) return given->second;
    const auto& option = *std::find_if(kOptions.begin(), kOptions.end(),
                                       [&](const Option& o) { return flag == o.flag; });
    if (const char* value = get_env_(option.env); value != nullptr && *value != 0) return value;
    if (*option.binding != 0 && !binding_dir_.empty()) {
      const std::string bound = read_secret(binding_dir_ + "/" + option.binding);
      if (!bound.empty()) return bound;
    }
    return option.fallback;
  }

  double number(const std::string& flag, double least, double most) const {
    const std::string value = text(flag);
    double parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    const bool read = error == std::errc() && end == value.data() + value.size();
    if (!read || !(parsed >= least && parsed <= most)) {
      throw std::invalid_argument("--" + flag + ": " + value + " is not a number between " +
                                  std::to_string(least) + " and " + std::to_string(most));
    }
    return parsed;
  }

  std::chrono::milliseconds seconds(const std::string& flag) const {
    return std::chrono::milliseconds(static_cast<std::int64_t>(number(flag, 0.1, 86'400) * 1000));
  }

  const std::string& binding_dir() const { return binding_dir_; }

 private:
  std::map<std::string, std::string> flags_;
  const GetEnv& get_env_;
  std::string binding_dir_;
};

void set_listen(const std::string& listen, Config& config) {
  const auto colon = listen.rfind(':');
  const char* end = listen.data() + listen.size();
  const char* port = colon == std::string::npos ? end : listen.data() + colon + 1;
  const auto [rest, error] = std::from_chars(port, end, config.listen_port);
  if (error != std::errc() || rest != end) {
    throw std::invalid_argument("--listen: " + listen + " is not address:port");
  }
  config.listen_host = listen.substr(0, colon);
}

void set_password(const Values& values, const GetEnv& get_env, Config& config) {
  config.password_file = values.text("password-file");
  if (!config.password_file.empty()) return;
  if (const char* password = get_env("PGPASSWORD"); password != nullptr) {
    config.password = password;
  } else if (!values.binding_dir().empty()) {
    config.password_file = values.binding_dir() + "/password";
  }
}

}  // namespace

std::string read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Config parse_config(const std::vector<std::string>& arguments, const GetEnv& get_env) {
  const Values values(arguments, get_env);
  Config config;
  config.host = values.text("host");
  config.port = values.text("port");
  config.dbname = values.text("dbname");
  config.user = values.text("user");
  config.sslmode = values.text("sslmode");
  set_password(values, get_env, config);
  config.pod = values.text("pod");
  config.connections = static_cast<int>(values.number("connections", 1, 10'000));
  config.rate_per_s =
      capped_rate(values.number("rate", 0, 1'000), values.number("total-rate-cap", 0, 1e6),
                  static_cast<int>(values.number("instances-hint", 0, 1e6)));
  config.lifetime = values.seconds("lifetime");
  config.connect_timeout = values.seconds("connect-timeout");
  config.command_timeout = values.seconds("command-timeout");
  config.parallel_connects = static_cast<int>(values.number("parallel-connects", 1, 10'000));
  set_listen(values.text("listen"), config);
  config.final_dir = values.text("final-dir");
  return config;
}

std::string usage() {
  std::string text = "usage: app [--FLAG VALUE]…\n";
  for (const Option& option : kOptions) {
    text += "  --" + std::string(option.flag);
    text.resize(std::max(text.size(), text.rfind('\n') + 23), ' ');
    text += std::string(option.help) + " (default '" + option.fallback + "'";
    if (*option.env != 0) text += ", env " + std::string(option.env);
    text += ")\n";
  }
  return text;
}

}  // namespace pgrightsizer::app
