// What the API server's certificate is held against, and the one that we show.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "pgrightsizer/kube/credentials.h"
#include "tls.h"

namespace pgrightsizer::kube {

// Fixed, or from files that are replaced when the authority or our own certificate is rotated: read once a
// minute, and after a refusal; while they make no sense the last material stays in use. Thread-safe.
class TlsSource {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `material` is what the credentials say now; null for a server without TLS.
  TlsSource(std::shared_ptr<const TlsMaterial> material, Credentials credentials)
      : material_(std::move(material)), credentials_(std::move(credentials)) {}

  [[nodiscard]] std::shared_ptr<const TlsMaterial> get(Instant now);
  // A certificate was refused by `material`. True if there is other material now, so that it is worth
  // trying.
  [[nodiscard]] bool renew_after_refusal(const std::shared_ptr<const TlsMaterial>& material, Instant now);
  // Shows this certificate from now on; an error if the key is not its own.
  [[nodiscard]] Result<void> show(const std::string& client_cert_pem, const std::string& client_key_pem);

 private:
  void renew_locked(Instant now);
  Result<void> take_locked(Credentials fresh);

  std::mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_;
  Credentials credentials_;
  Instant next_{};
};

}  // namespace pgrightsizer::kube
