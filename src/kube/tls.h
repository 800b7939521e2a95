// TLS material from PEM text in memory.
#pragma once

#include <memory>
#include <string>

#include "pgrightsizer/base/result.h"

using SSL_CTX = struct ssl_ctx_st;

namespace pgrightsizer::kube {

// The certificates a server may be signed by and, if any, our own certificate and key. Parsed once,
// so that a bad PEM is an error at the start and not at the first connection. Immutable,
// thread-safe.
class TlsMaterial {
 public:
  // `ca_pem` needs at least one certificate; the other two are both given or both empty.
  [[nodiscard]] static Result<std::shared_ptr<const TlsMaterial>> parse(const std::string& ca_pem,
                                                                        const std::string& cert_pem,
                                                                        const std::string& key_pem);

  virtual ~TlsMaterial() = default;
  // Makes the context trust these certificates and nothing else, whatever it trusted before.
  virtual void install(SSL_CTX* context) const = 0;
};

}  // namespace pgrightsizer::kube
