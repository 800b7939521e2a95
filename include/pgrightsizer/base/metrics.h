// Metrics as an interface, so that no module but telemetry knows the library behind it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pgrightsizer {

enum class MetricKind { Counter, Gauge, Histogram };

// One family of series, a constant beside the code that feeds it. Names and units are Prometheus's:
// base units, counters end in _total.
struct Metric {
  MetricKind kind;
  std::string_view name;
  std::string_view help;
};

// Thread-safe; cheap enough for every request and every look, not for every row.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  virtual ~Metrics() = default;
  // Counters: `by` must not be negative.
  virtual void add(const Metric& metric, const Labels& labels, double by) = 0;
  // Gauges.
  virtual void set(const Metric& metric, const Labels& labels, double value) = 0;
  // Histograms, of seconds.
  virtual void observe(const Metric& metric, const Labels& labels, double seconds) = 0;
  // Series of this family that have all of these labels are not shown any more.
  virtual void remove(const Metric& metric, const Labels& labels) = 0;
};

// For tests and for callers that do not care. Thread-safe.
class NullMetrics final : public Metrics {
 public:
  void add(const Metric&, const Labels&, double) override {}
  void set(const Metric&, const Labels&, double) override {}
  void observe(const Metric&, const Labels&, double) override {}
  void remove(const Metric&, const Labels&) override {}
};

[[nodiscard]] inline Metrics& no_metrics() {
  static NullMetrics none;
  return none;
}

}  // namespace pgrightsizer
