#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/service.h"

namespace pgrightsizer::app {

// What is told about an instance, in JSON. Fields: README.md.

nlohmann::json stats_json(const Service& service, std::int64_t start_ms);
nlohmann::json acked_json(const Service& service, std::int64_t from_seq);
nlohmann::json timeline_json(const Stats& stats, std::int64_t from_s);

// All of the above: what the judge needs of an instance that may be gone.
nlohmann::json record_json(const Service& service, std::int64_t start_ms, bool final);

// Replaces `<dir>/<pod>-<nonce>.json` in one step: a reader sees the old or the new record, whole.
// It survives the process and its pod, not the machine: nothing is synced to the disk.
// Returns false and says why on stderr when it cannot be written.
bool write_record(const std::string& dir, const Service& service, const nlohmann::json& record);

}  // namespace pgrightsizer::app
