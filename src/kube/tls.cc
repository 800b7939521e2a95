#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <utility>
#include <vector>

namespace pgrightsizer::kube {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertStore = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;

Bio memory(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "not PEM";
}

Result<std::vector<Certificate>> read_certificates(const std::string& pem,
                                                   const std::string& what) {
  std::vector<Certificate> out;
  const Bio bio = memory(pem);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    out.emplace_back(next);
  if (out.empty()) {
    return fail(ErrorKind::Invalid,
                what + " holds no readable certificate (" + last_reason() + ")");
  }
  ERR_clear_error();  // "no start line" after the last one
  return out;
}

class Material final : public TlsMaterial {
 public:
  Material(CertStore trusted, std::vector<Certificate> chain, PrivateKey key)
      : trusted_(std::move(trusted)), chain_(std::move(chain)), key_(std::move(key)) {}

  void install(SSL_CTX* context) const override {
    // A replaced store, because cpprestsdk has already added the system's certificates to the
    // first.
    SSL_CTX_set1_cert_store(context, trusted_.get());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    if (!key_) return;
    SSL_CTX_use_certificate(context, chain_.front().get());
    for (std::size_t i = 1; i < chain_.size(); ++i)
      SSL_CTX_add1_chain_cert(context, chain_[i].get());
    SSL_CTX_use_PrivateKey(context, key_.get());
  }

 private:
  CertStore trusted_;
  std::vector<Certificate> chain_;
  PrivateKey key_;
};

Result<PrivateKey> read_key(const std::string& pem, X509* certificate) {
  // An empty pass phrase, so that an encrypted key fails instead of asking the terminal.
  char no_pass_phrase[] = "";
  PrivateKey key(PEM_read_bio_PrivateKey(memory(pem).get(), nullptr, nullptr, no_pass_phrase));
  if (!key) {
    return fail(ErrorKind::Invalid, "the client key is not readable (" + last_reason() + ")");
  }
  if (X509_check_private_key(certificate, key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorKind::Invalid, "the client key does not belong to the client certificate");
  }
  return key;
}

}  // namespace

Result<std::shared_ptr<const TlsMaterial>> TlsMaterial::parse(const std::string& ca_pem,
                                                              const std::string& cert_pem,
                                                              const std::string& key_pem) {
  auto authorities = read_certificates(ca_pem, "the certificate authority");
  if (!authorities) return fail(std::move(authorities.error()));
  CertStore trusted(X509_STORE_new());
  X509_STORE_set_flags(trusted.get(), X509_V_FLAG_PARTIAL_CHAIN);  // an intermediate authority is one, too
  for (const auto& authority : *authorities) X509_STORE_add_cert(trusted.get(), authority.get());

  if (cert_pem.empty() != key_pem.empty()) {
    return fail(ErrorKind::Invalid,
                "a client certificate needs its key, and the key its certificate");
  }
  if (cert_pem.empty()) {
    return std::make_shared<Material>(std::move(trusted), std::vector<Certificate>{}, nullptr);
  }
  auto chain = read_certificates(cert_pem, "the client certificate");
  if (!chain) return fail(std::move(chain.error()));
  auto key = read_key(key_pem, chain->front().get());
  if (!key) return fail(std::move(key.error()));
  return std::make_shared<Material>(std::move(trusted), std::move(*chain), std::move(*key));
}

}  // namespace pgrightsizer::kube
