// Lines of PostgreSQL's and PgBouncer's logs, and the times before them.
#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/pgbouncer/log.h"
#include "pgrightsizer/postgres/connection_error.h"

using namespace pgrightsizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  static_cast<void>(postgres::error_in_log(line));
  static_cast<void>(pgbouncer::error_in_log(line));
  static_cast<void>(parse_rfc3339(line.substr(0, line.find(' '))));
  return 0;
}
