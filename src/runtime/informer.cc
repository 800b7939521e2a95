#include "pgrightsizer/runtime/informer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <stop_token>
#include <thread>
#include <unordered_set>
#include <utility>

#include "list_reader.h"
#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"
#include "pgrightsizer/runtime/reflector.h"
#include "watch_reader.h"
#include "watch_trouble.h"

namespace pgrightsizer::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A burst of new policies becomes one picture.
constexpr milliseconds kGather{200};
// Initial events come one after the other, also from a server that takes seconds to begin. A watch
// that is quiet after them is opened once more, with the patience of a watch.
constexpr milliseconds kBeginningIdle{15'000};
constexpr const char* kInitialEventsEnd = "k8s.io/initial-events-end";

std::string key_of(const json& object) {
  return kube::text_at(object, {"metadata", "namespace"}) + "/" +
         kube::text_at(object, {"metadata", "name"});
}

ReflectorOptions reflector_options(const InformerOptions& options, std::minstd_rand& random) {
  ReflectorOptions out;
  out.path = options.resource.path(options.name_space);
  out.label_selector = options.label_selector;
  if (!options.may_be_absent) out.absent_limit = out.backoff_limit;
  out.random = [&random] { return std::uniform_real_distribution<double>(0, 1)(random); };
  return out;
}

// Ends a stream from within its own reader, or from without: with the informer, or for a refresh.
class StreamStop {
 public:
  explicit StreamStop(const std::stop_token& parent) : on_parent_(parent, [this] { cut(); }) {}
  void cut() {
    cut_ = true;
    source_.request_stop();
  }
  void fail_with(std::string what) {
    if (!error_) error_ = Error{ErrorKind::Internal, std::move(what), {}, {}};
    source_.request_stop();
  }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] bool was_cut() const { return cut_; }

 private:
  std::atomic<bool> cut_{false};
  std::stop_source source_;
  std::optional<Error> error_;
  std::stop_callback<std::function<void()>> on_parent_;
};

}  // namespace

class Informer::Impl {
 public:
  Impl(kube::Transport& transport, Logger& logger, InformerOptions options, OnObject on_object,
       HeldKeys held_keys)
      : options_(std::move(options)),
        transport_(transport),
        on_object_(std::move(on_object)),
        held_keys_(std::move(held_keys)),
        trouble_(logger, options_),
        reflector_(reflector_options(options_, random_)) {}

  void run(const std::stop_token& stop);
  std::uint64_t refresh();

  const InformerOptions options_;
  std::function<void()> on_picture_;
  std::atomic<std::uint64_t> picture_{0};
  std::jthread thread_;
  [[nodiscard]] std::string trouble() const { return trouble_.text(); }

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
  Reflector::Action begin(StreamStop& stream);
  void begin_picture();
  void complete_picture();
  void deliver(const json& object, bool deleted);
  void list(const std::string& path, StreamStop& stream);
  void watch(const Reflector::Action& action, StreamStop& stream);
  // The error of an ERROR event.
  std::optional<Error> event(const std::string& type, const json& object);
  [[nodiscard]] kube::Request request(const std::string& path) const;
  void pause(milliseconds delay, const std::stop_token& stop);
  // Why a stream has ended, empty if cleanly.
  static std::optional<Error> error_from(const Result<kube::Response>& end,
                                         const StreamStop& stream);

  kube::Transport& transport_;
  OnObject on_object_;
  HeldKeys held_keys_;
  WatchTrouble trouble_;
  std::minstd_rand random_{std::random_device{}()};
  // During a stream on the transport's thread, else on ours.
  Reflector reflector_;
  std::unordered_set<std::string> unconfirmed_;  // held, and not heard of since the picture began
  std::size_t objects_ = 0;                      // heard of since then

  std::mutex mutex_;
  std::condition_variable_any changed_;
  StreamStop* stream_ = nullptr;  // under way
  bool refresh_ = false;
  std::uint64_t begun_ = 0;  // pictures
};

void Informer::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pause(reflector_.next().delay, stop);
    StreamStop stream(stop);
    const Reflector::Action action = begin(stream);
    const Registered registered{*this};
    if (stop.stop_requested()) return;
    if (action.kind == Reflector::Action::Kind::List) {
      list(action.path, stream);
    } else {
      watch(action, stream);
    }
  }
}

// Returns early when a refresh is asked for, but not at once: others follow within a moment.
void Informer::Impl::pause(milliseconds delay, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, delay, [this] { return refresh_; });
  if (refresh_) changed_.wait_for(lock, stop, kGather, [] { return false; });
}

Reflector::Action Informer::Impl::begin(StreamStop& stream) {
  std::scoped_lock lock(mutex_);
  if (std::exchange(refresh_, false)) reflector_.begin_again();
  stream_ = &stream;
  Reflector::Action action = reflector_.next();
  if (action.begins) begin_picture();
  return action;
}

std::uint64_t Informer::Impl::refresh() {
  std::scoped_lock lock(mutex_);
  if (!std::exchange(refresh_, true) && stream_ != nullptr) stream_->cut();
  changed_.notify_all();
  return begun_ + 1;
}

std::optional<Error> Informer::Impl::error_from(const Result<kube::Response>& end,
                                                const StreamStop& stream) {
  if (stream.error()) return stream.error();
  if (!end) return end.error();
  if (end->status != 200) return kube::error_of(*end, {});
  return std::nullopt;
}

void Informer::Impl::begin_picture() {
  auto held = held_keys_();
  unconfirmed_ = {std::make_move_iterator(held.begin()), std::make_move_iterator(held.end())};
  objects_ = 0;
  ++begun_;
}

void Informer::Impl::complete_picture() {
  for (const auto& key : std::exchange(unconfirmed_, {})) on_object_(key, nullptr);
  if (picture_ == 0) trouble_.synced(objects_);
  picture_ = begun_;
  if (on_picture_) on_picture_();
}

void Informer::Impl::deliver(const json& object, bool deleted) {
  const std::string key = key_of(object);
  unconfirmed_.erase(key);
  ++objects_;
  on_object_(key, deleted ? nullptr : &object);
}

kube::Request Informer::Impl::request(const std::string& path) const {
  kube::Request out;
  out.path = path;
  if (kube::wire::message_of(options_.resource) != nullptr) out.accept = kube::wire::kAccept;
  return out;
}

void Informer::Impl::list(const std::string& path, StreamStop& stream) {
  ListReader reader(options_.resource, [this](const json& object) { deliver(object, false); });
  const auto end = transport_.stream(
      request(path),
      [&](std::string_view piece) {
        if (!reader.feed(piece)) stream.fail_with("the list is not readable: " + reader.error());
      },
      options_.idle, stream.token());
  if (stream.was_cut()) return;
  auto error = error_from(end, stream);
  if (!error && !reader.finished())
    error = Error{ErrorKind::Internal, "the list is cut short", {}, {}};
  if (error) {
    trouble_.set("list", *error);
    reflector_.list_failed(*error);
    return;
  }
  trouble_.clear();
  if (reflector_.page_done(reader.resource_version(), reader.continue_token())) complete_picture();
}

void Informer::Impl::watch(const Reflector::Action& action, StreamStop& stream) {
  const auto idle = action.beginning ? std::min(options_.idle, kBeginningIdle) : options_.idle;
  std::optional<Error> event_error;
  WatchReader reader(options_.resource, [&](const std::string& type, const json& object) {
    if (auto error = event(type, object)) event_error = std::move(error);
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto end = transport_.stream(
      request(action.path),
      [&](std::string_view piece) {
        if (piece.empty()) return trouble_.clear();
        if (!reader.feed(piece)) stream.fail_with(reader.error());
      },
      idle, stream.token());
  if (stream.was_cut()) return;
  const auto lasted =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  const auto error = event_error ? event_error : error_from(end, stream);
  if (error) trouble_.set("watch", *error);
  reflector_.watch_ended(error, lasted);
}

std::optional<Error> Informer::Impl::event(const std::string& type, const json& object) {
  if (type == "ERROR") {
    const auto code = static_cast<int>(kube::number_at(object, {"code"}, 500));
    return kube::error_of_status(code, object, {});
  }
  const std::string version = kube::text_at(object, {"metadata", "resourceVersion"});
  if (type == "BOOKMARK") {
    const bool ends =
        kube::text_at(object, {"metadata", "annotations", kInitialEventsEnd}) == "true";
    if (reflector_.bookmark(version, ends)) complete_picture();
    return std::nullopt;
  }
  reflector_.changed(version);
  deliver(object, type == "DELETED");
  return std::nullopt;
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
