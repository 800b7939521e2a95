#include "tls_source.h"

#include <tuple>
#include <utility>

#include "credential_files.h"

namespace pgrightsizer::kube {
namespace {

constexpr std::chrono::seconds kMinute{60};

void read_again(const std::string& file, std::string& pem) {
  if (file.empty()) return;
  if (auto now = read_credential_file(file, {})) pem = std::move(*now);
}

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

Result<void> TlsSource::show(const std::string& client_cert_pem, const std::string& client_key_pem) {
  std::scoped_lock lock(mutex_);
  Credentials fresh = credentials_;
  fresh.client_cert_pem = client_cert_pem;
  fresh.client_key_pem = client_key_pem;
  return take_locked(std::move(fresh));
}

void TlsSource::renew_locked(Instant now) {
  next_ = now + kMinute;
  Credentials fresh = credentials_;
  read_again(fresh.ca_file, fresh.ca_pem);
  read_again(fresh.client_cert_file, fresh.client_cert_pem);
  read_again(fresh.client_key_file, fresh.client_key_pem);
  static_cast<void>(take_locked(std::move(fresh)));
}

// Of a pair of which only one is there yet nothing is taken.
Result<void> TlsSource::take_locked(Credentials fresh) {
  const auto material = [](const Credentials& from) {
    return std::tie(from.ca_pem, from.client_cert_pem, from.client_key_pem);
  };
  if (!material_ || material(fresh) == material(credentials_)) return {};
  auto parsed = TlsMaterial::parse(fresh.ca_pem, fresh.client_cert_pem, fresh.client_key_pem);
  if (!parsed) return fail(std::move(parsed.error()));
  credentials_ = std::move(fresh);
  material_ = std::move(*parsed);
  return {};
}

}  // namespace pgrightsizer::kube
