#include "program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "guard.h"
#include "memory.h"
#include "pgrightsizer/telemetry/log.h"
#include "simulate.h"
#include "try_policy.h"

namespace pgrightsizer::cli {

int run_program(int argc, char** argv, RunOptions run) {
  keep_the_heap_small();

  CLI::App app{"Keeps PostgreSQL's connection limits in step with the applications that use it."};
  app.set_version_flag("--version", PGRS_VERSION);
  app.require_subcommand(1);
  // So that whoever can only add to a command line, as the chart's extraArgs do, can change it.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  std::string level = "info";
  std::string format = "text";
  auto* run_command = app.add_subcommand("run", "Run the operator until SIGTERM.");
  run_command->add_option("--kubeconfig", run.kubeconfig,
                          "Kubeconfig file; else $KUBECONFIG, the pod's own account, ~/.kube/config.");
  run_command
      ->add_option("--namespace", run.watch_namespaces,
                   "Watch this namespace only; may be given several times.")
      ->take_all();
  run_command->add_option("--workers", run.workers, "Policies reconciled at the same time.")
      ->check(CLI::Range(1, 64));
  run_command->add_option("--pooler-image", run.controller.pooler_image,
                          "PgBouncer image for policies that name none.");
  run_command->add_option("--guard-image", run.controller.guard_image,
                          "Image of this program, for the guard beside each pooler.")
      ->required();
  run_command->add_option("--lease-namespace", run.lease.name_space,
                          "Where the Lease is by which one of several replicas works.");
  run_command->add_option("--lease-name", run.lease.name, "Its name; pg-rightsizer.");
  run_command->add_option("--lease-identity", run.lease.identity,
                          "Of this process in the Lease; that of a pod outlives its containers.");
  run_command->add_option("--metrics-address", run.metrics_address,
                          "Where probes and metrics are served; ADDRESS:PORT, port 0: any.");

  guard::Options guard;
  auto* guard_command = app.add_subcommand(
      "guard", "Beside a PgBouncer: end any pause that lasts too long, until SIGTERM.");
  guard_command->add_option("--socket-dir", guard.socket_directory, "Where PgBouncer's socket is.");
  guard_command->add_option("--port", guard.port, "PgBouncer's port, which names the socket.");
  guard_command->add_option("--state-file", guard.state_file, "Remembers since when it is paused.");
  guard_command
      ->add_option("--max-pause-seconds", guard.max_pause, "The age at which a pause is ended.")
      ->check(CLI::Range(1, 3600));
  guard_command->add_option("--database-host", guard.database_host, "PostgreSQL behind the pooler.")
      ->required();
  guard_command->add_option("--database-port", guard.database_port, "Its port.");

  TryPolicyOptions trial;
  auto* try_command = app.add_subcommand(
      "try-policy", "Whether the operator answers a policy that changes nothing; what helm test runs.");
  try_command->add_option("--kubeconfig", trial.kubeconfig, "As for run.");
  try_command->add_option("--namespace", trial.name_space, "Where the policy is made and deleted again.")
      ->required();
  try_command->add_option("--timeout-seconds", trial.timeout_seconds, "How long it may take.")
      ->check(CLI::Range(1, 3600));
  for (auto* command : {run_command, guard_command, try_command}) {
    command->add_option("--log-level", level, "debug, info, warning or error.")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    command->add_option("--log-format", format, "text or json.")
        ->check(CLI::IsMember({"text", "json"}));
  }

  SimulateOptions simulation;
  auto* simulate_command = app.add_subcommand(
      "simulate", "What a policy would have done with a history of replica counts.");
  simulate_command->add_option("--trace", simulation.trace, "CSV: time,<workload>,…")->required();
  simulate_command->add_option("--policy", simulation.policy, "A ConnectionPolicy, YAML.")->required();
  simulate_command->add_option("--format", simulation.format, "text, json or svg.")
      ->check(CLI::IsMember({"text", "json", "svg"}));

  try {
    CLI11_PARSE(app, argc, argv);
    const auto logger = telemetry::make_logger(telemetry::parse_log_level(level).value_or(LogLevel::Info),
                                               telemetry::parse_log_format(format).value_or(telemetry::LogFormat::Text));
    if (simulate_command->parsed()) {
      const auto text = simulate(simulation);
      std::fputs(text ? text->c_str() : (text.error().message() + "\n").c_str(), text ? stdout : stderr);
      return text ? 0 : 2;
    }
    if (guard_command->parsed()) return run_guard(guard, *logger);
    if (try_command->parsed()) return try_policy(trial, *logger);
    return run_operator(run, *logger);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pg-rightsizer: %s\n", error.what());
    return 1;
  }
}

}  // namespace pgrightsizer::cli
