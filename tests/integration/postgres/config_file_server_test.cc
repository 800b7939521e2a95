// Our reading of a configuration file against that of a real server.
#include <gmock/gmock.h>

#include "integration/support/postgres_process.h"
#include "pgrightsizer/postgres/config_file.h"
#include "pgrightsizer/postgres/server.h"

namespace pgrightsizer::postgres {
namespace {

// What the server would take from our file at its next start; nullopt: it would not start, or take
// initdb's line.
std::optional<std::int64_t> reading_of_server(const testing::PostgresProcess& server,
                                              Session& session, const std::string& text) {
  testing::write_file(server.config(), text);
  const auto rows = session.query(
      "select count(*) filter (where name is null or error not in "
      "('setting could not be applied')) as broken from pg_file_settings where error is not null");
  if (!rows || rows->number(0, "broken") != 0) return std::nullopt;
  const auto settings = read_settings(session);
  if (!settings) return std::nullopt;
  for (const auto& file : settings->files)
    if (file.applied && file.file == server.config()) return parse_integer(file.value);
  return std::nullopt;
}

TEST(ConfigFileAgainstServer, ReadsTheSame) {
  const testing::PostgresProcess server;
  auto session = server.session();
  for (const std::string text : {"max_connections = 60\n",
                                 "max_connections=61",
                                 "Max_Connections 62\r\n",
                                 "\tmax_connections\t=\t'63'#x\n",
                                 "max_connections = 0x40 # hex\n",
                                 "max_connections = 0101\n",
                                 "max_connections = 65.6\n",
                                 "max_connections = '6.7e1'\n",
                                 "max_connections = '\\066\\70'\n",
                                 "max_connections = '\\68'\n",
                                 "max_connections = +69\n",
                                 "max_connections = ' 70 '\n",
                                 "max_connections = 60\nmax_connections = 71\n",
                                 "max_connections = 72\r",
                                 "max_connections = 1e2\n",
                                 "max_connections = 60 70\n",
                                 "max_connections == 60\n",
                                 "max_connections = 60;\n",
                                 "max_connections\n",
                                 "max_connections = '60\n",
                                 "max_connections = 60MB x\n"}) {
    const auto file = parse_config(text);
    const auto ours = file ? file->max_connections : std::nullopt;
    EXPECT_EQ(ours, reading_of_server(server, session, text)) << text;
    const auto changed = with_max_connections(text, 88);
    if (changed) {
      EXPECT_EQ(reading_of_server(server, session, *changed), 88) << *changed;
    }
  }
}

TEST(ConfigFileAgainstServer, TheServerStartsWithWhatWeWrite) {
  testing::PostgresProcess server;
  const auto text = with_max_connections("work_mem = '5MB'\r\n# no line end after", 93).value();
  testing::write_file(server.config(), text);
  server.restart();
  auto session = server.session();
  EXPECT_EQ(read_settings(session)->max_connections, 93);
}

// What the providers look for in the log of a pod that does not start.
TEST(ConfigFileAgainstServer, TheServerSaysWhyItDoesNotStart) {
  testing::PostgresProcess server;
  server.stop();
  testing::write_file(server.config(), "max_connections = 3\n");
  EXPECT_THAT(server.start_and_fail(),
              ::testing::HasSubstr("superuser_reserved_connections (3) must be less than"));
  testing::write_file(server.config(), "max_connections = 262143\nshared_buffers = 900TB\n");
  EXPECT_THAT(server.start_and_fail(), ::testing::HasSubstr("FATAL:"));
}

}  // namespace
}  // namespace pgrightsizer::postgres
