// From the API server's Status object to an Error.
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::kube {
namespace {

// "; "-joined details that the message leaves out.
std::string causes_of(const Json& status) {
  std::string out;
  const Json* causes = member(status, {"details", "causes"});
  if (causes == nullptr || !causes->is_array()) return out;
  const std::string message = text_at(status, {"message"});
  for (const auto& cause : *causes) {
    const std::string text = text_at(cause, {"message"});
    if (text.empty() || message.find(text) != std::string::npos) continue;
    out += out.empty() ? text : "; " + text;
  }
  return out;
}

// The server has not yet seen a resourceVersion that another one told us.
bool is_behind(const Json& status) {
  const Json* causes = member(status, {"details", "causes"});
  if (causes == nullptr || !causes->is_array()) return false;
  for (const auto& cause : *causes)
    if (text_at(cause, {"reason"}) == "ResourceVersionTooLarge") return true;
  return false;
}

ErrorKind kind_of(int code, const Json& status) {
  const std::string reason = text_at(status, {"reason"});
  switch (code) {
    case 401:
      return ErrorKind::Unauthorized;
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 408:
      return ErrorKind::Timeout;
    case 504:
      return is_behind(status) ? ErrorKind::Behind : ErrorKind::Timeout;
    case 409:
      return reason == "AlreadyExists" ? ErrorKind::AlreadyExists : ErrorKind::Conflict;
    case 410:
      return ErrorKind::Gone;
    case 429:
      return ErrorKind::TooManyRequests;
    case 502:
    case 503:
      return ErrorKind::Unavailable;
    default:
      return code >= 400 && code < 500 ? ErrorKind::Invalid : ErrorKind::Internal;
  }
}

std::string remedy_of(ErrorKind kind, const std::string& what) {
  if (kind == ErrorKind::Unauthorized) return "check the credentials of the operator";
  // Not for a quota or an admission webhook, which also answer 403.
  if (kind == ErrorKind::Forbidden && what.find(" cannot ") != std::string::npos) {
    return "add this verb on this resource to the operator's ClusterRole";
  }
  return {};
}

}  // namespace

Error error_of_status(int code, const Json& status, const std::string& object) {
  std::string what = text_at(status, {"message"});
  const std::string causes = causes_of(status);
  if (!causes.empty()) what += what.empty() ? causes : " (" + causes + ")";
  if (what.empty()) what = "the API server answered " + std::to_string(code);
  Error error;
  error.kind = kind_of(code, status);
  if (const auto pause = number_at(status, {"details", "retryAfterSeconds"}, 0); pause > 0)
    error.retry_after = std::chrono::seconds(pause);
  error.remedy = remedy_of(error.kind, what);
  error.what = std::move(what);
  error.object = object;
  return error;
}

Error error_of(const Response& response, const std::string& object) {
  auto status = wire::decode_status(response.body);
  if (!status) status = Json::parse(response.body, nullptr, false);
  Error error =
      error_of_status(response.status, status->is_object() ? *status : Json::object(), object);
  if (!status->is_object() && !response.body.empty()) {
    error.what +=
        ": " + response.body.substr(0, response.body.find_first_of("\r\n")).substr(0, 200);
  }
  if (!response.remark.empty()) error.what += " (" + response.remark + ")";
  if (response.retry_after) error.retry_after = response.retry_after;
  return error;
}

}  // namespace pgrightsizer::kube
