// A TLS server that nobody vouches for.
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <atomic>
#include <memory>

#include "integration/kube/loopback.h"

namespace pgrightsizer {
namespace {

struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();

  // Of 127.0.0.1, or of an authority; signed by itself, or by `issuer`.
  explicit Identity(const Identity* issuer = nullptr, const std::string& authority = {}) {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    const std::string text = authority.empty() ? "127.0.0.1" : authority;
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer != nullptr ? X509_get_subject_name(issuer->certificate) : name);
    X509_EXTENSION* extension =
        authority.empty() ? X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1")
                          : X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, issuer != nullptr ? issuer->key : key, EVP_sha256());
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
};

// What `write` writes.
template <class Write>
std::string text_of(const Write& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  write(bio.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(const Identity& identity) {
  return text_of([&](BIO* out) { PEM_write_bio_X509(out, identity.certificate); });
}

// Up to the empty line, and the body that is announced.
bool read_request(SSL* ssl) {
  const auto read_until = [ssl](std::string& text, const auto& complete) {
    char c = 0;
    while (!complete() && SSL_read(ssl, &c, 1) == 1) text += c;
    return complete();
  };
  std::string head;
  if (!read_until(head, [&] { return head.ends_with("\r\n\r\n"); })) return false;
  const std::string name = "Content-Length:";
  const auto at = head.find(name);
  const std::size_t size = at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
  std::string body;
  return read_until(body, [&] { return body.size() == size; });
}

std::string name_of(const SSL* ssl) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
  if (!certificate) return {};
  std::array<char, 64> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text.data(), text.size());
  return text.data();
}

LoopbackServer::Serve serve_as(const Identity& identity, int unanswered, const std::string& user = {}) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), identity.certificate);
  SSL_CTX_use_PrivateKey(context.get(), identity.key);
  // Anybody's: whose it is shows in the answer.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("x"), 1);
  const auto left = std::make_shared<std::atomic<int>>(unanswered);
  return [context, left, user](const Socket& client) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), client.fd());
    if (SSL_accept(ssl.get()) != 1 || !read_request(ssl.get()) || (*left)-- > 0) return;
    const bool known = user.empty() || name_of(ssl.get()) == user;
    const std::string answer = std::string("HTTP/1.1 ") + (known ? "200 OK" : "401 Unauthorized") +
                               "\r\nContent-Length: 2\r\n\r\n{}";
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
  };
}

}  // namespace

LoopbackServer::Serve serve_self_signed(std::string* pem, int unanswered) {
  const Identity identity;
  if (pem != nullptr) *pem = pem_of(identity);
  return serve_as(identity, unanswered);
}

LoopbackServer::Serve serve_to(const std::string& user, std::string& pem) {
  const Identity identity;
  pem = pem_of(identity);
  return serve_as(identity, 0, user);
}

Pems pems_of_user(const std::string& user) {
  const Identity identity(nullptr, user);
  return {pem_of(identity), text_of([&](BIO* out) {
            PEM_write_bio_PrivateKey(out, identity.key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

LoopbackServer::Serve serve_below_intermediate(std::string& pem) {
  const Identity root(nullptr, "root");
  const Identity intermediate(&root, "intermediate");
  pem = pem_of(intermediate);
  return serve_as(Identity(&intermediate), 0);
}

std::string unrelated_ca_pem() { return pem_of(Identity{}); }

}  // namespace pgrightsizer
