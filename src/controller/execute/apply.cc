#include "apply.h"

#include <openssl/sha.h>

#include <array>

#include "../turn/names.h"

namespace pgrightsizer::controller {

namespace {

constexpr const char* kAppliedAnnotation = "pgrightsizer.io/applied";

std::string digest(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  std::string out;
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr const char* kHex = "0123456789abcdef";
    out += kHex[hash[i] >> 4U];
    out += kHex[hash[i] & 15U];
  }
  return out;
}

}  // namespace

Result<void> apply_ours(kube::Client& client, const api::ConnectionPolicy& policy,
                        const kube::Ref& ref, const kube::Json& object) {
  const auto live = client.get(ref);
  if (!live && live.error().kind != ErrorKind::NotFound) return fail(live.error());
  if (live)
    if (auto ours = check_ours(policy, ref, *live); !ours) return ours;
  const auto applied = client.apply(ref, object);
  if (!applied) return fail(applied.error());
  return {};
}

Result<void> apply_if_changed(kube::Client& client, const api::ConnectionPolicy& policy,
                              const kube::Ref& ref, kube::Json object) {
  const std::string wanted = digest(object.dump());
  const auto live = client.get(ref);
  if (!live && live.error().kind != ErrorKind::NotFound) return fail(live.error());
  if (live) {
    if (auto ours = check_ours(policy, ref, *live); !ours) return ours;
    const auto annotations = live->value("/metadata/annotations"_json_pointer, kube::Json::object());
    const auto selector = live->value("/spec/selector"_json_pointer, kube::Json());
    const bool same_selector =
        ref.resource.kind != "Service" ||
        selector == object.value("/spec/selector"_json_pointer, kube::Json());
    if (same_selector && annotations.value(kAppliedAnnotation, std::string()) == wanted) return {};
  }
  object["metadata"]["annotations"][kAppliedAnnotation] = wanted;
  const auto applied = client.apply(ref, object);
  if (!applied) return fail(applied.error());
  return {};
}

Result<void> remove_ours(kube::Client& client, const api::ConnectionPolicy& policy,
                         const kube::Ref& ref) {
  const auto live = client.get(ref);
  if (!live && live.error().kind == ErrorKind::NotFound) return {};
  if (!live) return fail(live.error());
  if (!check_ours(policy, ref, *live)) return {};
  return client.remove(ref, {live->value("/metadata/uid"_json_pointer, std::string()), ""});
}

}  // namespace pgrightsizer::controller
