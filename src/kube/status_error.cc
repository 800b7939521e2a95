// From the API server's Status object to an Error.
#include "pgrightsizer/kube/client.h"
#include "pgrightsizer/kube/json_text.h"

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

ErrorKind kind_of(int status, const std::string& reason) {
  switch (status) {
    case 401:
      return ErrorKind::Unauthorized;
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 408:
    case 504:
      return ErrorKind::Timeout;
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
      return status >= 400 && status < 500 ? ErrorKind::Invalid : ErrorKind::Internal;
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
  error.kind = kind_of(code, text_at(status, {"reason"}));
  error.remedy = remedy_of(error.kind, what);
  error.what = std::move(what);
  error.object = object;
  return error;
}

Error error_of(const Response& response, const std::string& object) {
  const Json status = Json::parse(response.body, nullptr, false);
  Error error =
      error_of_status(response.status, status.is_object() ? status : Json::object(), object);
  if (!status.is_object() && !response.body.empty()) {
    error.what +=
        ": " + response.body.substr(0, response.body.find_first_of("\r\n")).substr(0, 200);
  }
  error.retry_after = response.retry_after;
  return error;
}

}  // namespace pgrightsizer::kube
