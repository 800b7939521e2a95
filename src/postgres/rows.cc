#include <charconv>

#include "pgrightsizer/postgres/session.h"

namespace pgrightsizer::postgres {

std::optional<std::size_t> Rows::column(const std::string& name) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i] == name) return i;
  return std::nullopt;
}

std::optional<std::string> Rows::text(std::size_t row, const std::string& name) const {
  const auto index = column(name);
  if (!index || row >= rows.size() || *index >= rows[row].size()) return std::nullopt;
  return rows[row][*index];
}

std::optional<std::int64_t> Rows::number(std::size_t row, const std::string& name) const {
  const auto cell = text(row, name);
  if (!cell) return std::nullopt;
  std::int64_t value = 0;
  const char* end = cell->data() + cell->size();
  const auto [stop, error] = std::from_chars(cell->data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace pgrightsizer::postgres
