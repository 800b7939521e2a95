// Lines "cron|zone|seconds since 1970|count" in; the next openings, in seconds, out.
#include <iostream>
#include <sstream>
#include <string>

#include "pgrightsizer/schedule/schedule.h"

int main() {
  using namespace pgrightsizer;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream parts(line);
    std::string cron;
    std::string zone;
    std::string from;
    std::string count;
    std::getline(parts, cron, '|');
    std::getline(parts, zone, '|');
    std::getline(parts, from, '|');
    std::getline(parts, count, '|');
    const auto schedule = schedule::Schedule::parse(cron, std::chrono::seconds(60), zone);
    if (!schedule) {
      std::cout << "error: " << schedule.error().message() << "\n";
      continue;
    }
    WallTime time{std::chrono::seconds(std::stoll(from))};
    for (int i = std::stoi(count); i > 0; --i) {
      time = schedule->next_after(time);
      std::cout << std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count()
                << (i > 1 ? " " : "\n");
    }
  }
}
