#include "pgrightsizer/runtime/informer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "line_splitter.h"
#include "list_slicer.h"
#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/runtime/reflector.h"
#include "watch_trouble.h"

namespace pgrightsizer::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kMaxLineBytes = kMaxObjectBytes + 1024;

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

// Ends a stream from within its own reader, or with the informer.
class StreamStop {
 public:
  explicit StreamStop(const std::stop_token& parent)
      : on_parent_(parent, [this] { source_.request_stop(); }) {}
  void fail_with(std::string what) {
    if (!error_) error_ = Error{ErrorKind::Internal, std::move(what), {}, {}};
    source_.request_stop();
  }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  std::stop_source source_;
  std::optional<Error> error_;
  std::stop_callback<std::function<void()>> on_parent_;
};

}  // namespace

class Informer::Impl {
 public:
  Impl(kube::Transport& transport, Logger& logger, InformerOptions options, OnObject on_object)
      : options_(std::move(options)),
        transport_(transport),
        on_object_(std::move(on_object)),
        trouble_(logger, options_),
        reflector_(reflector_options(options_, random_)) {}

  void run(const std::stop_token& stop);

  const InformerOptions options_;
  std::function<void()> on_synced_;
  std::atomic<bool> synced_{false};
  std::jthread thread_;
  [[nodiscard]] std::string trouble() const { return trouble_.text(); }

 private:
  using Instant = std::chrono::steady_clock::time_point;

  void list(const std::string& path, const std::stop_token& stop);
  void list_completed(const ListSlicer& slicer);
  void watch(const std::string& path, const std::stop_token& stop);
  void deliver_item(std::string_view text, StreamStop& stream);
  // The error of an ERROR event.
  std::optional<Error> deliver_event(std::string_view line, StreamStop& stream);
  void pause(milliseconds delay, const std::stop_token& stop);
  // Why a stream has ended, empty if cleanly.
  static std::optional<Error> error_from(const Result<kube::Response>& end,
                                         const StreamStop& stream);

  kube::Transport& transport_;
  OnObject on_object_;
  WatchTrouble trouble_;
  std::minstd_rand random_{std::random_device{}()};
  Reflector reflector_;  // during a stream: on the transport's thread
  std::mutex pause_mutex_;
  std::condition_variable_any paused_;
};

void Informer::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Reflector::Action action = reflector_.next();
    pause(action.delay, stop);
    if (stop.stop_requested()) return;
    if (action.kind == Reflector::Action::Kind::List) {
      list(action.path, stop);
    } else {
      watch(action.path, stop);
    }
  }
}

void Informer::Impl::pause(milliseconds delay, const std::stop_token& stop) {
  if (delay <= milliseconds(0)) return;
  std::unique_lock lock(pause_mutex_);
  paused_.wait_for(lock, stop, delay, [] { return false; });
}

std::optional<Error> Informer::Impl::error_from(const Result<kube::Response>& end,
                                                const StreamStop& stream) {
  if (stream.error()) return stream.error();
  if (!end) return end.error();
  if (end->status != 200) return kube::error_of(*end, {});
  return std::nullopt;
}

void Informer::Impl::list(const std::string& path, const std::stop_token& stop) {
  StreamStop stream(stop);
  ListSlicer slicer([&](std::string_view item) { deliver_item(item, stream); });
  const auto end = transport_.stream(
      {kube::Method::Get, path, {}, {}},
      [&](std::string_view piece) {
        if (!slicer.feed(piece)) stream.fail_with("the list is not readable: " + slicer.error());
      },
      options_.idle, stream.token());
  if (stop.stop_requested()) return;
  auto error = error_from(end, stream);
  if (!error && !slicer.finished())
    error = Error{ErrorKind::Internal, "the list is cut short", {}, {}};
  if (error) {
    trouble_.set("list", *error);
    reflector_.list_failed(*error);
    return;
  }
  trouble_.clear();
  list_completed(slicer);
}

void Informer::Impl::list_completed(const ListSlicer& slicer) {
  for (const auto& key : reflector_.page_done(slicer.resource_version(), slicer.continue_token())) {
    on_object_(key, nullptr);
  }
  if (!reflector_.synced() || synced_.exchange(true)) return;
  trouble_.synced(reflector_.size());
  if (on_synced_) on_synced_();
}

void Informer::Impl::deliver_item(std::string_view text, StreamStop& stream) {
  if (stream.error()) return;
  auto object = kube::parse_json(text);
  if (!object) return stream.fail_with("an object of the list is not JSON");
  (*object)["apiVersion"] = options_.resource.api_version();  // items of a list come without
  (*object)["kind"] = options_.resource.kind;
  const std::string key = key_of(*object);
  reflector_.listed(key);
  on_object_(key, &*object);
}

void Informer::Impl::watch(const std::string& path, const std::stop_token& stop) {
  StreamStop stream(stop);
  std::optional<Error> event_error;
  LineSplitter lines(
      [&](std::string_view line) {
        if (auto error = deliver_event(line, stream)) event_error = std::move(error);
      },
      kMaxLineBytes);
  const auto begin = std::chrono::steady_clock::now();
  const auto end = transport_.stream(
      {kube::Method::Get, path, {}, {}},
      [&](std::string_view piece) {
        if (piece.empty()) return trouble_.clear();
        if (!lines.feed(piece)) stream.fail_with("an event is too large");
      },
      options_.idle, stream.token());
  if (stop.stop_requested()) return;
  const auto lasted =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  const auto error = event_error ? event_error : error_from(end, stream);
  if (error) trouble_.set("watch", *error);
  reflector_.watch_ended(error, lasted);
}

std::optional<Error> Informer::Impl::deliver_event(std::string_view line, StreamStop& stream) {
  if (stream.error()) return std::nullopt;
  const auto event = kube::parse_json(line, "object");
  const json* object = event ? kube::member(*event, {"object"}) : nullptr;
  if (!event || object == nullptr || !object->is_object()) {
    stream.fail_with("an event of the watch is not JSON");
    return std::nullopt;
  }
  const std::string type = kube::text_at(*event, {"type"});
  if (type == "ERROR") {
    const auto code = static_cast<int>(kube::number_at(*object, {"code"}, 500));
    return kube::error_of_status(code, *object, {});
  }
  const std::string version = kube::text_at(*object, {"metadata", "resourceVersion"});
  if (type == "BOOKMARK") {
    reflector_.bookmark(version);
    return std::nullopt;
  }
  const std::string key = key_of(*object);
  const bool deleted = type == "DELETED";
  reflector_.watched(key, deleted, version);
  on_object_(key, deleted ? nullptr : object);
  return std::nullopt;
}

Informer::Informer(kube::Transport& transport, Logger& logger, InformerOptions options,
                   OnObject on_object)
    : impl_(std::make_unique<Impl>(transport, logger, std::move(options), std::move(on_object))) {}

Informer::~Informer() { stop(); }

void Informer::start(std::function<void()> on_synced) {
  impl_->on_synced_ = std::move(on_synced);
  impl_->thread_ =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

void Informer::request_stop() { impl_->thread_.request_stop(); }

void Informer::stop() {
  request_stop();
  if (impl_->thread_.joinable()) impl_->thread_.join();
}

bool Informer::synced() const { return impl_->synced_; }

std::string Informer::trouble() const { return impl_->trouble(); }

const InformerOptions& Informer::options() const { return impl_->options_; }

}  // namespace pgrightsizer::runtime
