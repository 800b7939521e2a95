#include "micro_time.h"

#include <cstdio>
#include <ctime>

namespace pgrightsizer::runtime {

std::string micro_time(WallTime time) {
  const auto millis = time.time_since_epoch().count();
  const auto seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s.%03d000Z", day, static_cast<int>(millis % 1000));
  return text;
}

}  // namespace pgrightsizer::runtime
