// Everything one turn has read: the core's Observation and what executing and reporting need.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "error_tally.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/kube/objects.h"
#include "pgrightsizer/pgbouncer/console.h"
#include "pgrightsizer/pgbouncer/pooler.h"
#include "pgrightsizer/postgres/server.h"
#include "pgrightsizer/providers/provider.h"
#include "pgrightsizer/saturation/saturation.h"
#include "pgrightsizer/sizing/sizing.h"
#include "pgrightsizer/transition/transition.h"
#include "reasons.h"
#include "targets.h"

namespace pgrightsizer::controller {

// Something the user must know: becomes a condition, an event and a log line.
struct Problem {
  Reason reason;
  std::string message;  // names the object, the field and the remedy
  bool blocks = true;   // no step is taken while it lasts
};

struct Admin {
  std::string user;
  std::string password;
  std::string sslmode = "prefer";
  std::string root_ca;
};

struct PoolerPodFacts {
  std::shared_ptr<const kube::Pod> pod;
  std::optional<pgbouncer::Snapshot> snapshot;
};

struct Saturation {
  saturation::Sample now;                  // `at` only when this turn looked
  std::optional<saturation::State> state;  // nothing before it has been measured for long enough
  bool silent = false;                     // nothing has been measured for longer than the window
  saturation::Diagnosis cause;             // means something above Level::Normal
};

struct Errors {
  ErrorCounts total;    // since this process looks at the policy
  ErrorCounts fresh;    // since the turn before
  std::string trouble;  // why some log cannot be read
};

struct Facts {
  std::vector<Problem> problems;

  std::vector<SeenWorkload> seen_workloads;
  std::vector<sizing::Workload> workloads;  // as they are now
  sizing::Plan plan;                        // for the stabilized workloads
  std::chrono::seconds stabilizing{0};      // until a lower count may be followed
  std::vector<transition::Window> windows;  // of restart.windows: those open, and the next

  Admin admin;
  std::vector<pgbouncer::Login> logins;

  providers::Database database;
  std::optional<postgres::Settings> settings;
  std::optional<providers::Override> overridden;
  std::vector<postgres::Backend> direct;  // sessions of the application past the pooler
  std::vector<postgres::Backend> pooled;  // sessions that are poolers' server connections
  std::vector<postgres::Backend> long_transactions;  // of the pooled, as restart.longTransactionSeconds says
  sizing::Count sessions = 0;  // all client backends, ours included

  Saturation saturation;
  Errors errors;

  std::string incompatible;  // what keeps the application on the direct route; empty: nothing

  bool front_exists = false;
  std::string front_uid;
  bool front_has_poolers = false;  // its EndpointSlices show one that is ready
  bool users_pending = false;  // the auth_file in the Secret is not what the pods were told
  std::string pooler_uid;
  bool pooler_gone = false;  // its Deployment does not exist
  bool template_current = false;  // the Deployment's pods are what would be applied now
  std::string guard_image;  // of the present Deployment: kept until its template changes anyway
  std::vector<PoolerPodFacts> pods;

  transition::Observation seen;

  [[nodiscard]] bool blocked() const {
    for (const auto& problem : problems)
      if (problem.blocks) return true;
    return false;
  }
};

}  // namespace pgrightsizer::controller
