#include "pgrightsizer/kube/transport.h"

namespace pgrightsizer::kube {
namespace {

// Named as client-go names them, so that dashboards of controllers show them.
constexpr Metric kRequests{MetricKind::Counter, "rest_client_requests_total",
                           "Requests to the API server, by method and status; <error>: no answer."};
constexpr Metric kTime{MetricKind::Histogram, "rest_client_request_duration_seconds",
                       "How long the API server took to answer; without watches."};

const char* name_of(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Post:
      return "POST";
    case Method::Put:
      return "PUT";
    case Method::Patch:
      return "PATCH";
    case Method::Delete:
      return "DELETE";
  }
  return "GET";
}

class MeasuredTransport final : public Transport {
 public:
  MeasuredTransport(Transport& inner, Metrics& metrics, const std::string& server)
      : inner_(inner), metrics_(metrics) {
    const auto scheme = server.find("://");
    host_ = scheme == std::string::npos ? server : server.substr(scheme + 3);
  }

  Result<Response> call(const Request& request, std::chrono::milliseconds deadline) override {
    const auto begin = std::chrono::steady_clock::now();
    auto response = inner_.call(request, deadline);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    metrics_.observe(kTime, {{"verb", name_of(request.method)}, {"host", host_}}, took.count());
    count(request, response);
    return response;
  }

  Result<Response> stream(const Request& request,
                          const std::function<void(std::string_view)>& on_bytes,
                          std::chrono::milliseconds idle, const std::stop_token& stop) override {
    auto response = inner_.stream(request, on_bytes, idle, stop);
    count(request, response);
    return response;
  }

 private:
  void count(const Request& request, const Result<Response>& response) {
    metrics_.add(kRequests,
                 {{"method", name_of(request.method)},
                  {"code", response ? std::to_string(response->status) : "<error>"},
                  {"host", host_}},
                 1);
  }

  Transport& inner_;
  Metrics& metrics_;
  std::string host_;
};

}  // namespace

std::unique_ptr<Transport> measured(Transport& inner, Metrics& metrics, const std::string& server) {
  return std::make_unique<MeasuredTransport>(inner, metrics, server);
}

}  // namespace pgrightsizer::kube
