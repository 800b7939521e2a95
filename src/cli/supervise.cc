#include "supervise.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <string>

namespace pgrightsizer::cli {

namespace {

constexpr timespec kBeforeAnother{0, 500'000'000};

sigset_t blocked_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, one);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

pid_t start(const std::function<int()>& work) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  _exit(getppid() == parent ? work() : 1);
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

int supervise(const std::function<int()>& work, Logger& logger) {
  const sigset_t signals = blocked_signals();
  bool stopping = false;
  while (true) {
    const pid_t worker = start(work);
    if (worker < 0) return work();  // better alone than not at all
    if (stopping) kill(worker, SIGTERM);
    int status = 0;
    while (waitpid(worker, &status, WNOHANG) == 0) {
      if (sigwaitinfo(&signals, nullptr) == SIGCHLD) continue;
      stopping = true;
      kill(worker, SIGTERM);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    logger.error("it died and is started again", {{"how", how_it_ended(status)}});
    const int signal = sigtimedwait(&signals, nullptr, &kBeforeAnother);
    stopping = stopping || signal == SIGTERM || signal == SIGINT;
  }
}

}  // namespace pgrightsizer::cli
