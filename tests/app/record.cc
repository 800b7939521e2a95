#include "app/record.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace pgrightsizer::app {
namespace {

using nlohmann::json;

json by_class(const ByClass& classes) {
  json list = json::object();
  for (const auto& [cls, entry] : classes) {
    list[cls] = {{"count", entry.count},
                 {"first_ms", entry.first_ms},
                 {"last_ms", entry.last_ms},
                 {"message", entry.message}};
  }
  return list;
}

double to_ms(std::uint64_t us) { return static_cast<double>(us) / 1000.0; }

json latency(const Histogram& histogram) {
  return {{"p50", to_ms(histogram.quantile_us(0.50))},
          {"p95", to_ms(histogram.quantile_us(0.95))},
          {"p99", to_ms(histogram.quantile_us(0.99))},
          {"max", to_ms(histogram.max_us())}};
}

}  // namespace

json stats_json(const Service& service, std::int64_t start_ms) {
  const Stats& stats = service.stats();
  return {
      {"pod", service.config().pod},
      {"nonce", service.nonce()},
      {"start_ms", start_ms},
      {"now_ms", wall_ms()},
      {"rate", service.config().rate_per_s},
      {"connections",
       {{"wanted", service.config().connections},
        {"open", service.open_connections()},
        {"busy", service.in_flight()}}},
      {"connects",
       {{"attempted", stats.attempted_connects},
        {"opened", stats.opened},
        {"expired", stats.expired},
        {"lost_idle", stats.lost_idle},
        {"failed_validations", stats.failed_validations}}},
      {"intended", stats.intended},
      {"achieved", stats.succeeded()},
      {"succeeded", stats.succeeded()},
      {"failed", total(stats.failed())},
      {"refused", total(stats.refused())},
      {"unknown", total(stats.unknown())},
      {"skipped", stats.skipped},
      {"abandoned", stats.abandoned},
      {"queued", service.queued()},
      {"failed_by_class", by_class(stats.failed())},
      {"refused_by_class", by_class(stats.refused())},
      {"unknown_by_class", by_class(stats.unknown())},
      {"latency_ms", latency(stats.latency())},
  };
}

json acked_json(const Service& service, std::int64_t from_seq) {
  return {{"pod", service.config().pod},
          {"nonce", service.nonce()},
          {"acked", service.stats().acked().from(from_seq)}};
}

json timeline_json(const Stats& stats, std::int64_t from_s) {
  json succeeded = json::array(), failed = json::array();
  json refused = json::array(), unknown = json::array(), slowest = json::array();
  const auto seconds = stats.timeline().between(from_s, wall_ms() / 1000);
  for (const auto& second : seconds) {
    succeeded.push_back(second.succeeded);
    failed.push_back(second.failed);
    refused.push_back(second.refused);
    unknown.push_back(second.unknown);
    slowest.push_back(second.slowest_ms);
  }
  return {{"from_s", seconds.empty() ? 0 : seconds.front().epoch_s},
          {"succeeded", std::move(succeeded)},
          {"failed", std::move(failed)},
          {"refused", std::move(refused)},
          {"unknown", std::move(unknown)},
          {"slowest_ms", std::move(slowest)}};
}

json record_json(const Service& service, std::int64_t start_ms, bool final) {
  json record = stats_json(service, start_ms);
  record["final"] = final;
  record["acked"] = service.stats().acked().all();
  record["latency_buckets_us"] = service.stats().latency().buckets();
  record["timeline"] = timeline_json(service.stats(), 0);
  return record;
}

bool write_record(const std::string& dir, const Service& service, const json& record) {
  const std::string path = dir + "/" + service.config().pod + "-" + service.nonce() + ".json";
  const std::string draft = path + ".new";
  {
    std::ofstream file(draft, std::ios::binary | std::ios::trunc);
    file << record.dump() << '\n';
    file.close();
    if (file.good() && std::rename(draft.c_str(), path.c_str()) == 0) return true;
  }
  std::fprintf(stderr, "cannot write %s: %s\n", path.c_str(), std::strerror(errno));
  return false;
}

}  // namespace pgrightsizer::app
