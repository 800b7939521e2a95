#include "pgrightsizer/kube/client.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "pgrightsizer/kube/json_text.h"

namespace pgrightsizer::kube {
namespace {

using std::chrono::milliseconds;
using Instant = std::chrono::steady_clock::time_point;

constexpr milliseconds kDeadline{10'000};
constexpr int kPageSize = 500;
// Of what a server may ask to wait; the API server asks for half a minute at most.
constexpr milliseconds kShortest{50};
constexpr milliseconds kLongest{60'000};
constexpr milliseconds kEnough{1'000};  // for an answer; a request cut short looks like a server that is silent

bool is_success(int status) { return status >= 200 && status < 300; }

bool asks_to_retry(int status) { return status == 429 || status == 503; }

Request patch_request(const Ref& ref, const char* content_type, const Json& body,
                      const std::string& query, bool repeatable) {
  return {Method::Patch, ref.path() + query, content_type, to_text(body), repeatable};
}

// Sent twice it fails its own test instead of doing its work twice.
bool begins_with_a_test(const Json& operations) {
  return operations.is_array() && !operations.empty() && operations[0].is_object() &&
         operations[0].contains("op") && operations[0]["op"] == "test";
}

bool tests_hold(const Json& object, const Json& operations) {
  for (const auto& operation : operations) {
    if (text_at(operation, {"op"}) != "test") continue;
    try {
      const Json::json_pointer path(text_at(operation, {"path"}));
      if (!object.contains(path) || object.at(path) != operation.at("value")) return false;
    } catch (const Json::exception&) {
      return true;  // the test itself is wrong
    }
  }
  return true;
}

Json delete_options(const Preconditions& preconditions) {
  Json options = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!preconditions.uid.empty()) options["preconditions"]["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) {
    options["preconditions"]["resourceVersion"] = preconditions.resource_version;
  }
  return options;
}

}  // namespace

Client::Client(Transport& transport, Logger& logger, std::string field_manager)
    : transport_(transport), logger_(logger), field_manager_(std::move(field_manager)) {}

std::string Client::manager_query() const {
  return "?fieldManager=" + escape_query(field_manager_);
}

void Client::log_warnings(const Response& response, const std::string& object) {
  for (const auto& text : response.warnings) {
    {
      std::scoped_lock lock(warned_mutex_);
      if (warned_.size() > 1000 || !warned_.insert(text).second) continue;
    }
    logger_.warning("the API server warns: " + text, {{"object", object}});
  }
}

Result<Response> Client::raw(const Request& request) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (true) {
    if (auto answer = await_turn(request, deadline)) return *std::move(answer);
    const auto left = deadline - std::chrono::steady_clock::now();
    auto response = transport_.call(request, std::chrono::ceil<milliseconds>(left));
    if (!response || !asks_to_retry(response->status) || !response->retry_after) return response;
    remember(request, *response);
  }
}

std::optional<Response> Client::await_turn(const Request& request, Instant deadline) {
  Instant when;
  {
    std::scoped_lock lock(later_mutex_);
    const auto later = later_.find({request.method, request.path});
    if (later == later_.end()) return std::nullopt;
    when = later->second.when;
    if (when + kEnough > deadline) return later->second.answer;
  }
  std::this_thread::sleep_until(when);
  return std::nullopt;
}

void Client::remember(const Request& request, const Response& response) {
  const milliseconds asked = response.retry_after.value_or(std::chrono::seconds(0));
  const auto pause = std::clamp(asked, kShortest, kLongest);
  const auto now = std::chrono::steady_clock::now();
  std::scoped_lock lock(later_mutex_);
  std::erase_if(later_, [now](const auto& entry) { return entry.second.when <= now; });
  later_.insert_or_assign({request.method, request.path}, Later{now + pause, response});
}

Result<Json> Client::send(const Ref& ref, const Request& request) {
  auto response = raw(request);
  if (!response) {
    Error error = std::move(response.error());
    error.object = ref.text();
    return fail(std::move(error));
  }
  log_warnings(*response, ref.text());
  if (!is_success(response->status)) return fail(error_of(*response, ref.text()));
  // With its managedFields: who wrote a single object, and when, is worth knowing.
  auto object = Json::parse(response->body, nullptr, false);
  if (object.is_discarded())
    return fail(ErrorKind::Internal, "the API server's answer is not JSON", ref.text());
  return object;
}

Result<Json> Client::get(const Ref& ref) { return send(ref, {Method::Get, ref.path(), {}, {}}); }

Result<std::vector<Json>> Client::list(const Resource& resource, const std::string& name_space,
                                       const std::string& label_selector) {
  const Ref whole{resource, name_space,
                  label_selector.empty() ? "(all)" : "with " + label_selector};
  std::string base = resource.path(name_space) + "?limit=" + std::to_string(kPageSize);
  if (!label_selector.empty()) base += "&labelSelector=" + escape_query(label_selector);
  std::vector<Json> out;
  std::string token;
  bool restarted = false;
  while (true) {
    auto page = send(
        whole,
        {Method::Get, token.empty() ? base : base + "&continue=" + escape_query(token), {}, {}});
    if (!page && page.error().kind == ErrorKind::Gone && !std::exchange(restarted, true)) {
      out.clear();
      token.clear();
      continue;
    }
    if (!page) return fail(std::move(page.error()));
    for (auto& item : (*page)["items"]) {
      if (!item.is_object()) continue;
      item["apiVersion"] = resource.api_version();  // items come without
      item["kind"] = resource.kind;
      out.push_back(std::move(item));
    }
    token = text_at(*page, {"metadata", "continue"});
    if (token.empty()) return out;
  }
}

Result<Json> Client::create(const Ref& ref, const Json& object) {
  return send(ref, {Method::Post, ref.resource.path(ref.name_space) + manager_query(),
                    "application/json", to_text(object)});
}

Result<Json> Client::apply(const Ref& ref, const Json& object) {
  return send(ref, patch_request(ref, "application/apply-patch+yaml", object,
                                 manager_query() + "&force=true", true));
}

Result<Json> Client::json_patch(const Ref& ref, const Json& operations) {
  auto answer = send(ref, patch_request(ref, "application/json-patch+json", operations,
                                        manager_query(), begins_with_a_test(operations)));
  if (answer || answer.error().kind != ErrorKind::Invalid || !begins_with_a_test(operations)) {
    return answer;
  }
  // The API server does not say whether a test has failed or the patch makes no sense.
  const auto now = get(ref);
  if (!now) return fail(now.error());
  if (tests_hold(*now, operations)) return answer;
  return fail(ErrorKind::Conflict, "it has changed since it was read", ref.text());
}

Result<Json> Client::merge_patch(const Ref& ref, const Json& patch) {
  auto answer = send(
      ref, patch_request(ref, "application/merge-patch+json", patch, manager_query(), true));
  // A uid in a patch is a precondition, but to the API server a change of an immutable field.
  if (!answer && answer.error().kind == ErrorKind::Invalid &&
      answer.error().what.find("metadata.uid") != std::string::npos)
    answer.error().kind = ErrorKind::Conflict;
  return answer;
}

Result<Json> Client::patch_status(const Ref& ref, const Json& patch) {
  return send(ref, patch_request(ref, "application/merge-patch+json", patch,
                                 "/status" + manager_query(), true));
}

Result<void> Client::remove(const Ref& ref, const Preconditions& preconditions) {
  auto answer = send(ref, {Method::Delete, ref.path(), "application/json",
                           to_text(delete_options(preconditions)), true});
  if (answer || answer.error().kind == ErrorKind::NotFound) return {};
  return fail(std::move(answer.error()));
}

}  // namespace pgrightsizer::kube
