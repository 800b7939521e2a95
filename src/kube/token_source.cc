#include "token_source.h"

#include <algorithm>
#include <utility>

#include "credential_files.h"

namespace pgrightsizer::kube {
namespace {

constexpr std::chrono::seconds kMinute{60};
constexpr std::chrono::seconds kAgain{10};    // after there was none
constexpr std::chrono::seconds kCourtesy{1};  // the last one is good for a little longer

}  // namespace

TokenSource::TokenSource(std::string token, Renew renew, std::function<Instant()> clock)
    : renew_(std::move(renew)), clock_(std::move(clock)), token_(std::move(token)) {
  if (!renew_) return;
  take_locked(renew_({}));
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

std::string TokenSource::get(Instant until, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (renew_ && clock_() >= next_) want_locked();
  changed_.wait_until(lock, stop, std::min(until, since_ + kCourtesy), [this] { return !wanted_; });
  return token_;
}

// The tokens alone do not tell: of two certificates that a program brings both are empty.
bool TokenSource::renew_after_refusal(const std::string& token, Instant begun, Instant until,
                                      const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!renew_) return false;
  const bool in_vain = !trouble_.empty() && clock_() < next_;
  if (token_ == token && renewed_ <= begun && !in_vain) want_locked();
  changed_.wait_until(lock, stop, until, [this] { return !wanted_; });
  return token_ != token;
}

void TokenSource::want_locked() {
  if (std::exchange(wanted_, true)) return;
  since_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

std::string TokenSource::trouble() const {
  std::scoped_lock lock(mutex_);
  return trouble_;
}

void TokenSource::take_locked(Result<FreshToken> fresh) {
  trouble_ = fresh ? std::string() : fresh.error().message();
  const Instant now = clock_();
  next_ = now + (fresh ? fresh->good_for : kAgain);
  if (!fresh) return;
  token_ = std::move(fresh->token);
  renewed_ = now;
}

void TokenSource::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return wanted_; })) {
    lock.unlock();
    auto fresh = renew_(stop);
    lock.lock();
    take_locked(std::move(fresh));
    wanted_ = false;
    changed_.notify_all();
  }
}

TokenSource::Renew from_file(std::string path) {
  return [path = std::move(path)](const std::stop_token&) -> Result<FreshToken> {
    auto text = read_credential_file(path, "token");
    if (!text) return fail(std::move(text.error()));
    const auto end = text->find_last_not_of(" \t\r\n");
    if (end == std::string::npos) return fail(ErrorKind::Invalid, "the file " + path + " is empty", "token");
    text->resize(end + 1);
    return FreshToken{std::move(*text), kMinute};
  };
}

}  // namespace pgrightsizer::kube
