#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pgrightsizer::app {

// Latencies in logarithmic buckets, 16 to each power of two: a quantile is at most 6.25 % too high,
// in 4 KiB however many values were recorded. Unit: microseconds; values above 2^36 (19 h) count
// as 2^36.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t value_us);

  std::uint64_t count() const { return count_; }
  std::uint64_t max_us() const { return max_us_; }

  // The upper edge of the bucket that holds the q-quantile (0 < q <= 1), never above the maximum;
  // 0 when nothing was recorded.
  std::uint64_t quantile_us(double q) const;

  // (upper edge in microseconds, count) of every bucket in use. Histograms of many pods are merged
  // by adding the counts of equal edges.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets() const;

 private:
  static std::size_t index_of(std::uint64_t value_us);
  static std::uint64_t upper_edge(std::size_t index);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_us_ = 0;
};

}  // namespace pgrightsizer::app
