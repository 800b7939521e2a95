#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pgrightsizer::app {

struct Config {
  // Where and who. Each from its flag, else its environment variable, else the file of that name in
  // the binding directory (a mounted binding Secret).
  std::string host, port, dbname, user, sslmode;
  std::string password;       // used when password_file is empty
  std::string password_file;  // read at each connect, so that a rotated password is noticed

  std::string pod;
  int connections = 20;
  double rate_per_s = 4;  // already capped by the number of instances
  std::chrono::milliseconds lifetime{40'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds command_timeout{30'000};
  int parallel_connects = 4;

  std::string listen_host;
  std::uint16_t listen_port = 0;
  std::string final_dir;  // empty: no record is written
};

using GetEnv = std::function<const char*(const char*)>;

// Throws std::invalid_argument with a sentence for the user.
Config parse_config(const std::vector<std::string>& arguments, const GetEnv& get_env);

std::string usage();

// The whole file without its last line end; empty when it cannot be read.
std::string read_secret(const std::string& path);

}  // namespace pgrightsizer::app
