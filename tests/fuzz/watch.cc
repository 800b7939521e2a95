// A watch, in JSON or protobuf, and what is read from its events.
#include "pgrightsizer/kube/objects.h"
#include "pieces.h"
#include "runtime/watch_reader.h"

using namespace pgrightsizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto& resource : {kube::resources::kPod, kube::resources::kStatefulSet}) {
    runtime::WatchReader reader(resource, [](const std::string&, const nlohmann::json& object) {
      static_cast<void>(kube::decode_pod(object));
      static_cast<void>(kube::decode_workload(object));
      static_cast<void>(kube::error_of_status(500, object, {}));
    });
    fuzz::feed_pieces(data, size, [&](std::string_view piece) { return reader.feed(piece); });
  }
  return 0;
}
