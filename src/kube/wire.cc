#include "pgrightsizer/kube/wire.h"

#include "pgrightsizer/base/rfc3339.h"
#include "wire_kinds.h"
#include "wire_reader.h"

namespace pgrightsizer::kube::wire {
namespace {

using Type = Field::Type;

const Field* find(Message message, std::uint32_t number) {
  for (const auto& field : message)
    if (field.number == number) return &field;
  return nullptr;
}

WireType encoding_of(Type type) {
  return type == Type::Integer || type == Type::Boolean ? WireType::Varint : WireType::Bytes;
}

// One entry of a map<string, string>.
bool read_entry(std::string_view bytes, Json& map) {
  std::string key;
  std::string value;
  Reader reader(bytes);
  while (reader.next()) {
    if (reader.type() != WireType::Bytes) continue;
    if (reader.number() == 1) key = reader.bytes();
    if (reader.number() == 2) value = reader.bytes();
  }
  if (reader.broken()) return false;
  map[key] = std::move(value);
  return true;
}

bool read_time(std::string_view bytes, Json& out) {
  std::int64_t seconds = 0;
  Reader reader(bytes);
  while (reader.next())
    if (reader.number() == 1 && reader.type() == WireType::Varint)
      seconds = static_cast<std::int64_t>(reader.varint());
  out = to_rfc3339(WallTime(std::chrono::seconds(seconds)));
  return !reader.broken();
}

bool read_int_or_string(std::string_view bytes, Json& out) {
  bool is_text = false;
  std::int64_t number = 0;
  std::string text;
  Reader reader(bytes);
  while (reader.next()) {
    if (reader.number() == 1) is_text = reader.varint() != 0;
    if (reader.number() == 2) number = static_cast<std::int32_t>(reader.varint());
    if (reader.number() == 3) text = reader.bytes();
  }
  if (is_text)
    out = std::move(text);
  else
    out = number;
  return !reader.broken();
}

bool read_value(const Reader& reader, const Field& field, Json& out) {
  switch (field.type) {
    case Type::Text:
      out = std::string(reader.bytes());
      return true;
    case Type::Texts:
      out.push_back(std::string(reader.bytes()));
      return true;
    case Type::Integer:
      out = static_cast<std::int64_t>(reader.varint());
      return true;
    case Type::Boolean:
      out = reader.varint() != 0;
      return true;
    case Type::TextMap:
      return read_entry(reader.bytes(), out);
    case Type::Time:
      return read_time(reader.bytes(), out);
    case Type::IntOrString:
      return read_int_or_string(reader.bytes(), out);
    case Type::Object:
    case Type::Objects:
      break;
  }
  auto object = decode(reader.bytes(), field.message);
  if (!object) return false;
  if (field.type == Type::Objects)
    out.push_back(std::move(*object));
  else
    out = std::move(*object);
  return true;
}

// The bytes of one field, empty if it is not there; nullopt: not a message.
std::optional<std::string_view> bytes_of(std::string_view message, std::uint32_t number) {
  std::string_view out;
  Reader reader(message);
  while (reader.next())
    if (reader.number() == number && reader.type() == WireType::Bytes) out = reader.bytes();
  if (reader.broken()) return std::nullopt;
  return out;
}

// What lies in the envelope of runtime.Unknown.
std::optional<std::string_view> unwrap(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  return bytes_of(bytes.substr(kMagic.size()), 2);
}

}  // namespace

std::optional<Json> decode(std::string_view bytes, Message message) {
  Json out = Json::object();
  Reader reader(bytes);
  while (reader.next()) {
    const Field* field = find(message, reader.number());
    if (field == nullptr) continue;
    if (reader.type() != encoding_of(field->type)) return std::nullopt;
    if (!read_value(reader, *field, out[field->name])) return std::nullopt;
  }
  if (reader.broken()) return std::nullopt;
  return out;
}

std::optional<Event> decode_event(std::string_view frame, Message message) {
  const auto type = bytes_of(frame, 1);
  const auto extension = bytes_of(frame, 2);
  if (!type || !extension) return std::nullopt;
  const auto envelope = bytes_of(*extension, 1);
  if (!envelope) return std::nullopt;
  const auto raw = unwrap(*envelope);
  if (!raw) return std::nullopt;
  auto object = decode(*raw, *type == "ERROR" ? kStatus : *type == "BOOKMARK" ? kBookmark : message);
  if (!object) return std::nullopt;
  return Event{std::string(*type), std::move(*object)};
}

std::optional<Json> decode_status(std::string_view body) {
  const auto raw = unwrap(body);
  if (!raw) return std::nullopt;
  return decode(*raw, kStatus);
}

std::optional<Json> decode_list_meta(std::string_view bytes) { return decode(bytes, kListMeta); }

}  // namespace pgrightsizer::kube::wire
