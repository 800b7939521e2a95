// What a reconcile remembers of one policy from turn to turn, in memory only: caches, and timers
// that may start from zero after a take-over. Nothing here decides whether a step is safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "error_tally.h"
#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/pgbouncer/console.h"
#include "pgrightsizer/postgres/session.h"
#include "pgrightsizer/providers/provider.h"
#include "pgrightsizer/saturation/saturation.h"
#include "pgrightsizer/schedule/schedule.h"
#include "pgrightsizer/transition/stabilizer.h"
#include "pgrightsizer/transition/transition.h"
#include "reasons.h"

namespace pgrightsizer::controller {

using Instant = std::chrono::steady_clock::time_point;

struct Memory {
  std::string uid;  // of the policy: one of the same name made anew is another

  // Ours alone writes the status, so the last one written is the present one; the informer's copy
  // may lag behind.
  std::optional<api::Status> status;
  Instant status_written{};

  transition::Stabilizer stabilizer;

  std::unique_ptr<providers::Provider> provider;
  std::string provider_key;

  std::optional<postgres::Session> admin;
  std::string admin_key;  // where and as whom it is logged in
  sizing::Count last_effective = 0;
  sizing::Count last_reserved = 3;

  // "Zero direct sessions in three looks", at least 1 s apart.
  int looks_without_direct = 0;
  Instant last_look{};

  // The restart that this operator is at. A take-over knows nothing of it, and ends what it finds.
  struct RestartUnderWay {
    std::optional<postgres::Session> checkpoint;  // a session of its own: it takes as long as it takes
    std::pair<Instant, std::string> checkpoint_of;  // when it was begun, and the uid of the server's pod
    std::optional<Instant> checkpointed;          // when the last one ended, or could not be had
    std::string begun_uid;                        // of the pod whose deletion was asked for
    sizing::Count direct_cost = 0;                // direct sessions that were open then
    std::optional<Instant> paused;                // when every pooler was paused
    std::optional<WallTime> pause_retry_at;       // after a PAUSE that was held up
    int pauses_held_up = 0;                       // in a row
    std::optional<WallTime> retry_at;             // after a refusal of the API server
    int refusals = 0;                             // in a row
  };
  RestartUnderWay restart;

  std::optional<Instant> starting_since;  // instances have been starting ever since

  bool poolers_paused = false;  // some, at the last look
  std::optional<transition::Route> front_route;  // where the front Service led last

  // Since when the EndpointSlices have shown nothing but this route.
  std::optional<transition::Route> endpoints_route;
  Instant endpoints_since{};

  // Logins as the application, tried only while a move is under way.
  struct Probe {
    transition::Login direct = transition::Login::Unknown;
    transition::Login pooled = transition::Login::Unknown;
    std::string failure;
    Instant at{};
    std::optional<WallTime> failing_since;
  };
  Probe probe;

  // What we last asked the provider for: something else there is somebody else's change.
  struct Request {
    std::optional<sizing::Count> value;
    std::optional<WallTime> foreign_since;
    std::optional<WallTime> put_back;  // the last time we did
  };
  Request request;

  // A write that the last turn was refused for good reason; the next turns tell it until one goes
  // through.
  struct Refusal {
    Reason reason;
    std::string message;
  };
  std::optional<Refusal> refusal;

  // What sessions were seen to use that transaction pooling breaks.
  struct Readiness {
    struct Seen {
      std::string text;
      Instant seen;  // last
    };
    std::map<std::string, Seen> found;  // by what it is
    std::optional<Instant> looked;
    int clean_looks = 0;  // in a row
    std::string error;    // of the last look; empty: it succeeded
  };
  Readiness readiness;

  // restart.windows as they were read last.
  struct Windows {
    std::string text;
    std::vector<schedule::Schedule> schedules;
    std::string error;
  };
  Windows windows;

  // How full it is, and why; see observe_saturation.
  struct SaturationWatch {
    saturation::Window window;
    Instant looked{};                                 // at the last look, or when one was not to count
    std::optional<Instant> heard;                     // the last look that counts, or the first turn
    std::map<std::string, pgbouncer::Totals> totals;  // by uid of the pooler pod
    saturation::Diagnosis cause;                      // when it was last above Normal
  };
  SaturationWatch saturation;

  // Connections that were refused or cut; see observe_errors.
  struct ErrorWatch {
    struct Log {
      std::string pod;
      std::shared_ptr<void> follower;  // read until this is destroyed
    };
    std::optional<WallTime> since;  // the first turn
    std::shared_ptr<ErrorTally> tally = std::make_shared<ErrorTally>();
    std::map<std::string, Log> logs;  // by uid of the pod
    ErrorCounts total;
  };
  ErrorWatch errors;

  // Of a replicated database.
  struct Standbys {
    std::map<std::string, postgres::Session> sessions;  // by login and uid of the pod
    std::map<std::string, WallTime> away_since;         // by name of the pod
    std::set<sizing::Count> pins;                       // values we have pinned
    // How far the primary's WAL was at the first look after its start: later is safe, too.
    WallTime primary_start{};
    std::string position;
    std::string redo;
  };
  Standbys standbys;

  bool pooler_swept = false;  // nothing of the pooler is left beside its Deployment
  std::string console_password;
  // Caps as we announced them last, by uid of the pooler pod.
  std::map<std::string, sizing::Count> announced;
  // Pooler pods, by uid, that are taken to serve what this is the digest of.
  struct UsersServed {
    std::string digest;
    Instant until{};  // what did not tell is asked again
  };
  std::map<std::string, UsersServed> users_served;
  std::set<std::string> told;  // events that are told once while they last
};

}  // namespace pgrightsizer::controller
