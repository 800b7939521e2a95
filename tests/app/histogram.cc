#include "app/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace pgrightsizer::app {
namespace {

constexpr unsigned kSubBucketBits = 4;
constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBucketBits;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 36;

}  // namespace

Histogram::Histogram() : counts_(index_of(kLargest) + 1, 0) {}

std::size_t Histogram::index_of(std::uint64_t value_us) {
  if (value_us < kSubBuckets) return static_cast<std::size_t>(value_us);
  // Keep the leading one and the four bits after it; the shift says which power of two it was.
  const auto shift = static_cast<unsigned>(std::bit_width(value_us)) - (kSubBucketBits + 1);
  return kSubBuckets * shift + static_cast<std::size_t>(value_us >> shift);
}

std::uint64_t Histogram::upper_edge(std::size_t index) {
  if (index < 2 * kSubBuckets) return index;
  const std::size_t shift = index / kSubBuckets - 1;
  const std::uint64_t leading = index - kSubBuckets * shift;
  return ((leading + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t value_us) {
  const std::uint64_t value = std::min(value_us, kLargest);
  ++counts_[index_of(value)];
  ++count_;
  max_us_ = std::max(max_us_, value);
}

std::uint64_t Histogram::quantile_us(double q) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank && seen > 0) return std::min(upper_edge(i), max_us_);
  }
  return max_us_;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Histogram::buckets() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> used;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) used.emplace_back(upper_edge(i), counts_[i]);
  }
  return used;
}

}  // namespace pgrightsizer::app
