#include "overrides.h"

#include <algorithm>

#include "pgrightsizer/postgres/config_file.h"

namespace pgrightsizer::providers {
namespace {

constexpr const char* kAutoConf = "postgresql.auto.conf";

Override override_of(const std::string& file, int line, std::int64_t value) {
  const auto name = base_name(file) == kAutoConf ? std::string(kAutoConf) : file;
  return {name + " line " + std::to_string(line), value};
}

}  // namespace

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::optional<Override> command_line_override(const postgres::Settings& settings) {
  if (settings.source != "command line") return std::nullopt;
  return Override{"command line", settings.max_connections};
}

std::optional<Override> file_override(const postgres::Settings& settings,
                                      const std::function<bool(const std::string&)>& is_ours,
                                      bool may_lag) {
  const auto& files = settings.files;
  const auto winner =
      std::find_if(files.begin(), files.end(), [](const auto& file) { return file.applied; });
  if (winner == files.end() || is_ours(winner->file)) return std::nullopt;
  // postgresql.auto.conf is read last, always. Any other file beats ours only if both are read.
  const bool has_ours =
      std::any_of(files.begin(), files.end(), [&](const auto& file) { return is_ours(file.file); });
  if (!has_ours && may_lag && base_name(winner->file) != kAutoConf) return std::nullopt;
  const auto value = postgres::parse_integer(winner->value);
  return override_of(winner->file, winner->line, value.value_or(settings.max_connections));
}

}  // namespace pgrightsizer::providers
