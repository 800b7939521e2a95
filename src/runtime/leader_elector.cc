#include "pgrightsizer/runtime/leader_elector.h"

#include <algorithm>
#include <random>
#include <utility>

#include "micro_time.h"
#include "pgrightsizer/kube/json_text.h"

namespace pgrightsizer::runtime {

namespace {

using kube::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Instant = std::chrono::steady_clock::time_point;

// Named as client-go names it, so that dashboards of controllers show it.
constexpr Metric kMaster{MetricKind::Gauge, "leader_election_master_status",
                         "1 while this process holds the lease."};

LeaseRecord record_of(const Json& lease) {
  LeaseRecord record;
  const auto spec = lease.value("spec", Json::object());
  record.holder = kube::text_at(spec, {"holderIdentity"});
  record.acquired = kube::text_at(spec, {"acquireTime"});
  record.renewed = kube::text_at(spec, {"renewTime"});
  const auto number = [&](const char* name) {
    const auto found = spec.find(name);
    return found != spec.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  record.duration = seconds(number("leaseDurationSeconds"));
  record.transitions = number("leaseTransitions");
  return record;
}

}  // namespace

LeaseAction LeaseRule::decide(const LeaseRecord& seen, Instant now) {
  if (!last_ || *last_ != seen) {
    last_ = seen;
    unchanged_since_ = now;
  }
  if (seen.holder == identity_) return LeaseAction::Renew;
  if (seen.holder.empty() || now - unchanged_since_ > seen.duration) return LeaseAction::Take;
  return LeaseAction::Wait;
}

LeaderElector::LeaderElector(kube::Transport& transport, const Clock& clock, Logger& logger,
                             Metrics& metrics, LeaderElectorOptions options)
    : transport_(transport),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      options_(std::move(options)),
      rule_(options_.identity) {}

LeaderElector::~LeaderElector() { stop(); }

void LeaderElector::start(std::function<void()> on_elected, std::function<void()> on_lost) {
  metrics_.set(kMaster, {{"name", options_.name}}, 0);
  thread_ = std::jthread(
      [this, elected = std::move(on_elected), lost = std::move(on_lost)](const std::stop_token& stop) {
        run(stop, elected, lost);
      });
}

void LeaderElector::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void LeaderElector::run(const std::stop_token& stop, const std::function<void()>& on_elected,
                        const std::function<void()>& on_lost) {
  std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> jitter(1.0, 1.2);
  // There must be time for a second try.
  const milliseconds longest = options_.renew_deadline / 2;
  std::optional<Instant> renewed;  // when the request that renewed it was sent
  const auto left = [&] { return *renewed + options_.renew_deadline - clock_.steady(); };
  while (!stop.stop_requested()) {
    const auto begin = clock_.steady();
    const auto patience = renewed ? std::min(longest, std::chrono::ceil<milliseconds>(left())) : longest;
    const Held held = try_once(patience);
    if (held == Held::ByUs && !std::exchange(renewed, begin)) {
      metrics_.set(kMaster, {{"name", options_.name}}, 1);
      logger_.info("this process leads", {{"lease", ref().text()}, {"identity", options_.identity}});
      on_elected();
    }
    if (renewed && (held == Held::ByAnother || left() <= left().zero())) {
      metrics_.set(kMaster, {{"name", options_.name}}, 0);
      logger_.error("the lease is lost", {{"lease", ref().text()},
                                          {"why", trouble_.empty() ? "another has it" : trouble_}});
      return on_lost();
    }
    auto pause = std::chrono::duration_cast<milliseconds>(options_.retry * jitter(random));
    if (renewed) pause = std::min(pause, std::chrono::ceil<milliseconds>(left()));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, pause, [] { return false; });
  }
  if (renewed) give_back();
}

std::string LeaderElector::trouble() const {
  std::scoped_lock lock(mutex_);
  return seen_ ? std::string() : trouble_;
}

LeaderElector::Held LeaderElector::seen(Held held) {
  std::scoped_lock lock(mutex_);
  trouble_.clear();
  seen_ = true;
  return held;
}

LeaderElector::Held LeaderElector::unknown(const std::string& trouble) {
  std::scoped_lock lock(mutex_);
  if (trouble != trouble_) logger_.warning("leader election: " + trouble);
  trouble_ = trouble;
  return Held::Unknown;
}

LeaderElector::Held LeaderElector::try_once(milliseconds patience) {
  const auto begin = clock_.steady();
  const auto left = [&] {
    return std::max(patience - std::chrono::ceil<milliseconds>(clock_.steady() - begin), milliseconds(100));
  };
  auto held = look_and_write(patience);
  // Somebody was faster. Who leads must not go on writing until the next renewal would be due.
  if (!held && held.error().kind == ErrorKind::Conflict) held = look_and_write(left());
  return held ? seen(*held) : unknown(held.error().message());
}

Result<LeaderElector::Held> LeaderElector::look_and_write(milliseconds patience) {
  const auto begin = clock_.steady();
  const auto lease = send({kube::Method::Get, ref().path(), {}, {}}, patience);
  const bool absent = !lease && lease.error().kind == ErrorKind::NotFound;
  if (!lease && !absent) return fail(lease.error());
  const auto action =
      absent ? LeaseAction::Take : rule_.decide(record_of(*lease), clock_.steady());
  if (action == LeaseAction::Wait) return Held::ByAnother;
  const auto spent = std::chrono::ceil<milliseconds>(clock_.steady() - begin);
  if (auto done = write(absent ? Json() : *lease, action, std::max(patience - spent, milliseconds(100))); !done)
    return fail(done.error());
  return Held::ByUs;
}

// `lease` as it was read, whose resourceVersion is the precondition; null: there is none.
Result<void> LeaderElector::write(const Json& lease, LeaseAction action, milliseconds patience) {
  const auto now = micro_time(clock_.now());
  Json spec = {{"holderIdentity", options_.identity},
               {"leaseDurationSeconds", options_.duration.count()},
               {"renewTime", now}};
  if (action == LeaseAction::Take) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = lease.is_null() ? 0 : record_of(lease).transitions + 1;
  }
  Json body = {{"apiVersion", ref().resource.api_version()},
               {"kind", "Lease"},
               {"metadata", {{"name", options_.name}, {"namespace", options_.name_space}}},
               {"spec", std::move(spec)}};
  kube::Request request{kube::Method::Post, ref().resource.path(options_.name_space),
                        "application/json", {}};
  if (!lease.is_null()) {
    body["metadata"]["resourceVersion"] = kube::text_at(lease, {"metadata", "resourceVersion"});
    request = {kube::Method::Patch, ref().path(), "application/merge-patch+json", {}};
  }
  request.body = kube::to_text(body);
  if (const auto written = send(request, patience); !written) return fail(written.error());
  return {};
}

void LeaderElector::give_back() {
  metrics_.set(kMaster, {{"name", options_.name}}, 0);
  const auto lease = send({kube::Method::Get, ref().path(), {}, {}}, milliseconds(2'000));
  if (!lease || record_of(*lease).holder != options_.identity) return;
  const Json body = {{"metadata", {{"resourceVersion", kube::text_at(*lease, {"metadata", "resourceVersion"})}}},
                     {"spec", {{"holderIdentity", ""}, {"leaseDurationSeconds", 1}}}};
  const auto done = send({kube::Method::Patch, ref().path(), "application/merge-patch+json",
                          kube::to_text(body)},
                         milliseconds(2'000));
  if (!done) logger_.warning("the lease could not be given back: " + done.error().message());
}

Result<Json> LeaderElector::send(const kube::Request& request, milliseconds patience) const {
  const auto response = transport_.call(request, patience);
  if (!response) {
    auto error = response.error();
    error.object = ref().text();
    return fail(std::move(error));
  }
  if (response->status < 200 || response->status >= 300)
    return fail(kube::error_of(*response, ref().text()));
  auto object = Json::parse(response->body, nullptr, false);
  if (!object.is_object())
    return fail(ErrorKind::Internal, "the API server's answer is not an object", ref().text());
  return object;
}

kube::Ref LeaderElector::ref() const {
  return {kube::resources::kLease, options_.name_space, options_.name};
}

}  // namespace pgrightsizer::runtime
