// The verbs of the API server that the operator uses, on the world's objects; and the faults between
// the two.
#pragma once

#include <functional>

#include "pgrightsizer/kube/transport.h"
#include "watch_server.h"
#include "world.h"

namespace pgrightsizer::simulation {

class ApiServer final : public kube::Transport {
 public:
  explicit ApiServer(World& world) : watches(world), world_(world) {}

  Result<kube::Response> call(const kube::Request& request, milliseconds deadline) override;
  // Lets the clock run until the answer ends; for a client that has nothing else to do meanwhile.
  Result<kube::Response> stream(const kube::Request& request, const std::function<void(std::string_view)>& on_bytes,
                                milliseconds idle, const std::stop_token& stop) override;

  WatchServer watches;
  // A defect: it answers a GET from the cache of its watches.
  bool reads_from_cache = false;

  // Writes that are neither events nor the policy's own status.
  long writes = 0;

 private:
  kube::Response answer(const kube::Request& request, const std::string& path, const std::string& query);
  kube::Response get(const std::string& path, const std::string& query);
  // Pods by their labels, whole.
  kube::Response list(const std::string& path, const std::string& query);
  kube::Response apply(const std::string& path, const json& body);
  kube::Response patch(const kube::Request& request, const std::string& path);
  kube::Response remove(const kube::Request& request, const std::string& path);
  json endpoint_slices(const std::string& service) const;

  World& world_;
};

}  // namespace pgrightsizer::simulation
