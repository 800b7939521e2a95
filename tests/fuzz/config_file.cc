// postgresql.conf: whatever stands in it, what we write is read back, and nothing else has changed.
#include <cstdlib>

#include "pgrightsizer/postgres/config_file.h"

using namespace pgrightsizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto changed = postgres::with_max_connections(text, 250);
  if (changed.has_value() != postgres::parse_config(text).has_value()) std::abort();
  if (!changed) return 0;
  const auto read = postgres::parse_config(*changed);
  if (!read || read->max_connections != 250) std::abort();
  const auto again = postgres::with_max_connections(*changed, 250);
  if (!again || *again != *changed) std::abort();
  return 0;
}
