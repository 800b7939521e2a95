// What a policy would have done with a history of replica counts: the arithmetic and the rules of the
// operator, against a world that follows at once.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "pgrightsizer/base/result.h"
#include "pgrightsizer/sizing/sizing.h"
#include "pgrightsizer/transition/stabilizer.h"
#include "pgrightsizer/transition/transition.h"

namespace pgrightsizer::replay {

using sizing::Count;
using transition::Time;

struct Row {
  Time time;
  std::vector<Count> replicas;  // in the order of Trace::workloads
};

// Counts hold until the next row.
struct Trace {
  std::vector<std::string> workloads;
  std::vector<Row> rows;  // times rise
};

// CSV with the header "time,<workload>,…"; times as RFC 3339 or seconds since 1970. Invalid names the
// line and the remedy.
[[nodiscard]] Result<Trace> read_trace(std::istream& file, const std::string& name);

struct Policy {
  std::vector<sizing::Workload> workloads;  // their replicas come from the trace
  sizing::Settings settings;
  transition::Rules rules;  // without windows
  transition::Stabilizer::Windows behavior;
  // Those open at a time, and the next; empty function: none.
  std::function<std::vector<transition::Window>(Time)> windows;
};

struct Restart {
  Time time;
  Count from = 0;
  Count to = 0;
  bool pooled = false;  // behind the pooler: no connection was lost
  std::string why;
};

struct Move {
  Time time;
  sizing::Route to = sizing::Route::Direct;
};

// The demand did not fit the server from this time on, until the operator had made room.
struct Exposure {
  Time from;
  int minutes = 0;
  Count demand = 0;
  Count usable = 0;
  std::string why;  // what was waited for
};

struct Point {
  Time time;
  Count instances = 0;
  Count demand = 0;
  Count max_connections = 0;
  sizing::Route route = sizing::Route::Direct;
};

struct Report {
  double days = 0;
  std::vector<Restart> restarts;
  std::vector<Move> moves;
  std::vector<Exposure> exposures;
  std::vector<Point> points;  // one for each change

  [[nodiscard]] double restarts_per_day() const;
  [[nodiscard]] int pooled_restarts() const;
  [[nodiscard]] int exposed_minutes() const;
};

// Deterministic. A rolling update may add a quarter of the replicas, as Deployments have it. The server
// begins at rest with the first row's counts. Columns of the trace are taken
// by name; Invalid when a workload of the policy has none.
[[nodiscard]] Result<Report> replay(const Trace& trace, const Policy& policy);

}  // namespace pgrightsizer::replay
