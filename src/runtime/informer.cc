#include "pgrightsizer/runtime/informer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "mirror.h"

namespace pgrightsizer::runtime {
namespace {

using std::chrono::milliseconds;

// A burst of new policies becomes one picture.
constexpr milliseconds kGather{200};

// Ends a stream from within its own reader, or from without: with the informer, or for a refresh.
class StreamStop {
 public:
  explicit StreamStop(const std::stop_token& parent) : on_parent_(parent, [this] { cut(); }) {}
  void cut() {
    cut_ = true;
    source_.request_stop();
  }
  void give_up() { source_.request_stop(); }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool was_cut() const { return cut_; }

 private:
  std::atomic<bool> cut_{false};
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_parent_;
};

}  // namespace

class Informer::Impl {
 public:
  Impl(kube::Transport& transport, Logger& logger, InformerOptions options, OnObject on_object,
       HeldKeys held_keys)
      : options_(std::move(options)),
        transport_(transport),
        mirror_(logger, options_,
                [this] { return std::uniform_real_distribution<double>(0, 1)(random_); },
                std::move(on_object), std::move(held_keys), [this] { complete_picture(); }) {}

  void run(const std::stop_token& stop);
  std::uint64_t refresh();

  const InformerOptions options_;
  std::function<void()> on_picture_;
  std::atomic<std::uint64_t> picture_{0};
  std::jthread thread_;
  [[nodiscard]] std::string trouble() const { return mirror_.trouble(); }

 private:
  // As long as a stream can be ended by refresh().
  struct Registered {
    Impl& informer;
    ~Registered() {
      std::scoped_lock lock(informer.mutex_);
      informer.stream_ = nullptr;
    }
  };

  // What to do next; registers the stream that will do it, so that refresh() can end it.
  Mirror::Inquiry begin(StreamStop& stream);
  // No picture is under way: a refresh need not wait for its end. Under mutex_.
  [[nodiscard]] bool whole() const { return picture_ == mirror_.begun(); }
  void complete_picture();
  void pause(milliseconds delay, const std::stop_token& stop);

  kube::Transport& transport_;
  std::minstd_rand random_{std::random_device{}()};
  // During a stream on the transport's thread, else on ours.
  Mirror mirror_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  StreamStop* stream_ = nullptr;  // under way
  std::uint64_t wanted_ = 0;      // the picture of the last refresh
  bool hurry_ = false;            // it is asked for, and no stream has begun since
};

void Informer::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pause(mirror_.delay(), stop);
    StreamStop stream(stop);
    const Mirror::Inquiry inquiry = begin(stream);
    const Registered registered{*this};
    if (stop.stop_requested()) return;
    const auto begin = std::chrono::steady_clock::now();
    const auto end = transport_.stream(
        inquiry.request,
        [&](std::string_view piece) {
          if (!mirror_.feed(piece)) stream.give_up();
        },
        inquiry.idle, stream.token());
    const auto lasted = std::chrono::steady_clock::now() - begin;
    if (stream.was_cut()) {
      mirror_.abandon();
    } else {
      mirror_.ended(end, std::chrono::duration_cast<milliseconds>(lasted));
    }
  }
}

// Returns early when a refresh is asked for, but not at once: others follow within a moment.
void Informer::Impl::pause(milliseconds delay, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, delay, [this] { return hurry_; });
  if (hurry_) changed_.wait_for(lock, stop, kGather, [] { return false; });
}

Mirror::Inquiry Informer::Impl::begin(StreamStop& stream) {
  std::scoped_lock lock(mutex_);
  hurry_ = false;
  if (whole() && wanted_ > mirror_.begun()) mirror_.begin_again();
  stream_ = &stream;
  return mirror_.begin();
}

// A picture under way is left to come to its end: if each refresh cut one, there might never be any.
std::uint64_t Informer::Impl::refresh() {
  std::scoped_lock lock(mutex_);
  const auto next = mirror_.begun() + 1;
  if (std::exchange(wanted_, next) == next) return next;
  hurry_ = true;
  if (whole() && stream_ != nullptr) stream_->cut();
  changed_.notify_all();
  return next;
}

void Informer::Impl::complete_picture() {
  {
    std::scoped_lock lock(mutex_);
    picture_ = mirror_.begun();
    if (wanted_ > picture_) stream_->cut();
  }
  if (on_picture_) on_picture_();
}

Informer::Informer(kube::Transport& transport, Logger& logger, InformerOptions options,
                   OnObject on_object, HeldKeys held_keys)
    : impl_(std::make_unique<Impl>(transport, logger, std::move(options), std::move(on_object),
                                   std::move(held_keys))) {}

Informer::~Informer() { stop(); }

void Informer::start(std::function<void()> on_picture) {
  impl_->on_picture_ = std::move(on_picture);
  impl_->thread_ =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

void Informer::request_stop() { impl_->thread_.request_stop(); }

void Informer::stop() {
  request_stop();
  if (impl_->thread_.joinable()) impl_->thread_.join();
}

bool Informer::synced() const { return impl_->picture_ > 0; }

std::uint64_t Informer::refresh() { return impl_->refresh(); }

std::uint64_t Informer::picture() const { return impl_->picture_; }

std::string Informer::trouble() const { return impl_->trouble(); }

const InformerOptions& Informer::options() const { return impl_->options_; }

}  // namespace pgrightsizer::runtime
