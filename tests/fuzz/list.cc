// A List response, in JSON or protobuf, and what is read from its items.
#include "pgrightsizer/kube/objects.h"
#include "pieces.h"
#include "runtime/list_reader.h"

using namespace pgrightsizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto& resource : {kube::resources::kPod, kube::resources::kDeployment}) {
    runtime::ListReader reader(resource, [](const nlohmann::json& object) {
      static_cast<void>(kube::decode_pod(object));
      static_cast<void>(kube::decode_workload(object));
    });
    fuzz::feed_pieces(data, size, [&](std::string_view piece) { return reader.feed(piece); });
    if (reader.finished()) static_cast<void>(reader.continue_token() + reader.resource_version());
  }
  return 0;
}
