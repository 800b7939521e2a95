// What the server answers: a pure function of the request.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "pgrightsizer/telemetry/server.h"

namespace pgrightsizer::telemetry {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

// `local`: the peer is this machine, or this pod. A throwing part of `content` is a 500.
[[nodiscard]] HttpResponse answer(const ServerContent& content, const HttpRequest& request,
                                  bool local);

}  // namespace pgrightsizer::telemetry
