// What an error code of the HTTP library means. By code only: its messages mislead ("Request
// canceled by user." for a connect timeout).
#pragma once

#include <string>

#include "pgrightsizer/base/error.h"

namespace pgrightsizer::kube {

// `server` is the API server's URL, `code` the errno, asio or packed OpenSSL code.
[[nodiscard]] Error transport_error(int code, const std::string& server);

// The server's certificate is none that we trust. Nothing was sent.
[[nodiscard]] bool is_refused_certificate(int code);

// The connection died; whether the server acted on the request is unknown.
[[nodiscard]] bool is_lost_connection(int code);

}  // namespace pgrightsizer::kube
