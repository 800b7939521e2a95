#include "tls_source.h"

#include "credential_files.h"

namespace pgrightsizer::kube {
namespace {

constexpr std::chrono::seconds kMinute{60};

}  // namespace

std::shared_ptr<const TlsMaterial> TlsSource::get(Instant now) {
  std::scoped_lock lock(mutex_);
  if (now >= next_) renew_locked(now);
  return material_;
}

bool TlsSource::renew_after_refusal(const std::shared_ptr<const TlsMaterial>& material, Instant now) {
  std::scoped_lock lock(mutex_);
  if (material_ == material) renew_locked(now);
  return material_ != material;
}

void TlsSource::renew_locked(Instant now) {
  next_ = now + kMinute;
  if (credentials_.ca_file.empty()) return;
  auto pem = read_credential_file(credentials_.ca_file, {});
  if (!pem || *pem == credentials_.ca_pem) return;
  auto fresh = TlsMaterial::parse(*pem, credentials_.client_cert_pem, credentials_.client_key_pem);
  if (!fresh) return;
  credentials_.ca_pem = std::move(*pem);
  material_ = std::move(*fresh);
}

}  // namespace pgrightsizer::kube
