#include "mirror.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "pgrightsizer/kube/json_text.h"
#include "pgrightsizer/kube/wire.h"

namespace pgrightsizer::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Initial events come one after the other, also from a server that takes seconds to begin. A watch
// that is quiet after them is opened once more, with the patience of a watch.
constexpr milliseconds kBeginningIdle{15'000};
constexpr const char* kInitialEventsEnd = "k8s.io/initial-events-end";

std::string key_of(const json& object) {
  return kube::text_at(object, {"metadata", "namespace"}) + "/" +
         kube::text_at(object, {"metadata", "name"});
}

ReflectorOptions reflector_options(const InformerOptions& options, std::function<double()> random) {
  ReflectorOptions out;
  out.path = options.resource.path(options.name_space);
  out.label_selector = options.label_selector;
  out.backoff = options.backoff;
  out.absent_limit = options.may_be_absent ? std::min(out.absent_limit, out.backoff.limit) : out.backoff.limit;
  out.random = std::move(random);
  return out;
}

std::optional<Error> error_from(const Result<kube::Response>& end) {
  if (!end) return end.error();
  if (end->status != 200) return kube::error_of(*end, {});
  return std::nullopt;
}

}  // namespace

Mirror::Mirror(Logger& logger, const InformerOptions& options, std::function<double()> random,
               OnObject on_object, HeldKeys held_keys, std::function<void()> on_picture)
    : options_(options),
      on_object_(std::move(on_object)),
      held_keys_(std::move(held_keys)),
      on_picture_(std::move(on_picture)),
      trouble_(logger, options_),
      reflector_(reflector_options(options_, std::move(random))) {}

Mirror::Inquiry Mirror::begin() {
  const Reflector::Action action = reflector_.next();
  if (action.begins) begin_picture();
  error_.reset();
  if (action.kind == Reflector::Action::Kind::List) {
    answer_.emplace<ListReader>(options_.resource,
                                [this](const json& object) { deliver(object, false); });
  } else {
    answer_.emplace<WatchReader>(options_.resource, [this](const std::string& type, const json& object) {
      event(type, object);
    });
  }
  Inquiry out;
  out.request.path = action.path;
  if (kube::wire::message_of(options_.resource) != nullptr) out.request.accept = kube::wire::kAccept;
  out.idle = action.beginning ? std::min(options_.idle, kBeginningIdle) : options_.idle;
  return out;
}

bool Mirror::feed(std::string_view piece) {
  const auto unreadable = [this](std::string what) {
    if (!error_) error_ = Error{ErrorKind::Internal, std::move(what), {}, {}};
    return false;
  };
  if (auto* list = std::get_if<ListReader>(&answer_))
    return list->feed(piece) || unreadable("the list is not readable: " + list->error());
  if (piece.empty()) {
    trouble_.answered();
    reflector_.watch_begun();
  }
  auto* watch = std::get_if<WatchReader>(&answer_);
  return watch == nullptr || watch->feed(piece) || unreadable(watch->error());
}

void Mirror::ended(const Result<kube::Response>& end, milliseconds lasted) {
  auto error = error_ ? error_ : error_from(end);
  if (const auto* list = std::get_if<ListReader>(&answer_))
    list_ended(std::move(error), *list);
  else
    watch_ended(error, lasted);
  answer_ = std::monostate();
}

void Mirror::list_ended(std::optional<Error> error, const ListReader& reader) {
  if (!error && !reader.finished())
    error = Error{ErrorKind::Internal, "the list is cut short", {}, {}};
  if (error) {
    trouble_.set("list", *error);
    reflector_.list_failed(*error);
    return;
  }
  trouble_.over();
  if (reflector_.page_done(reader.resource_version(), reader.continue_token())) complete_picture();
}

void Mirror::watch_ended(const std::optional<Error>& error, milliseconds lasted) {
  if (error) trouble_.set("watch", *error);
  reflector_.watch_ended(error, lasted);
}

void Mirror::event(const std::string& type, const json& object) {
  if (type == "ERROR") {
    const auto code = static_cast<int>(kube::number_at(object, {"code"}, 500));
    error_ = kube::error_of_status(code, object, {});
    return;
  }
  trouble_.over();
  const std::string version = kube::text_at(object, {"metadata", "resourceVersion"});
  if (type == "BOOKMARK") {
    const bool ends =
        kube::text_at(object, {"metadata", "annotations", kInitialEventsEnd}) == "true";
    if (reflector_.bookmark(version, ends)) complete_picture();
    return;
  }
  deliver(object, type == "DELETED");
  reflector_.changed(version);  // of what its receiver has
}

void Mirror::begin_picture() {
  auto held = held_keys_();
  unconfirmed_ = {std::make_move_iterator(held.begin()), std::make_move_iterator(held.end())};
  objects_ = 0;
  ++begun_;
}

void Mirror::complete_picture() {
  for (const auto& key : std::exchange(unconfirmed_, {})) on_object_(key, nullptr);
  if (!std::exchange(synced_, true)) trouble_.synced(objects_);
  on_picture_();
}

void Mirror::deliver(const json& object, bool deleted) {
  const std::string key = key_of(object);
  unconfirmed_.erase(key);
  ++objects_;
  on_object_(key, deleted ? nullptr : &object);
}

}  // namespace pgrightsizer::runtime
