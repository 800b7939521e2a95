#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pgrightsizer::app {

// A set of sequence numbers kept as closed ranges. Acknowledgements come almost in order, so a
// healthy run of days is a handful of ranges.
class Ranges {
 public:
  using Range = std::pair<std::int64_t, std::int64_t>;

  void add(std::int64_t seq);

  // The part of the set that is not below `from`.
  std::vector<Range> from(std::int64_t from) const;

  const std::vector<Range>& all() const { return ranges_; }
  std::uint64_t count() const { return count_; }

 private:
  void join_with_next(std::size_t index);

  std::vector<Range> ranges_;  // sorted, disjoint, never adjacent
  std::uint64_t count_ = 0;
};

}  // namespace pgrightsizer::app
