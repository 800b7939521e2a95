#include "integration/support/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace pgrightsizer::testing {
namespace {

// PostgreSQL and PgBouncer refuse to run as root.
const passwd* server_user() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  if (!user) throw std::runtime_error("there is no user postgres to run servers as");
  return user;
}

// In the child: nothing but system calls until exec.
[[noreturn]] void become(const std::vector<char*>& arguments, int output, const passwd* user) {
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (user &&
      (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
    _exit(126);
  // After setuid, which forgets it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(socket);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  fs::copy(from, to, fs::copy_options::recursive);
  const auto copy_rights = [](const fs::path& source, const fs::path& target) {
    struct stat status {};
    if (stat(source.c_str(), &status) != 0 ||
        chown(target.c_str(), status.st_uid, status.st_gid) != 0 ||
        chmod(target.c_str(), status.st_mode) != 0)
      throw std::runtime_error("cannot copy the rights of " + source.string());
  };
  copy_rights(from, to);
  if (!fs::is_directory(from)) return;
  for (const auto& entry : fs::recursive_directory_iterator(from))
    copy_rights(entry.path(), to / fs::relative(entry.path(), from));
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = "/tmp/pgrightsizer-test-XXXXXX";
  if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
  path_ = name;
  if (const passwd* user = server_user(); user && chown(name.c_str(), user->pw_uid, user->pw_gid))
    throw std::runtime_error("cannot give away " + name);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ChildProcess::~ChildProcess() { stop(SIGKILL); }

void ChildProcess::start(const std::vector<std::string>& command,
                         const std::filesystem::path& log) {
  std::vector<std::string> copies = command;
  std::vector<char*> arguments;
  for (auto& argument : copies) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const passwd* user = server_user();
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  pid_ = fork();
  if (pid_ == 0) become(arguments, output, user);
  close(output);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  status_ = -1;
}

bool ChildProcess::running() { return pid_ > 0 && wait(std::chrono::milliseconds(0)) == -1; }

void ChildProcess::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

int ChildProcess::wait(std::chrono::milliseconds limit) {
  if (pid_ <= 0) return status_;
  int status = 0;
  if (!eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) return -1;
  pid_ = -1;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

void ChildProcess::stop(int number, std::chrono::milliseconds limit) {
  signal(number);
  if (wait(limit) != -1 || pid_ <= 0) return;
  signal(SIGKILL);
  wait(std::chrono::seconds(10));
}

void run(const std::vector<std::string>& command, const std::filesystem::path& log) {
  ChildProcess child;
  child.start(command, log);
  if (child.wait(std::chrono::seconds(60)) != 0)
    throw std::runtime_error(command[0] + " failed: " + read_file(log));
}

}  // namespace pgrightsizer::testing
