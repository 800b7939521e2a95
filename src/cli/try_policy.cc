#include "try_policy.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/result.h"
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/credentials.h"
#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::cli {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{500};
constexpr const char* kName = "pg-rightsizer-test";

kube::Json policy() {
  return {{"apiVersion", api::kApiVersion},
          {"kind", api::kKind},
          {"metadata", {{"name", kName}}},
          {"spec",
           {{"mode", "Recommend"},
            {"workloads", {{{"name", "app"}, {"targetRef", {{"kind", "Deployment"}, {"name", kName}}}}}},
            {"database",
             {{"provider", "External"},
              {"host", "127.0.0.1"},
              {"adminSecretName", kName},
              {"applicationSecrets", {kName}}}}}}};
}

// "False WorkloadNotFound: …", once the operator has said something.
Result<std::string> answer(kube::Client& client, const kube::Ref& ref, Steady::time_point until) {
  while (true) {
    const auto object = client.get(ref);
    if (!object) return fail(object.error());
    const auto status = api::parse_metadata(*object).status;
    if (const auto* ready = api::find_condition(status.conditions, api::kReady))
      return ready->status + " " + ready->reason + ": " + ready->message;
    if (Steady::now() >= until)
      return fail(ErrorKind::Timeout, "the operator has not said anything in its status", ref.text(),
                  "look at the operator's log, and whether it watches this namespace");
    std::this_thread::sleep_for(kPause);
  }
}

Result<std::string> tried(kube::Client& client, const kube::Ref& ref, std::chrono::seconds timeout) {
  const auto until = Steady::now() + timeout;
  if (auto left = client.remove(ref); !left) return fail(left.error());
  if (auto made = client.create(ref, policy()); !made) return fail(made.error());
  auto said = answer(client, ref, until);
  if (auto gone = client.remove(ref); !gone && said) return fail(gone.error());
  return said;
}

}  // namespace

int try_policy(const TryPolicyOptions& options, Logger& logger) {
  kube::initialize_http();
  const auto give_up = [&](const Error& error) {
    logger.error(error.message());
    return 1;
  };
  const auto credentials = kube::find_credentials(options.kubeconfig);
  if (!credentials) return give_up(credentials.error());
  const auto http = kube::make_transport(*credentials);
  if (!http) return give_up(http.error());
  kube::Client client(**http, logger);
  const kube::Ref ref{kube::resources::kConnectionPolicy, options.name_space, kName};
  const auto said = tried(client, ref, std::chrono::seconds(options.timeout_seconds));
  if (!said) return give_up(said.error());
  logger.info("the operator answers: Ready " + *said);
  return 0;
}

}  // namespace pgrightsizer::cli
