#include "transport_errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>

namespace pgrightsizer::kube {
namespace {

constexpr int kAsioEof = 2;
constexpr int kTlsCut = 1;  // closed without TLS's goodbye; also a name that is not known

bool is_openssl(int code) { return code > 0xFFFFFF; }

Error openssl_error(int code, const std::string& server) {
  const auto packed = static_cast<unsigned long>(code);
  const char* text = ERR_reason_error_string(packed);
  const std::string reason = text != nullptr ? text : "TLS error " + std::to_string(code);
  if (is_refused_certificate(code)) {
    return {ErrorKind::Unauthorized,
            "the certificate of " + server + " is refused: " + reason,
            {},
            "check the certificate authority in the credentials and the host name in the URL"};
  }
  return {ErrorKind::Unavailable, "TLS with " + server + " failed: " + reason, {}, {}};
}

}  // namespace

bool is_refused_certificate(int code) {
  return is_openssl(code) &&
         ERR_GET_REASON(static_cast<unsigned long>(code)) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

bool is_lost_connection(int code) {
  switch (code) {
    case kAsioEof:
    case kTlsCut:
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:  // how the library calls an end before the answer
    case EHOSTUNREACH:  // and an end while it sends the head, or nobody who listens
      return true;
    default:
      return false;
  }
}

Error transport_error(int code, const std::string& server) {
  if (is_openssl(code)) return openssl_error(code, server);
  switch (code) {
    case ETIMEDOUT:
      return {ErrorKind::Timeout, "no answer from " + server + " in time", {}, {}};
    case ECANCELED:
      return {ErrorKind::Cancelled, "the request was cancelled", {}, {}};
    case kAsioEof:
    case ECONNABORTED:
      return {ErrorKind::Unavailable, server + " closed the connection", {}, {}};
    case EHOSTUNREACH:  // the library's word for a refused connection, too
    case 0:
    case kTlsCut:  // and resolver errors, which have numbers of their own
      return {ErrorKind::Unavailable, server + " cannot be reached", {}, {}};
    default:
      return {
          ErrorKind::Unavailable, server + " cannot be reached: " + std::strerror(code), {}, {}};
  }
}

}  // namespace pgrightsizer::kube
