#include "app/ranges.h"

#include <algorithm>

namespace pgrightsizer::app {

void Ranges::add(std::int64_t seq) {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), seq,
                                      [](std::int64_t s, const Range& r) { return s < r.first; });
  const auto index = static_cast<std::size_t>(after - ranges_.begin());
  if (index > 0) {
    Range& before = ranges_[index - 1];
    if (seq <= before.second) return;
    if (seq == before.second + 1) {
      before.second = seq;
      ++count_;
      join_with_next(index - 1);
      return;
    }
  }
  ranges_.insert(after, {seq, seq});
  ++count_;
  join_with_next(index);
}

void Ranges::join_with_next(std::size_t index) {
  if (index + 1 >= ranges_.size()) return;
  if (ranges_[index].second + 1 != ranges_[index + 1].first) return;
  ranges_[index].second = ranges_[index + 1].second;
  ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
}

std::vector<Ranges::Range> Ranges::from(std::int64_t from) const {
  std::vector<Range> part;
  for (const Range& range : ranges_) {
    if (range.second >= from) part.emplace_back(std::max(range.first, from), range.second);
  }
  return part;
}

}  // namespace pgrightsizer::app
