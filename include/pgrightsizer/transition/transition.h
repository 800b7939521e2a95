// The state of one database and the plan, in; the one next safe step, out. Pure: no clock, no I/O.
//
// next_step() is called again and again. It remembers nothing: what it needs to know is read back
// from the cluster (Observation) or kept in the policy's status (History). Every step is
// idempotent, so an operator that dies between any two of them costs only time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pgrightsizer/sizing/sizing.h"

namespace pgrightsizer::transition {

using sizing::Count;
using sizing::Route;
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// ── What is seen ────────────────────────────────────────────────────────────────────────────────

// One pooler pod that exists, terminating ones included.
struct PoolerPod {
  std::string name;
  bool ready = false;
  bool terminating = false;
  bool console = false;  // its console answered in this observation
  bool paused = false;   // at least one of the application's databases is paused on it …
  bool held = false;     // … and all of them are
  // Read back over the console. Out of reach: the larger of `announced` and the boot cap in the
  // file; if it was never announced, of the full boot cap (sizing::boot_cap), with which it may
  // have started before the file was changed.
  Count cap = 0;
  Count announced = 0;  // annotation pgrightsizer.io/cap; 0: none
  Count servers = 0;    // server connections it holds open
  Count clients = 0;    // clients of the application (consoles not counted)
  Count least = 0;      // what it may open however small its cap: one server for each database

  // What it may hold at this moment, whatever happens to the operator: the largest of cap,
  // announced, servers and least.
  [[nodiscard]] Count room() const;
  // What of it the invariant counts: the minimum cap of a pod is granted out of what is kept for
  // others, so a pod that was never allowed more counts only with servers above it.
  [[nodiscard]] Count counted() const;
};

// The pooler as it was last applied.
struct Pooler {
  Count pool_size = 0;    // over all pods: annotation pgrightsizer.io/pool-size of the Deployment
  Count boot_cap = 0;     // in the configuration file, per pod
  Count unseen_cap = 0;   // of a pod not seen yet: the file may have been changed since it started
  Count max_clients = 0;  // in the configuration file, per pod
  Count replicas = 0;     // wanted
  bool current = true;    // its other objects are what would be applied now (image, TLS, …)
  bool frozen = false;    // its rollouts are held: spec.paused of the Deployment
  Count least = 0;        // PoolerPod::least of a pod that starts
};

enum class Login {
  Unknown,  // not tried
  Ok,
  ServerFull,  // SQLSTATE 53300: must not keep out the pooler, which is the way out
  Failing,
};

// One streaming standby of a replicated database, whether its pod exists or not.
struct Standby {
  std::string name;  // of its pod
  bool up = false;   // an administrative session answered; what follows is of this look
  bool terminating = false;
  bool streaming = false;      // from the primary
  bool replay_paused = false;  // by itself (it has too few connections), or by somebody
  bool caught_up = false;      // it has replayed what the primary wrote when it last started
  bool restartpoint = false;   // after a crash it would replay nothing from before that start
  Count effective = 0;         // SHOW max_connections
  Count mounted = 0;           // what the file mounted in its pod shows; 0: nothing
  std::optional<Count> pinned;                // what its postgresql.auto.conf sets: beats the file
  std::optional<Time> away_since;             // it has not been up and streaming since
  std::optional<std::string> cannot_restart;  // why deleting its pod now is not safe
  std::optional<std::string> start_failure;   // PostgreSQL's own message: it exits at start
};

struct Observation {
  bool database_up = false;    // an administrative session answered
  bool database_ready = true;  // the front Service would have an endpoint, were it to select it
  Count effective = 0;         // SHOW max_connections; the last known while down, 0 if never seen
  Count reserved = 0;          // superuser_reserved_connections + reserved_connections
  Count requested = 0;         // what the next start will use, read from where the provider keeps it
  std::optional<Count> next_start;  // the same, as the server reads its own files; they may lag
  std::optional<Time> postmaster_start;
  std::optional<std::string> start_failure;   // PostgreSQL's own message: it exits with `requested`
  std::optional<std::string> cannot_restart;  // why deleting the pod now is not safe
  bool operator_restarts = true;              // false: somebody else must restart (External)

  // Of a restart. What this operator itself has done is known to it alone: false after a take-over.
  bool database_stopping = false;  // its pod is being deleted
  bool restart_begun = false;      // this operator has asked for the deletion of the very pod
  bool checkpointed = false;       // a CHECKPOINT ended within the last minute, or cannot be had
  bool checkpointing = false;      // one is under way
  bool pause_is_ours = false;      // this operator paused every pooler a moment ago
  int logins_past_pooler = 0;      // while paused: of two logins through the direct Service
  std::optional<Time> pause_retry_at;         // the last PAUSE was held up: no other before that
  std::optional<Time> restart_retry_at;       // the last restart was refused: no other before that
  seconds oldest_pooled_transaction{0};       // of the open ones through the pooler
  std::string holds_up;                       // whose that is, for people
  bool saturated = false;                     // critically: see the contract's saturation

  Count direct_sessions = 0;       // of the application, not through a pooler
  Count direct_capacity = 0;       // Σ connections × max(spec.replicas, pods not gone)
  Count peak_direct_sessions = 0;  // highest seen over the scale-down window
  Count others = 0;                // sessions that the policy does not manage

  Route route = Route::Direct;   // where the front Service points
  bool route_settled = true;     // for 2 s its EndpointSlices have shown nothing but that route
  int looks_without_direct = 0;  // successive looks, with a pause between them, that saw no direct session

  // With sizing.enforce RoleConnectionLimit: of the application's one role.
  std::optional<Count> role_limit;  // CONNECTION LIMIT now; -1: none
  Count role_sessions = 0;

  // Of the application, whose containers a node is creating just now: for a minute at most, then 0.
  Count starting_instances = 0;

  std::optional<Pooler> pooler;
  std::vector<PoolerPod> pods;
  Login direct_login = Login::Unknown;  // as the application, past the pooler
  Login pooled_login = Login::Unknown;  // as the application, through the pooler
  std::optional<Time> pooled_login_failing_since;
  // Before a move: successive looks that found nothing that transaction pooling breaks.
  int looks_at_sessions = 3;
  bool needs_tls = false;  // direct sessions use TLS and the pooler has no certificate
  bool stabilized = true;  // the scale-down window has passed: lowering is allowed
  // Somebody else changed `requested` at this time, and it has not been put back since.
  std::optional<Time> foreign_change_since;

  // With standbys each instance's value is pinned in its own postgresql.auto.conf while it changes
  // and `requested` is the primary's; at rest the file alone holds it. Empty: there are none.
  std::vector<Standby> standbys;
  std::string primary;          // its pod
  Count file = 0;               // in the provider's place
  Count mounted = 0;            // what the file mounted in the primary's pod shows; 0: nothing
  std::optional<Count> pinned;  // in the primary's postgresql.auto.conf
  std::vector<Count> pins;      // values that the operator knows to have pinned
  // How many synchronous standbys may be away before commits wait; absent: none is synchronous.
  std::optional<Count> synchronous_spare;

  // What ordinary roles can use of the running server.
  [[nodiscard]] Count usable() const;
  // Room that pods on the direct route may still take.
  [[nodiscard]] Count direct_room() const;
  // max(10, others)
  [[nodiscard]] Count others_kept() const;
  // Most that applications may hold on the direct route, were everything routed there.
  [[nodiscard]] Count direct_worst() const;
  // Σ PoolerPod::counted(), terminating pods included, and pods that are about to be created.
  [[nodiscard]] Count pooled_room() const;
  // Room kept free so that every live pod may be replaced at once by one that starts at the boot
  // cap.
  [[nodiscard]] Count replacement_room() const;
  // The left side of the invariant.
  [[nodiscard]] Count committed() const;
};

// How many connections are promised beyond what the server can give; 0 or less: the invariant
// holds.
[[nodiscard]] Count excess(const Observation& observation);

// ── What the user allows ────────────────────────────────────────────────────────────────────────

enum class RestartPolicy { Auto, Immediate, InWindow, Manual };
enum class Drain { Wait, TerminateIdle, RolloutRestart };

// A time in which restarts are welcome; `to` is the first moment after it.
struct Window {
  Time from;
  Time to;
};

enum class LongTransactions { Wait, Terminate };
enum class Emergency { Wait, Override };

struct Rules {
  RestartPolicy restart = RestartPolicy::Auto;
  std::optional<Time> restart_now;  // annotation pgrightsizer.io/restart-now
  seconds min_interval{300};        // between two restarts
  int max_per_day = 12;             // restarts within 24 hours
  bool has_windows = false;         // restart.windows are given
  std::vector<Window> windows;      // those open now, and the next that opens, in order of `from`
  Emergency emergency = Emergency::Wait;
  LongTransactions long_transactions = LongTransactions::Wait;
  seconds long_transaction{60};  // of this age they are ended, with Terminate
  // By now a pod whose deletion was decided is gone, or its deletion was never sent.
  seconds deletion_grace{30};
  bool switch_route = true;         // routing.mode Service
  bool look_at_sessions = false;    // routing.onIncompatible Hold
  Drain drain = Drain::Wait;
  seconds drain_timeout{600};
  Count buffer = 50;
  Count pooler_replicas = 2;
  // What the role may hold on the direct route; absent: it is not limited.
  std::optional<Count> role_limit;
};

// ── What the status keeps ───────────────────────────────────────────────────────────────────────

struct Restart {
  Time time;  // when the pod's deletion was decided
  Count from = 0;
  Count to = 0;
  std::optional<milliseconds> duration;  // absent: still going on
  bool operator==(const Restart&) const = default;
};

struct Rejected {
  Count value = 0;
  std::string reason;  // PostgreSQL's own message
  bool operator==(const Rejected&) const = default;
};

struct History {
  std::vector<Restart> restarts;  // oldest first, bounded by the writer
  std::optional<Rejected> rejected;
  std::optional<Time> drain_since;        // the present drain began
  std::optional<Time> turned_back_since;  // a move was turned back then …
  std::optional<Time> retry_at;           // … and is not tried again before
  std::optional<Time> put_back;           // a foreign change was last put back then
};

// Completes the last restart when the server has come back since it began, and drops what no
// longer applies: so too a restart that was remembered and never carried out. Called with each
// observation before next_step(). Pure: the writer stores what it returns.
[[nodiscard]] History settle(History history, const Observation& observation, const Rules& rules, Time now);

// Of routes that nobody switches (rules.switch_route): sessions tell where traffic goes.
[[nodiscard]] Observation as_routed(Observation observation);

// ── What to do ──────────────────────────────────────────────────────────────────────────────────

// What whoever executes a step must keep to, so that a crash in the middle is harmless:
//   Pause          pauses all pods, or none: what is not paused in 2 s is undone everywhere.
//   Resume         ends the pause on every pod; one that is not paused is no error.
//   Restart        is written to History::restarts {time, old_value → value} before the pod is
//                  deleted. When the last entry has no duration yet and wants the same value, it
//                  is that restart being tried again: no new entry, the time stays.
//   RestoreMax…    is remembered in History::rejected {old_value, start_failure} before the write.
//   SetCap         the annotation is raised before SET and lowered after SET and RECONNECT, so it
//                  is never below what the pod may hold.
//   SwitchTo…, TurnBack   clear History::drain_since; TurnBack also sets turned_back_since and
//                  retry_at (= deadline).
//   a Wait or Drain step about DirectDraining or PooledDraining sets drain_since if it is unset.
//   DrainDirect    by RolloutRestart is stamped with drain_since: repeating it rolls nothing again.
//   SetRoleLimit   is written to the status, with the limit before the first one, before it is done.
//   ApplyPooler    that changes nothing but the boot cap needs no RELOAD.
//   PatchMax…      with foreign_change_since set also sets History::put_back. With standbys it is
//                  ALTER SYSTEM on the primary, never the file.
//   PinStandby     is ALTER SYSTEM on that standby, with a reload; no restart.
//   RestartStandby deletes that pod with its uid; it is neither recorded nor counted as a restart,
//                  and its value was read back from its own files in this observation.
//   CheckpointStandby   starts a CHECKPOINT there and does not wait for it.
//   WriteFile      changes the provider's place, and no instance.
//   ResetInstance  is ALTER SYSTEM RESET on that instance, standby or primary, with a reload.
enum class StepKind {
  None,                   // at rest
  Wait,                   // something must happen first; see `reason` and `deadline`
  PatchMaxConnections,    // request `value` (was `old_value`) from the provider; no restart
  Restart,                // begin the restart that puts `value` in force (now `old_value`)
  FreezePooler,           // no rollout of the poolers begins until ThawPooler
  ThawPooler,             // rollouts of the poolers go on
  Checkpoint,             // begin one: what it writes, the shutdown need not write
  EndTransactions,        // end those through the pooler that are older than longTransactionSeconds
  Pause,                  // the clients of every pooler wait until Resume
  Resume,                 // the clients of every pooler go on
  RestoreMaxConnections,  // `old_value` failed to start: request `value` again, remember the
                          // failure
  ApplyPooler,            // the pooler's objects for pool_size, boot_cap, max_clients
  SetCap,                 // pod: its cap, `value` (was `old_value`); a shrink is followed by RECONNECT
  Reconnect,              // pod: servers above its cap must go
  SetRoleLimit,           // the role's CONNECTION LIMIT; -1: none
  SwitchToPooler,         // the front Service selects the pooler
  SwitchToDirect,         // the front Service selects the database
  TurnBack,     // as SwitchToDirect, after failed pooled logins; retry not before deadline
  DrainDirect,  // end or roll direct sessions as routing.drain says; `value` > 0: whatever it says,
                // end that many idle ones, which lets the poolers into a full server
  DrainPooled,  // end idle pooler clients (TerminateIdle, on the way back)
  RemovePooler,       // nobody uses the pooler any more: delete its objects
  PinStandby,         // pod: `value` in its postgresql.auto.conf (its next start had `old_value`)
  RestartStandby,     // pod: begin the restart that puts `value` in force (now `old_value`)
  CheckpointStandby,  // pod: a restartpoint, so that a crash replays no larger value again
  WriteFile,          // `value` (was `old_value`) into the provider's place
  ResetInstance,      // pod: the file holds `value` now, its postgresql.auto.conf need not
};

// What a Wait, or the rest of the work, is about: becomes condition reasons.
enum class Topic {
  None,
  Hold,               // no instances: the present sizes are kept
  Database,           // PostgreSQL cannot be reached, does not start, or is restarting
  RestartPending,     // a restart is due and not allowed yet
  RestartRejected,    // the wanted value failed to start before
  RestartUnsafe,      // deleting the pod would do more than restart PostgreSQL, or change nothing
  Checkpoint,         // a CHECKPOINT is under way
  PauseHeldUp,        // an open transaction holds up PAUSE
  Paused,             // the poolers are paused, until two logins through the direct Service succeed
  PoolerStarting,     // pooler pods are not ready yet
  PoolerReplacing,    // pooler pods are terminating
  PooledLogin,        // logins through the pooler fail, or none has succeeded yet
  RetryLater,         // the move to the pooler was turned back, and is tried again at the deadline
  NeedsTls,           // sessions use TLS and the pooler has no certificate (pooler.tlsSecretName)
  Readiness,          // what sessions use is looked at before they are moved
  RouteSettling,      // the front Service was switched, and its EndpointSlices have not followed yet
  DirectDraining,     // direct sessions are still open
  PooledDraining,     // pooler clients are still connected
  CapsShrinking,      // servers above their cap, or terminating poolers, still hold room
  NoRoom,             // the invariant does not allow the next step
  Stabilizing,        // the scale-down window has not passed
  ForeignChange,      // somebody else changed the requested value, and it is left alone for now
  RoleLimit,          // the role holds more sessions than it is to be limited to
  Overridden,         // restarted, but the server shows another value than the one requested
  Standby,            // a standby follows: it restarts, replays, or its mounted file lags
  StandbyFailed,      // an instance of a replicated database does not start
  ReplicationBroken,  // a standby does not stream, or has paused its replay
};

[[nodiscard]] const char* to_string(StepKind kind);
[[nodiscard]] const char* to_string(Topic topic);

struct Step {
  StepKind kind = StepKind::None;
  Topic topic = Topic::None;
  std::string reason;  // one sentence with the figures
  std::string pod;
  Count value = 0;
  Count old_value = 0;
  Count pool_size = 0;
  Count boot_cap = 0;
  Count max_clients = 0;
  std::optional<Time> deadline;  // when a wait ends by itself, or a drain counts as overdue
};

[[nodiscard]] Step next_step(const Observation& observation, const sizing::Plan& plan,
                             const Rules& rules, const History& history, Time now);

}  // namespace pgrightsizer::transition
