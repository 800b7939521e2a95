#include "packing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pgrightsizer::model {

namespace {

[[noreturn]] void does_not_fit(int value, int bits) {
  std::fprintf(stderr, "model: %d does not fit into %d bits\n", value, bits);
  std::abort();
}

// Writes fields one after the other; the same code reads them, so the two cannot differ.
class Writer {
 public:
  void field(int value, int bits) {
    if (value < 0 || value >= (1 << bits)) does_not_fit(value, bits);
    std::uint64_t& word = used_ + bits <= 64 && !second_ ? packed.low : packed.high;
    if (&word == &packed.high && !second_) {
      second_ = true;
      used_ = 0;
    }
    if (second_ && used_ + bits > 64) does_not_fit(used_ + bits, 64);
    word |= static_cast<std::uint64_t>(value) << used_;
    used_ += bits;
  }
  Packed packed;

 private:
  int used_ = 0;
  bool second_ = false;
};

class Reader {
 public:
  explicit Reader(const Packed& packed) : packed_(packed) {}
  void field(int& value, int bits) {
    if (!second_ && used_ + bits > 64) {
      second_ = true;
      used_ = 0;
    }
    const std::uint64_t word = second_ ? packed_.high : packed_.low;
    value = static_cast<int>((word >> used_) & ((std::uint64_t{1} << bits) - 1));
    used_ += bits;
  }
  template <typename Enum>
  void field(Enum& value, int bits) {
    int number = 0;
    field(number, bits);
    value = static_cast<Enum>(number);
  }

 private:
  Packed packed_;
  int used_ = 0;
  bool second_ = false;
};

template <typename Enum>
void put(Writer& writer, Enum value, int bits) {
  writer.field(static_cast<int>(value), bits);
}
template <typename Enum>
void put(Reader& reader, Enum& value, int bits) {
  reader.field(value, bits);
}

// 0 stays 0: no value.
void put_value(Writer& writer, const int& value, const Values& values) {
  const auto found = std::find(values.begin(), values.end(), value);
  if (value != 0 && found == values.end()) does_not_fit(value, 0);
  writer.field(value == 0 ? 0 : static_cast<int>(found - values.begin()) + 1, 3);
}
void put_value(Reader& reader, int& value, const Values& values) {
  int index = 0;
  reader.field(index, 3);
  value = index == 0 ? 0 : values[static_cast<std::size_t>(index) - 1];
}

template <typename Stream, typename W>
void put_pods(Stream& stream, W& world) {
  put(stream, world.pod_count, 3);
  for (int i = 0; i < world.pod_count; ++i) {
    auto& pod = world.pods[static_cast<std::size_t>(i)];
    put(stream, pod.cap, 3);
    put(stream, pod.announced, 3);
    put(stream, pod.servers, 3);
    put(stream, pod.terminating, 1);
    put(stream, pod.ready, 1);
    put(stream, pod.paused, 1);
    put(stream, pod.pending, 2);
  }
}

template <typename Stream, typename W>
void put_all(Stream& stream, W& world, const Values& values) {
  put_pods(stream, world);
  put(stream, world.instances, 3);
  put(stream, world.app_pods, 3);
  put(stream, world.direct, 5);
  put(stream, world.route, 1);
  put(stream, world.settled, 1);
  put(stream, world.clients, 1);
  put(stream, world.looked, 1);
  put_value(stream, world.effective, values);
  put_value(stream, world.requested, values);
  put(stream, world.server, 2);
  put(stream, world.flight, 2);
  put_value(stream, world.flight_from, values);
  put_value(stream, world.flight_to, values);
  put_value(stream, world.bad, values);
  put_value(stream, world.rejected, values);
  put(stream, world.pooler, 1);
  put(stream, world.pool_size, 4);
  put(stream, world.boot_cap, 3);
  put(stream, world.frozen, 1);
  put(stream, world.pause_is_ours, 1);
  put(stream, world.login_works, 1);
  put(stream, world.retry, 2);
  put(stream, world.pending, 2);
  put(stream, world.pending_value, 5);
  put(stream, world.budget.scalings, 2);
  put(stream, world.budget.replacements, 2);
  put(stream, world.budget.container_restarts, 1);
  put(stream, world.budget.failed_starts, 1);
  put(stream, world.budget.server_crashes, 1);
  put(stream, world.budget.login_failures, 1);
}

}  // namespace

Packed pack(const World& world, const Values& values) {
  Writer writer;
  put_all(writer, world, values);
  return writer.packed;
}

World unpack(const Packed& packed, const Values& values) {
  Reader reader(packed);
  World world;
  put_all(reader, world, values);
  return world;
}

}  // namespace pgrightsizer::model
