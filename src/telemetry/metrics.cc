#include "pgrightsizer/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace pgrightsizer::telemetry {
namespace {

// From a quick answer of the API server to a restart behind the pooler.
const prometheus::Histogram::BucketBoundaries kSeconds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                       1,     2.5,  5,     10,   30,  60};

bool has_all(const Metrics::Labels& labels, const Metrics::Labels& wanted) {
  for (const auto& [name, value] : wanted) {
    const auto found = labels.find(name);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

// The series of one family, and how to take them back: the library wants the series itself.
template <class Type>
class Family {
 public:
  explicit Family(prometheus::Family<Type>& family) : family_(family) {}

  template <class... Args>
  Type& series(const Metrics::Labels& labels, const Args&... args) {
    auto& known = series_[labels];
    if (known == nullptr) known = &family_.Add(labels, args...);
    return *known;
  }

  void remove(const Metrics::Labels& wanted) {
    for (auto it = series_.begin(); it != series_.end();) {
      if (has_all(it->first, wanted)) {
        family_.Remove(it->second);
        it = series_.erase(it);
      } else {
        ++it;
      }
    }
  }

 private:
  prometheus::Family<Type>& family_;
  std::map<Metrics::Labels, Type*> series_;
};

class PrometheusRegistry final : public Registry {
 public:
  void add(const Metric& metric, const Labels& labels, double by) override {
    std::scoped_lock lock(mutex_);
    family(counters_, metric, MetricKind::Counter, prometheus::BuildCounter())
        .series(labels)
        .Increment(by);
  }

  void set(const Metric& metric, const Labels& labels, double value) override {
    std::scoped_lock lock(mutex_);
    family(gauges_, metric, MetricKind::Gauge, prometheus::BuildGauge()).series(labels).Set(value);
  }

  void observe(const Metric& metric, const Labels& labels, double seconds) override {
    std::scoped_lock lock(mutex_);
    family(histograms_, metric, MetricKind::Histogram, prometheus::BuildHistogram())
        .series(labels, kSeconds)
        .Observe(seconds);
  }

  void remove(const Metric& metric, const Labels& labels) override {
    std::scoped_lock lock(mutex_);
    const auto from = [&](auto& families) {
      if (auto found = families.find(metric.name); found != families.end())
        found->second.remove(labels);
    };
    from(counters_);
    from(gauges_);
    from(histograms_);
  }

  [[nodiscard]] std::string text() const override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  template <class Families, class Builder>
  typename Families::mapped_type& family(Families& families, const Metric& metric, MetricKind kind,
                                         Builder builder) {
    if (metric.kind != kind)
      throw std::logic_error("metric " + std::string(metric.name) + " is of another kind");
    auto found = families.find(metric.name);
    if (found == families.end()) {
      auto& made = builder.Name(std::string(metric.name))
                       .Help(std::string(metric.help))
                       .Register(registry_);
      found = families.emplace(metric.name, typename Families::mapped_type(made)).first;
    }
    return found->second;
  }

  template <class Type>
  using Families = std::map<std::string, Family<Type>, std::less<>>;

  std::mutex mutex_;
  prometheus::Registry registry_;
  Families<prometheus::Counter> counters_;
  Families<prometheus::Gauge> gauges_;
  Families<prometheus::Histogram> histograms_;
};

}  // namespace

std::unique_ptr<Registry> make_registry() { return std::make_unique<PrometheusRegistry>(); }

}  // namespace pgrightsizer::telemetry
