#include "token_source.h"

#include <fstream>
#include <iterator>

namespace pgrightsizer::kube {

std::string TokenSource::get(Instant now) {
  std::scoped_lock lock(mutex_);
  if (!file_.empty() && now >= next_read_) read_locked(now);
  return token_;
}

bool TokenSource::renew_after_refusal(const std::string& token, Instant now) {
  std::scoped_lock lock(mutex_);
  if (file_.empty()) return false;
  if (token_ == token) read_locked(now);
  return token_ != token;
}

void TokenSource::read_locked(Instant now) {
  next_read_ = now + std::chrono::seconds(60);
  std::ifstream in(file_, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto end = text.find_last_not_of(" \t\r\n");
  if (!in || end == std::string::npos) return;
  text.resize(end + 1);
  token_ = std::move(text);
}

}  // namespace pgrightsizer::kube
