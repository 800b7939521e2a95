// What a reconcile remembers of one policy from turn to turn, in memory only: caches, and timers
// that may start from zero after a take-over. Nothing here decides whether a step is safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/postgres/session.h"
#include "pgrightsizer/providers/provider.h"
#include "pgrightsizer/transition/stabilizer.h"
#include "pgrightsizer/transition/transition.h"

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

  std::optional<Instant> starting_since;  // instances have been starting ever since

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
    std::string reason;
    std::string message;
  };
  std::optional<Refusal> refusal;

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

  std::string console_password;
  // Pooler pods, by uid, that are known to serve this digest of the auth_file.
  std::map<std::string, std::string> users_served;
  std::set<std::string> told;  // events that are told once while they last
};

}  // namespace pgrightsizer::controller
