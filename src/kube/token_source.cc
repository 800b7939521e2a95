#include "token_source.h"

#include <fstream>
#include <iterator>

namespace pgrightsizer::kube {
namespace {

constexpr std::chrono::seconds kMinute{60};
constexpr std::chrono::seconds kAgain{10};  // after there was none

}  // namespace

std::string TokenSource::get(Instant now) {
  std::scoped_lock lock(mutex_);
  if (renew_ && now >= next_) renew_locked(now);
  return token_;
}

bool TokenSource::renew_after_refusal(const std::string& token, Instant now) {
  std::scoped_lock lock(mutex_);
  if (!renew_) return false;
  if (token_ == token) renew_locked(now);
  return token_ != token;
}

void TokenSource::renew_locked(Instant now) {
  auto fresh = renew_();
  next_ = now + (fresh ? fresh->good_for : kAgain);
  if (fresh) token_ = std::move(fresh->token);
}

TokenSource::Renew from_file(std::string path) {
  return [path = std::move(path)]() -> std::optional<FreshToken> {
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto end = text.find_last_not_of(" \t\r\n");
    if (!in || end == std::string::npos) return std::nullopt;
    text.resize(end + 1);
    return FreshToken{std::move(text), kMinute};
  };
}

}  // namespace pgrightsizer::kube
