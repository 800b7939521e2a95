// What the API server keeps: objects by path, and what has happened to each collection, under one
// counter of versions.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pgrightsizer::simulation {

using nlohmann::json;

// "/api/v1/namespaces/shop/pods" of "/api/v1/namespaces/shop/pods/a".
[[nodiscard]] std::string collection_of(const std::string& path);

// One state of one object, and its text, which is asked for again and again.
class Stored {
 public:
  explicit Stored(json object) : body(std::move(object)) {}
  const json body;
  [[nodiscard]] const std::string& text() const {
    if (text_.empty()) text_ = body.dump();
    return text_;
  }

 private:
  mutable std::string text_;
};

class Storage {
 public:
  using Object = std::shared_ptr<const Stored>;
  struct Event {
    long version = 0;
    const char* type = "";  // ADDED, MODIFIED, DELETED
    std::string path;
    Object object;  // of a DELETED its last state, with the version of its end
    Object before;  // none: it was not there
  };

  // nullptr: there is none.
  [[nodiscard]] Object get(const std::string& path) const;
  [[nodiscard]] const json* find(const std::string& path) const;
  // With the next version.
  Object put(const std::string& path, json object);
  void erase(const std::string& path);
  // The number of the last write to anything.
  [[nodiscard]] long version() const { return version_; }

  // As it was at this version, by path; versions before oldest() are not known any more.
  [[nodiscard]] std::map<std::string, Object> list(const std::string& collection, long version) const;
  [[nodiscard]] Object find_at(const std::string& path, long version) const;

  [[nodiscard]] const std::deque<Event>& history(const std::string& collection) const;
  // What comes after this version can still be told.
  [[nodiscard]] long oldest(const std::string& collection) const;
  void forget(const std::string& collection, long until);
  [[nodiscard]] std::vector<std::string> collections() const;

 private:
  struct Collection {
    std::map<std::string, Object> objects;
    std::deque<Event> history;
    long oldest = 0;
  };
  [[nodiscard]] const Collection& collection(const std::string& name) const;

  std::map<std::string, Collection> collections_;
  long version_ = 1;
};

}  // namespace pgrightsizer::simulation
