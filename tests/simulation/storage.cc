#include "storage.h"

#include <algorithm>
#include <utility>

namespace pgrightsizer::simulation {

std::string collection_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

const Storage::Collection& Storage::collection(const std::string& name) const {
  static const Collection kNone;
  const auto found = collections_.find(name);
  return found == collections_.end() ? kNone : found->second;
}

Storage::Object Storage::get(const std::string& path) const {
  const auto& objects = collection(collection_of(path)).objects;
  const auto found = objects.find(path);
  return found == objects.end() ? nullptr : found->second;
}

const json* Storage::find(const std::string& path) const {
  const auto found = get(path);
  return found ? &found->body : nullptr;
}

Storage::Object Storage::put(const std::string& path, json object) {
  auto& of = collections_[collection_of(path)];
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  auto& place = of.objects[path];
  const auto before = std::exchange(place, std::make_shared<const Stored>(std::move(object)));
  of.history.push_back({version_, before ? "MODIFIED" : "ADDED", path, place, before});
  return place;
}

void Storage::erase(const std::string& path) {
  auto& of = collections_[collection_of(path)];
  const auto found = of.objects.find(path);
  if (found == of.objects.end()) return;
  json last = found->second->body;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  of.history.push_back({version_, "DELETED", path, std::make_shared<const Stored>(std::move(last)), found->second});
  of.objects.erase(found);
}

std::map<std::string, Storage::Object> Storage::list(const std::string& name, long version) const {
  const auto& of = collection(name);
  auto out = of.objects;
  for (auto event = of.history.rbegin(); event != of.history.rend() && event->version > version; ++event)
    if (event->before)
      out[event->path] = event->before;
    else
      out.erase(event->path);
  return out;
}

Storage::Object Storage::find_at(const std::string& path, long version) const {
  const auto then = list(collection_of(path), version);
  const auto found = then.find(path);
  return found == then.end() ? nullptr : found->second;
}

const std::deque<Storage::Event>& Storage::history(const std::string& name) const { return collection(name).history; }

long Storage::oldest(const std::string& name) const { return collection(name).oldest; }

void Storage::forget(const std::string& name, long until) {
  auto& of = collections_[name];
  of.oldest = std::max(of.oldest, until);
  while (!of.history.empty() && of.history.front().version <= of.oldest) of.history.pop_front();
}

std::vector<std::string> Storage::collections() const {
  std::vector<std::string> out;
  for (const auto& [name, of] : collections_) out.push_back(name);
  return out;
}

}  // namespace pgrightsizer::simulation
