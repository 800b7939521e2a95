// The reasons of events, and those of a Problem become a condition's, too. docs/events.md is made of
// this file: the comment above each says when it is told, and after "Remedy:" what to do.
#pragma once

namespace pgrightsizer::controller {

enum class EventType { Normal, Warning };

struct Reason {
  const char* name;
  EventType type;
};

// ── What was done ───────────────────────────────────────────────────────────────────────────────

// Another max_connections was written where the provider keeps it; the message says why. PostgreSQL
// uses it from its next start on.
inline constexpr Reason kMaxConnectionsPatched{"MaxConnectionsPatched", EventType::Normal};
// PostgreSQL is about to be restarted. The message has the two values and how many sessions it ends.
inline constexpr Reason kRestartStarted{"RestartStarted", EventType::Normal};
// PostgreSQL answers again; the message says after how long.
inline constexpr Reason kRestartCompleted{"RestartCompleted", EventType::Normal};
// A restart is due and waits: for a window, the budget, the annotation, or a transaction that holds up
// PAUSE. Remedy: none is needed; the annotation pgrightsizer.io/restart-now allows it at once.
inline constexpr Reason kRestartDeferred{"RestartDeferred", EventType::Normal};
// PostgreSQL does not start with the new value, and the former one is put back. Remedy: what
// PostgreSQL says in the message; the value is not tried again before the spec changes.
inline constexpr Reason kRestartFailed{"RestartFailed", EventType::Warning};
// Transactions that held up PAUSE were ended, as restart.longTransactions says. Remedy: shorter
// transactions, or longTransactions Wait.
inline constexpr Reason kLongTransactionsEnded{"LongTransactionsEnded", EventType::Warning};
// A standby is about to be restarted for another max_connections.
inline constexpr Reason kStandbyRestarted{"StandbyRestarted", EventType::Normal};
// Primary and standbys run with the new value, and the ConfigMap was made to say so.
inline constexpr Reason kFileFollowed{"FileFollowed", EventType::Normal};
// PgBouncer was put beside the database. It has no traffic yet.
inline constexpr Reason kPoolerProvisioned{"PoolerProvisioned", EventType::Normal};
// Another tier: the pool has another size.
inline constexpr Reason kPoolerResized{"PoolerResized", EventType::Normal};
// PgBouncer was taken away; the applications had left it.
inline constexpr Reason kPoolerRemoved{"PoolerRemoved", EventType::Normal};
// The front Service leads to PgBouncer, or to PostgreSQL, for new connections.
inline constexpr Reason kTrafficSwitched{"TrafficSwitched", EventType::Normal};
// Connections on the route that was left are expected to end, as routing.drain says.
inline constexpr Reason kDrainStarted{"DrainStarted", EventType::Normal};
// No connection is left on the old route.
inline constexpr Reason kDrainCompleted{"DrainCompleted", EventType::Normal};
// Some are still there after routing.drainTimeoutSeconds; nothing is cut short. Remedy: a maximum
// lifetime in the application's pool, or routing.drain TerminateIdle or RolloutRestart.
inline constexpr Reason kDrainTimedOut{"DrainTimedOut", EventType::Warning};

// ── Saturation ──────────────────────────────────────────────────────────────────────────────────

// The utilization is above saturation.warningPercent. Remedy: that of the cause in the message.
inline constexpr Reason kSaturationWarning{"SaturationWarning", EventType::Warning};
// The utilization is above criticalPercent, or connections are waited for longer than waitMilliseconds. Remedy:
// that of the cause in the message.
inline constexpr Reason kSaturationCritical{"SaturationCritical", EventType::Warning};
// The level is Normal again.
inline constexpr Reason kSaturationResolved{"SaturationResolved", EventType::Normal};

// ── The plan ────────────────────────────────────────────────────────────────────────────────────

// All workloads together have no instance; the sizes stay as they are.
inline constexpr Reason kNoInstances{"NoInstances", EventType::Normal};
// The instances need more than sizing.maxConnections or the memory of PostgreSQL's container allows.
// Remedy: raise that limit, or let a pooler in (pooler.provision Auto or Always).
inline constexpr Reason kClampedToMaximum{"ClampedToMaximum", EventType::Warning};
// A rolling update of the workloads would hold more direct connections than there are. Remedy: a lower
// maxSurge, or sizing.countInstances CurrentPlusSurge.
inline constexpr Reason kSurgeDoesNotFit{"SurgeDoesNotFit", EventType::Normal};
// Something about the database's configuration that does no harm now; the message says what.
inline constexpr Reason kConfigurationNote{"ConfigurationNote", EventType::Normal};

// ── The policy and what it names ────────────────────────────────────────────────────────────────

// The spec makes no sense where the schema could not tell; nothing is done. Remedy: correct the field
// in the message.
inline constexpr Reason kInvalidSpec{"InvalidSpec", EventType::Warning};
// A window of restart.windows cannot be read, or its time zone is unknown; nothing is done. Remedy:
// correct it.
inline constexpr Reason kInvalidWindow{"InvalidWindow", EventType::Warning};
// The annotation pgrightsizer.io/restart-now is no time. Remedy: write it with date -u +%FT%TZ.
inline constexpr Reason kRestartNowInvalid{"RestartNowInvalid", EventType::Warning};
// An older policy manages the same database; this one does nothing. Remedy: delete one of them.
inline constexpr Reason kPolicyConflict{"PolicyConflict", EventType::Warning};
// A workload does not exist, or the selector matches none. Remedy: create it, or correct spec.workloads
// or spec.workloadSelector.
inline constexpr Reason kWorkloadNotFound{"WorkloadNotFound", EventType::Warning};
// A workload's spec.replicas is negative. Remedy: correct it.
inline constexpr Reason kInvalidReplicas{"InvalidReplicas", EventType::Warning};
// sizing.countInstances is AutoscalerMax, and the HorizontalPodAutoscalers cannot be listed. Remedy:
// what the API server says in the message.
inline constexpr Reason kAutoscalersUnreadable{"AutoscalersUnreadable", EventType::Warning};
// A Secret that the policy names does not exist. Remedy: create it, or correct the name.
inline constexpr Reason kSecretNotFound{"SecretNotFound", EventType::Warning};
// The API server does not give a Secret. Remedy: what it says in the message.
inline constexpr Reason kSecretUnreadable{"SecretUnreadable", EventType::Warning};
// A Secret has no such key, or an empty one. Remedy: add it.
inline constexpr Reason kSecretKeyMissing{"SecretKeyMissing", EventType::Warning};
// Deleting the policy waits for something that cannot be undone now. Remedy: what the message says, or
// remove the policy's finalizer and let go without that.
inline constexpr Reason kDeletionWaits{"DeletionWaits", EventType::Warning};

// ── The database ────────────────────────────────────────────────────────────────────────────────

// The StatefulSet, or what else the provider needs, does not exist. Remedy: create it, or correct
// spec.database.
inline constexpr Reason kDatabaseNotFound{"DatabaseNotFound", EventType::Warning};
// The StatefulSet or the ConfigMap is not what the provider can work with. Remedy: what the message
// says.
inline constexpr Reason kDatabaseInvalid{"DatabaseInvalid", EventType::Warning};
// PostgreSQL does not answer, and not because of a restart of the operator's. Remedy: bring it back, or
// correct spec.database.
inline constexpr Reason kDatabaseUnreachable{"DatabaseUnreachable", EventType::Warning};
// PostgreSQL refuses the administrator's user or password. Remedy: correct the Secret.
inline constexpr Reason kAdminLoginFailed{"AdminLoginFailed", EventType::Warning};
// The API server or PostgreSQL does not permit it. Remedy: grant what the message names.
inline constexpr Reason kForbidden{"Forbidden", EventType::Warning};
// The API server finds an object invalid that the operator writes. Remedy: what it says in the message.
inline constexpr Reason kWriteRefused{"WriteRefused", EventType::Warning};
// Somebody else has set another max_connections than the policy asked for. It is put back at most
// hourly, and only if connections would not fit. Remedy: settle who owns the value.
inline constexpr Reason kForeignChangeDetected{"ForeignChangeDetected", EventType::Warning};
// max_connections is set where it wins over the provider's place, so that a restart would change
// nothing. Remedy: remove it there; ALTER SYSTEM RESET max_connections.
inline constexpr Reason kOverriddenByAlterSystem{"OverriddenByAlterSystem", EventType::Warning};
// Ordinal 0 of the StatefulSet is a standby; nothing is done. Remedy: make it the primary.
inline constexpr Reason kPrimaryNotFirst{"PrimaryNotFirst", EventType::Warning};
// Another instance than ordinal 0 is a primary, too; nothing is done. Remedy: make it a standby.
inline constexpr Reason kTwoPrimaries{"TwoPrimaries", EventType::Warning};
// The state of the replication cannot be read; nothing is done. Remedy: what the message says.
inline constexpr Reason kReplicationBroken{"ReplicationBroken", EventType::Warning};
// With sizing.enforce RoleConnectionLimit the Secrets name several roles, or none; nothing is done.
// Remedy: one role, or enforce MaxConnections.
inline constexpr Reason kRoleLimitNeedsOneRole{"RoleLimitNeedsOneRole", EventType::Warning};
// The application's role cannot be read. Remedy: what PostgreSQL says in the message.
inline constexpr Reason kRoleUnreadable{"RoleUnreadable", EventType::Warning};

// ── The pooler and the way to it ────────────────────────────────────────────────────────────────

// Sessions use what transaction pooling breaks; with routing.onIncompatible Hold they stay direct.
// Remedy: let them use a role of their own and the direct Service, or set onIncompatible Move.
inline constexpr Reason kIncompatible{"Incompatible", EventType::Warning};
// What sessions use cannot be read; the move goes on without. Remedy: let the administrator connect to
// the application's databases.
inline constexpr Reason kReadinessUnknown{"ReadinessUnknown", EventType::Warning};
// The application's first login does not get through the pooler. Remedy: correct the Secret or the role.
inline constexpr Reason kPooledLoginFailed{"PooledLoginFailed", EventType::Warning};
// The pooler cannot be configured with what the policy and its Secrets say. Remedy: what the message
// says.
inline constexpr Reason kPoolerNotPossible{"PoolerNotPossible", EventType::Warning};
// The pooler's Deployment, ConfigMap or Secret cannot be read. Remedy: what the API server says in the
// message.
inline constexpr Reason kPoolerUnreadable{"PoolerUnreadable", EventType::Warning};
// The front Service or its EndpointSlices cannot be read. Remedy: what the API server says in the
// message.
inline constexpr Reason kRouteUnreadable{"RouteUnreadable", EventType::Warning};
// A Service or Deployment has the name of one of the policy's and is somebody else's. Remedy: rename
// the policy, or delete the object.
inline constexpr Reason kNotOurs{"NotOurs", EventType::Warning};
// The API server does not keep the operator informed; nothing is done. Remedy: the operator's log and
// rights.
inline constexpr Reason kWatchFailing{"WatchFailing", EventType::Warning};

}  // namespace pgrightsizer::controller
