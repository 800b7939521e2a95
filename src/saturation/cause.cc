#include "pgrightsizer/saturation/saturation.h"

namespace pgrightsizer::saturation {

namespace {

std::string text(Count value) { return std::to_string(value); }

bool is_share(Count part, Count whole, Count percent) {
  return part > 0 && part * 100 >= whole * percent;
}

// A few sessions that wait, or hold a transaction open, are everyday life.
constexpr Count kNotableShare = 25;
constexpr Count kNearlyAll = 80;

std::string named(const std::string& who) { return who.empty() ? std::string() : ": " + who; }

}  // namespace

const char* to_string(Cause cause) {
  switch (cause) {
    case Cause::Demand: return "Demand";
    case Cause::Leak: return "Leak";
    case Cause::IdleInTransaction: return "IdleInTransaction";
    case Cause::LockWait: return "LockWait";
    case Cause::PoolTooSmall: return "PoolTooSmall";
    case Cause::ClientLimit: return "ClientLimit";
  }
  return "";
}

// From what explains most to what explains least: a lock that is held makes sessions pile up, which
// then look like demand.
Diagnosis diagnose(const Picture& seen) {
  if (seen.client_limit > 0 && is_share(seen.clients, seen.client_limit, kNearlyAll))
    return {Cause::ClientLimit, text(seen.clients) + " of the poolers' " + text(seen.client_limit) +
                                    " client connections are taken; raise spec.pooler.replicas"};
  if (is_share(seen.waiting_for_locks, seen.limit, kNotableShare))
    return {Cause::LockWait, text(seen.waiting_for_locks) + " sessions wait for a lock" +
                                 (seen.lock_holder.empty() ? "" : ", most of them for " + seen.lock_holder)};
  if (is_share(seen.idle_in_transaction, seen.limit, kNotableShare))
    return {Cause::IdleInTransaction,
            text(seen.idle_in_transaction) + " sessions are idle in a transaction, longest" +
                named(seen.longest_open) + "; set idle_in_transaction_session_timeout"};
  if (seen.expected_each > 0 && seen.greediest_held > seen.expected_each)
    return {Cause::Leak, seen.greediest + " holds " + text(seen.greediest_held) +
                             " connections; an instance should have " + text(seen.expected_each) + " at most"};
  if (seen.expected > 0 && seen.held > seen.expected)
    return {Cause::Leak, "the application holds " + text(seen.held) + " connections; its " +
                             text(seen.instances) + " instances should have " + text(seen.expected) + " at most"};
  if (seen.pooled)
    return {Cause::PoolTooSmall, text(seen.active) + " sessions are active and " + text(seen.waiting) +
                                     " clients wait for one of the pool's " + text(seen.limit) +
                                     "; raise poolSize of the tier in force, or let transactions be shorter"};
  return {Cause::Demand, text(seen.instances) + " instances may hold " + text(seen.expected) +
                             " connections, and hold " + text(seen.held)};
}

}  // namespace pgrightsizer::saturation
