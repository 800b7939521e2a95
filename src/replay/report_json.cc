#include <nlohmann/json.hpp>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/replay/output.h"

namespace pgrightsizer::replay {

std::string to_json(const Report& report) {
  using nlohmann::ordered_json;
  auto restarts = ordered_json::array();
  for (const auto& one : report.restarts)
    restarts.push_back({{"time", to_rfc3339(one.time)},
                        {"from", one.from},
                        {"to", one.to},
                        {"pooled", one.pooled},
                        {"why", one.why}});
  auto moves = ordered_json::array();
  for (const auto& one : report.moves)
    moves.push_back({{"time", to_rfc3339(one.time)}, {"to", api::to_string(one.to)}});
  auto exposures = ordered_json::array();
  for (const auto& one : report.exposures)
    exposures.push_back({{"from", to_rfc3339(one.from)},
                         {"minutes", one.minutes},
                         {"demand", one.demand},
                         {"usable", one.usable},
                         {"why", one.why}});
  const ordered_json all = {{"days", report.days},
                            {"restartsPerDay", report.restarts_per_day()},
                            {"pooledRestarts", report.pooled_restarts()},
                            {"exposedMinutes", report.exposed_minutes()},
                            {"restarts", std::move(restarts)},
                            {"moves", std::move(moves)},
                            {"exposures", std::move(exposures)}};
  return all.dump(2) + "\n";
}

}  // namespace pgrightsizer::replay
