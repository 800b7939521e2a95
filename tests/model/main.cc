// model_check [--mutation NAME] [--scenario NAME]: exit 0 when every scenario holds, 1 when an
// effect of the operator breaks the invariant. With a mutation the first violation ends it.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "checker.h"

namespace {

using pgrightsizer::model::Checker;
using pgrightsizer::model::Decide;
using pgrightsizer::model::Findings;
using pgrightsizer::model::Scale;
using pgrightsizer::model::Scenario;

struct Arguments {
  std::string mutation;
  std::string scenario;
};

void print(const Scenario& scenario, const Findings& found, double seconds) {
  std::printf("%-22s %9zu states %11llu transitions %6.1f s", scenario.name.c_str(), found.states,
              static_cast<unsigned long long>(found.transitions), seconds);
  std::printf("  replacements without room: %llu\n",
              static_cast<unsigned long long>(found.tight_replacements));
  for (const auto& [kind, count] : found.steps) {
    std::printf("    %-24s %9llu\n", kind.c_str(), static_cast<unsigned long long>(count));
  }
  if (found.violation.empty()) return;
  std::printf("VIOLATION: %s\n", found.violation.c_str());
  for (const std::string& line : found.trace) std::printf("%s\n", line.c_str());
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--mutation") == 0) {
      arguments.mutation = argv[i + 1];
    } else if (std::strcmp(argv[i], "--scenario") == 0) {
      arguments.scenario = argv[i + 1];
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: %s [--mutation NAME] [--scenario NAME]\n", argv[0]);
    return 2;
  }
  Decide decide = pgrightsizer::transition::next_step;
  if (!arguments.mutation.empty()) {
    decide = nullptr;
    for (const auto& mutation : pgrightsizer::model::mutations()) {
      if (mutation.name != arguments.mutation) continue;
      decide = mutation.decide;
      std::printf("mutation %s: %s\n", mutation.name.c_str(), mutation.what.c_str());
    }
    if (!decide) {
      std::fprintf(stderr, "no mutation %s\n", arguments.mutation.c_str());
      return 2;
    }
  }
  std::size_t states = 0;
  for (const Scenario& scenario : pgrightsizer::model::scenarios()) {
    if (!arguments.scenario.empty() && arguments.scenario != scenario.name) continue;
    const auto begun = std::chrono::steady_clock::now();
    const Findings found = Checker(Scale{}, scenario, decide).run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    print(scenario, found, took.count());
    states += found.states;
    if (!found.violation.empty()) return 1;
  }
  std::printf("%zu states in all: no effect of the operator breaks the invariant\n", states);
  return 0;
}
