#include "pages.h"

#include <exception>

#include "pgrightsizer/telemetry/log.h"

namespace pgrightsizer::telemetry {
namespace {

namespace http = boost::beast::http;

struct Page {
  http::status status = http::status::ok;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::string allow = {};
};

Page checks(const std::vector<Check>& all, bool verbose) {
  Page page;
  for (const auto& check : all) {
    const auto trouble = check.trouble();
    if (!trouble.empty()) page.status = http::status::internal_server_error;
    if (trouble.empty() && !verbose) continue;
    page.body += (trouble.empty() ? "ok " : "failed ") + check.name;
    page.body += trouble.empty() ? "\n" : ": " + trouble + "\n";
  }
  if (page.status == http::status::ok) page.body += "ok\n";
  return page;
}

Page log_level(const ServerContent& content, const HttpRequest& request, bool local) {
  if (request.method() != http::verb::put)
    return {http::status::ok, std::string(to_string(content.log_level())) + "\n"};
  if (!local)
    return {http::status::forbidden,
            "the log level is set from the pod itself: kubectl port-forward\n"};
  std::string text = request.body();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const auto level = parse_log_level(text);
  if (!level)
    return {http::status::bad_request, "the body is one of debug, info, warning, error\n"};
  content.set_log_level(*level);
  return {http::status::ok, text + "\n"};
}

Page page_of(const ServerContent& content, const HttpRequest& request, bool local) {
  const auto target = request.target();
  const auto end = target.find('?');
  const auto path = target.substr(0, end);
  const bool verbose = end != target.npos && target.substr(end + 1) == "verbose";
  const bool settable = path == "/log-level";
  const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
  const bool known = settable || path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!known)
    return {http::status::not_found, "here are /healthz, /readyz, /metrics and /log-level\n"};
  if (!reads && !(settable && request.method() == http::verb::put))
    return {http::status::method_not_allowed, "", "text/plain",
            settable ? "GET, HEAD, PUT" : "GET, HEAD"};
  if (settable) return log_level(content, request, local);
  if (path == "/healthz") return checks(content.health, verbose);
  if (path == "/readyz") return checks(content.ready, verbose);
  return {http::status::ok, content.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
}

Page page_or_error(const ServerContent& content, const HttpRequest& request, bool local) {
  try {
    return page_of(content, request, local);
  } catch (const std::exception& error) {
    return {http::status::internal_server_error, std::string(error.what()) + "\n"};
  }
}

}  // namespace

HttpResponse answer(const ServerContent& content, const HttpRequest& request, bool local) {
  auto page = page_or_error(content, request, local);
  HttpResponse response(page.status, request.version());
  response.set(http::field::content_type, page.type);
  response.set("X-Content-Type-Options", "nosniff");
  if (!page.allow.empty()) response.set(http::field::allow, page.allow);
  response.keep_alive(request.keep_alive());
  response.body() = std::move(page.body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();  // its length stays
  return response;
}

}  // namespace pgrightsizer::telemetry
