#include <charconv>
#include <istream>
#include <set>
#include <sstream>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/replay/replay.h"

namespace pgrightsizer::replay {

namespace {

std::vector<std::string> cells_of(std::string line) {
  if (line.ends_with('\r')) line.pop_back();
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',')
      cells.emplace_back();
    else if (c != ' ' && c != '\t')
      cells.back() += c;
  }
  return cells;
}

std::optional<Count> count_of(const std::string& text) {
  Count value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Time> time_of(const std::string& text) {
  if (const auto seconds = count_of(text)) return Time(std::chrono::seconds(*seconds));
  return api::parse_time(text);
}

class Reader {
 public:
  Reader(std::istream& file, std::string name) : file_(file), name_(std::move(name)) {}

  Result<Trace> read() {
    std::string line;
    if (!next(line)) return wrong("it is empty", "begin with a header: time,<workload>");
    if (auto done = header(cells_of(line)); !done) return fail(std::move(done.error()));
    while (next(line))
      if (auto done = row(cells_of(line)); !done) return fail(std::move(done.error()));
    return std::move(trace_);
  }

 private:
  // Empty lines and comments are no rows.
  bool next(std::string& line) {
    while (std::getline(file_, line)) {
      ++number_;
      if (!line.empty() && line != "\r" && line[0] != '#') return true;
    }
    return false;
  }

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what, const std::string& remedy) const {
    return fail(ErrorKind::Invalid, what, name_ + " line " + std::to_string(number_), remedy);
  }

  Result<void> header(const std::vector<std::string>& cells) {
    if (cells.size() < 2 || cells[0] != "time")
      return wrong("the header does not begin with time and a workload",
                   "write time,<workload>,… as its first line");
    trace_.workloads.assign(cells.begin() + 1, cells.end());
    const std::set<std::string> names(trace_.workloads.begin(), trace_.workloads.end());
    if (names.size() < trace_.workloads.size() || names.contains(""))
      return wrong("a workload has no name, or that of another", "give each column its own name");
    return {};
  }

  Result<void> row(const std::vector<std::string>& cells) {
    if (cells.size() != trace_.workloads.size() + 1)
      return wrong(std::to_string(cells.size()) + " cells instead of " +
                       std::to_string(trace_.workloads.size() + 1),
                   "give a time and one count for each workload");
    const auto time = time_of(cells[0]);
    if (!time)
      return wrong("\"" + cells[0] + "\" is no time",
                   "use 2026-11-23T17:00:00Z or seconds since 1970");
    if (!trace_.rows.empty() && *time <= trace_.rows.back().time)
      return wrong("its time is not later than that of the row before", "sort the rows by time");
    Row row{*time, {}};
    for (std::size_t i = 1; i < cells.size(); ++i) {
      const auto count = count_of(cells[i]);
      if (!count || *count < 0)
        return wrong("\"" + cells[i] + "\" is no count of replicas", "use a whole number from 0 on");
      row.replicas.push_back(*count);
    }
    trace_.rows.push_back(std::move(row));
    return {};
  }

  std::istream& file_;
  const std::string name_;
  int number_ = 0;
  Trace trace_;
};

}  // namespace

Result<Trace> read_trace(std::istream& file, const std::string& name) {
  return Reader(file, name).read();
}

}  // namespace pgrightsizer::replay
