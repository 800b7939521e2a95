// The present objects of one kind, by "namespace/name". Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pgrightsizer::runtime {

template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;

  [[nodiscard]] Ptr get(const std::string& key) const {
    std::scoped_lock lock(mutex_);
    const auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : it->second;
  }

  // In the order of their keys. `name_space` empty: all.
  [[nodiscard]] std::vector<Ptr> list(const std::string& name_space = {}) const {
    std::scoped_lock lock(mutex_);
    std::vector<Ptr> out;
    const std::string prefix = name_space.empty() ? "" : name_space + "/";
    for (auto it = objects_.lower_bound(prefix); it != objects_.end(); ++it) {
      if (it->first.compare(0, prefix.size(), prefix) != 0) break;
      out.push_back(it->second);
    }
    return out;
  }

  [[nodiscard]] std::vector<std::string> keys(const std::string& name_space = {}) const {
    std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    const std::string prefix = name_space.empty() ? "" : name_space + "/";
    for (auto it = objects_.lower_bound(prefix); it != objects_.end(); ++it) {
      if (it->first.compare(0, prefix.size(), prefix) != 0) break;
      out.push_back(it->first);
    }
    return out;
  }

  void set(const std::string& key, T object) {
    auto ptr = std::make_shared<const T>(std::move(object));
    std::scoped_lock lock(mutex_);
    objects_[key] = std::move(ptr);
  }

  void erase(const std::string& key) {
    std::scoped_lock lock(mutex_);
    objects_.erase(key);
  }

  [[nodiscard]] std::size_t size() const {
    std::scoped_lock lock(mutex_);
    return objects_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Ptr> objects_;
};

}  // namespace pgrightsizer::runtime
