// A server as a child of the test: never outlives it, and never runs as root.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pgrightsizer::testing {

// True as soon as `done` is; false when it is not within `limit`.
[[nodiscard]] bool eventually(const std::function<bool()>& done,
                              std::chrono::milliseconds limit = std::chrono::seconds(10));

// A port of 127.0.0.1 that was free a moment ago.
[[nodiscard]] int free_port();

void write_file(const std::filesystem::path& path, const std::string& text);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

// With owners and modes.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

// A directory of its own below /tmp that belongs to whom servers run as; removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs as the user postgres when the test is root, else as who we are.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  // Standard output and error are appended to `log`. Throws when it cannot be started.
  void start(const std::vector<std::string>& command, const std::filesystem::path& log);
  [[nodiscard]] bool running();
  void signal(int number) const;
  // Exit status, or 128 + the signal; -1 when it still runs at the end of `limit`.
  int wait(std::chrono::milliseconds limit);
  // With SIGKILL if `number` does not do it in time.
  void stop(int number, std::chrono::milliseconds limit = std::chrono::seconds(20));
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

// Runs a command to its end; throws with its output when it fails.
void run(const std::vector<std::string>& command, const std::filesystem::path& log);

}  // namespace pgrightsizer::testing
