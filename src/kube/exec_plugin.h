// Credentials from a program, as clouds have them: client.authentication.k8s.io, v1 and v1beta1.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "pgrightsizer/base/clock.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/credentials.h"
#include "token_source.h"

namespace pgrightsizer::kube {

struct ExecCredential {
  std::string token;            // empty: none
  std::string client_cert_pem;  // empty: none
  std::string client_key_pem;
  std::optional<WallTime> expires;
};

constexpr std::chrono::milliseconds kPluginPatience{60'000};

// Runs the program and waits for its answer; what it writes to stderr goes where ours goes. It is
// never asked interactively, and is killed at the deadline, or soon after a stop. Errors name the
// program and what to do.
[[nodiscard]] Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin,
                                                     std::chrono::milliseconds deadline = kPluginPatience,
                                                     const std::stop_token& stop = {});

// For the requests' token: what the program said the first time, then what it says when that is no
// longer good. `show` gets the client certificate, if it has one, and its key.
using ShowCertificate = std::function<Result<void>(const std::string& cert_pem, const std::string& key_pem)>;
[[nodiscard]] TokenSource::Renew from_plugin(ExecPlugin plugin, ExecCredential first, ShowCertificate show);

}  // namespace pgrightsizer::kube
