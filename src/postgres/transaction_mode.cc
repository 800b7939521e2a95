#include "pgrightsizer/postgres/transaction_mode.h"

namespace pgrightsizer::postgres {
namespace {

// Of a statement its kind and its name, or its first word: the rest may hold anybody's data.
constexpr const char* kQuery = R"(
  with mine as (
    select pid, usename::text as usename, host(client_addr) as address, query
      from pg_stat_activity
     where backend_type = 'client backend' and state = 'idle' and datname = current_database()
       and usename = any($1::text[]))
  select case
           when query ~* '^\s*listen\s' then 'LISTEN'
           when query ~* '^\s*declare\s.*\swith\s+hold\s' then 'cursor WITH HOLD'
           when query ~* '^\s*prepare\s+(?!transaction\s)' then 'PREPARE'
           else 'prepared statement'
         end as what, usename, address,
         left(substring(query from
           '(?i)^\s*((?:(?:listen|declare|prepare)\s+)?(?:"[^"]*"|\w+))'), 80) as detail
    from mine
   where query ~* '^\s*listen\s' or query ~* '^\s*declare\s.*\swith\s+hold\s'
      or query ~* '^\s*prepare\s+(?!transaction\s)' or ($2::boolean and query ~ '\$1')
  union all
  select distinct 'session advisory lock', usename, address, classid || '/' || objid
    from mine join pg_locks using (pid) where locktype = 'advisory' and granted
  union all
  select 'temporary table', r.rolname::text, null, c.relname::text
    from pg_class c join pg_roles r on r.oid = c.relowner
   where c.relpersistence = 't' and c.relkind = 'r' and r.rolname = any($1::text[]))";

// As an array literal: {"shop","a\"b"}.
std::string array_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    out += out.empty() ? "{\"" : ",\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out.empty() ? "{}" : out + "}";
}

}  // namespace

Result<std::vector<Evidence>> read_incompatibilities(Session& session,
                                                     const std::vector<std::string>& roles,
                                                     bool prepared) {
  const auto rows = session.query(kQuery, {array_of(roles), prepared ? "false" : "true"});
  if (!rows) return fail(rows.error());
  std::vector<Evidence> found;
  found.reserve(rows->rows.size());
  for (std::size_t i = 0; i < rows->rows.size(); ++i)
    found.push_back({rows->text(i, "what").value_or(""), rows->text(i, "usename").value_or(""),
                     rows->text(i, "address").value_or(""), rows->text(i, "detail").value_or("")});
  return found;
}

}  // namespace pgrightsizer::postgres
