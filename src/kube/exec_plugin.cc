#include "exec_plugin.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/kube/json_text.h"

extern char** environ;

namespace pgrightsizer::kube {
namespace {

using Instant = std::chrono::steady_clock::time_point;
using nlohmann::json;

constexpr std::size_t kMaxAnswer = 1u << 20;
constexpr std::chrono::milliseconds kLook{100};  // so soon a stop is seen

tl::unexpected<Error> failure(const ExecPlugin& plugin, const std::string& what) {
  return fail(ErrorKind::Unauthorized, what, "exec plugin " + plugin.command,
              plugin.install_hint.empty() ? "run it by hand and see" : plugin.install_hint);
}

std::string exec_info(const ExecPlugin& plugin) {
  json spec = {{"interactive", false}};
  if (!plugin.cluster.empty()) spec["cluster"] = json::parse(plugin.cluster);
  return json{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", spec}}.dump();
}

// Ours, and on top of it what the kubeconfig and the protocol say.
std::vector<std::string> environment_of(const ExecPlugin& plugin) {
  auto own = plugin.environment;
  own["KUBERNETES_EXEC_INFO"] = exec_info(plugin);
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string text = *one;
    if (!own.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : own) out.emplace_back(name).append("=").append(value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

struct Child {
  pid_t pid = 0;
  int output = -1;
};

Result<Child> start(const ExecPlugin& plugin) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) return failure(plugin, std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  // Our threads have signals blocked, and a child would inherit that.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> arguments{plugin.command};
  arguments.insert(arguments.end(), plugin.arguments.begin(), plugin.arguments.end());
  auto environment = environment_of(plugin);
  Child child{0, pipe[0]};
  const int error = posix_spawnp(&child.pid, plugin.command.c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe[1]);
  if (error == 0) return child;
  close(pipe[0]);
  return failure(plugin, std::string("cannot be started: ") + std::strerror(error));
}

// What it prints until it closes its output.
Result<std::string> read_all(const ExecPlugin& plugin, int fd, std::chrono::milliseconds patience,
                             const std::stop_token& stop) {
  const Instant deadline = std::chrono::steady_clock::now() + patience;
  std::string out;
  std::array<char, 4096> buffer{};
  while (out.size() <= kMaxAnswer) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (stop.stop_requested()) return failure(plugin, "its answer is no longer wanted");
    if (left.count() <= 0) return failure(plugin, "no answer within " + std::to_string(patience.count() / 1000) + " s");
    pollfd ready{fd, POLLIN, 0};
    const int found = poll(&ready, 1, static_cast<int>(std::min(left, kLook).count()));
    if (found == 0) continue;
    const ssize_t count = found < 0 ? -1 : read(fd, buffer.data(), buffer.size());
    if (count == 0) return out;
    if (count > 0) {
      out.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return failure(plugin, std::string("its answer cannot be read: ") + std::strerror(errno));
    }
  }
  return failure(plugin, "its answer is larger than 1 MiB");
}

Result<ExecCredential> parse(const ExecPlugin& plugin, const std::string& text) {
  const auto answer = parse_json(text);
  if (!answer || text_at(*answer, {"kind"}) != "ExecCredential")
    return failure(plugin, "its answer is no ExecCredential");
  if (text_at(*answer, {"apiVersion"}) != plugin.api_version)
    return failure(plugin, "its answer is not of apiVersion " + plugin.api_version);
  ExecCredential out;
  out.token = text_at(*answer, {"status", "token"});
  out.client_cert_pem = text_at(*answer, {"status", "clientCertificateData"});
  out.client_key_pem = text_at(*answer, {"status", "clientKeyData"});
  if (out.token.empty() && out.client_key_pem.empty())
    return failure(plugin, "its answer has neither a token nor a client certificate");
  if (const auto time = parse_rfc3339(text_at(*answer, {"status", "expirationTimestamp"})))
    out.expires = time->second;
  return out;
}

// A minute earlier than it says, so that no request meets the end.
std::chrono::milliseconds good_for(const ExecCredential& credential) {
  using namespace std::chrono_literals;
  if (!credential.expires) return std::chrono::hours(24 * 365);
  return std::max<std::chrono::milliseconds>(*credential.expires - SystemClock().now() - 1min, 10s);
}

}  // namespace

TokenSource::Renew from_plugin(ExecPlugin plugin, ExecCredential first, ShowCertificate show) {
  return [plugin = std::move(plugin), first = std::optional(std::move(first)),
          show = std::move(show)](const std::stop_token& stop) mutable -> Result<FreshToken> {
    auto now = first ? Result<ExecCredential>(*std::exchange(first, std::nullopt))
                     : run_exec_plugin(plugin, kPluginPatience, stop);
    if (!now) return fail(std::move(now.error()));
    if (!now->client_key_pem.empty())
      if (auto shown = show(now->client_cert_pem, now->client_key_pem); !shown)
        return failure(plugin, shown.error().message());
    return FreshToken{now->token, good_for(*now)};
  };
}

Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin, std::chrono::milliseconds deadline,
                                       const std::stop_token& stop) {
  const auto child = start(plugin);
  if (!child) return fail(child.error());
  auto text = read_all(plugin, child->output, deadline, stop);
  close(child->output);
  if (!text) kill(child->pid, SIGKILL);
  int status = 0;
  while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text) return fail(std::move(text.error()));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failure(plugin, "it has failed");
  return parse(plugin, *text);
}

}  // namespace pgrightsizer::kube
