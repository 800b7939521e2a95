// simulation [--from SEED] [--count N]            many seeds; 0: no violation
// simulation --seed SEED [--trace]                one, told step by step
// simulation --mutation NAME [--count N]          0: found within so many seeds
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "mutations.h"
#include "run.h"

namespace {

using namespace pgrightsizer::simulation;

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t count = 2000;
  std::uint64_t seed = 0;
  bool trace = false;
  std::string mutation;
};

void print(const char* what, const std::map<std::string, long>& counts) {
  std::printf("%s:\n", what);
  for (const auto& [name, count] : counts) std::printf("  %-34s %9ld\n", name.c_str(), count);
}

void add(std::map<std::string, long>& sum, const std::map<std::string, long>& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The real controller in a simulated world."};
  Arguments arguments;
  app.add_option("--from", arguments.from, "The first seed.");
  app.add_option("--count", arguments.count, "How many.");
  app.add_option("--seed", arguments.seed, "Only this one.");
  app.add_flag("--trace", arguments.trace, "Tell each step.");
  app.add_option("--mutation", arguments.mutation, "Without one safety rule.");
  CLI11_PARSE(app, argc, argv);

  Settings settings;
  if (!arguments.mutation.empty()) {
    const auto all = mutations();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == arguments.mutation; });
    if (found == all.end()) {
      std::fprintf(stderr, "no mutation %s\n", arguments.mutation.c_str());
      return 2;
    }
    settings = found->settings;
  }
  settings.trace = arguments.trace;
  if (arguments.seed != 0) arguments.from = arguments.seed, arguments.count = 1;

  std::map<std::string, long> steps;
  std::map<std::string, long> faults;
  long restarts = 0;
  double virtual_seconds = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.count; ++seed) {
    const auto outcome = run(seed, settings);
    add(steps, outcome.steps);
    add(faults, outcome.faults);
    restarts += outcome.restarts;
    virtual_seconds += outcome.virtual_seconds;
    if (outcome.violation.empty()) continue;
    std::printf("seed %llu: VIOLATION: %s\n", static_cast<unsigned long long>(seed), outcome.violation.c_str());
    if (!arguments.mutation.empty()) {
      std::printf("mutation %s found after %llu seeds\n", arguments.mutation.c_str(),
                  static_cast<unsigned long long>(seed - arguments.from + 1));
      return 0;
    }
    std::printf("replay it: simulation --seed %llu --trace\n", static_cast<unsigned long long>(seed));
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  print("steps", steps);
  print("faults", faults);
  std::printf("%llu seeds, %.1f a second; %ld restarts, %.0f hours of cluster life: ",
              static_cast<unsigned long long>(arguments.count), static_cast<double>(arguments.count) / took.count(),
              restarts, virtual_seconds / 3600);
  std::printf(arguments.mutation.empty() ? "no violation\n" : "the mutation was NOT found\n");
  return arguments.mutation.empty() ? 0 : 1;
}
