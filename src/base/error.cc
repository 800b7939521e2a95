#include "pgrightsizer/base/error.h"

namespace pgrightsizer {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound: return "NotFound";
    case ErrorKind::AlreadyExists: return "AlreadyExists";
    case ErrorKind::Conflict: return "Conflict";
    case ErrorKind::Gone: return "Gone";
    case ErrorKind::Behind: return "Behind";
    case ErrorKind::Invalid: return "Invalid";
    case ErrorKind::Unauthorized: return "Unauthorized";
    case ErrorKind::Forbidden: return "Forbidden";
    case ErrorKind::TooManyRequests: return "TooManyRequests";
    case ErrorKind::TooManySessions: return "TooManySessions";
    case ErrorKind::Unavailable: return "Unavailable";
    case ErrorKind::Timeout: return "Timeout";
    case ErrorKind::Cancelled: return "Cancelled";
    case ErrorKind::Internal: return "Internal";
  }
  return "Internal";
}

std::string Error::message() const {
  std::string text;
  if (!object.empty()) text += object + ": ";
  text += what;
  if (!remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace pgrightsizer
