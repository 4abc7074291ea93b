// SPDX-License-Identifier: Apache-2.0
#include "http/fields.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "http/chars.h"

namespace weir::http {

namespace {

constexpr std::array<std::string_view, kFieldIds> kNames{
    std::string_view{},
#define FIELD(id, text, flags) std::string_view{text},
#include "http/fields.def"
#undef FIELD
};

constexpr std::array<std::uint8_t, kFieldIds> kFlags{
    0,
#define FIELD(id, text, flags) flags,
#include "http/fields.def"
#undef FIELD
};

constexpr std::size_t longest_name() {
  std::size_t longest = 0;
  for (auto text : kNames) {
    longest = std::max(longest, text.size());
  }
  return longest;
}
constexpr std::size_t kLongest = longest_name();

/// The octets that tell well-known names apart: the length and four letters. Bit 0x20 is set in
/// each, so that letter case does not count.
template <class Text> constexpr std::uint32_t mix(const Text& text, std::size_t n) {
  auto at = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]) | 0x20U);
  };
  return (at(0) | at(n - 1) << 8 | at(n / 2) << 16 | at(n * 3 / 4) << 24) ^
         static_cast<std::uint32_t>(n) * 0x9e3779b1U;
}

constexpr std::size_t kTableBits = 10;

constexpr std::uint32_t slot_of(std::uint32_t mixed, std::uint32_t seed) {
  return (mixed * seed) >> (32 - kTableBits);
}

struct Lookup {
  std::uint32_t seed = 0; // 0: none found
  std::array<std::uint8_t, std::size_t{1} << kTableBits> id{};
};

/// A multiplier under which no two names share a slot.
constexpr Lookup make_lookup() {
  for (std::uint32_t seed = 0x9e3779b1U, tries = 0; tries < 4000; ++tries, seed += 0x6d2b79f6U) {
    Lookup lookup{seed, {}};
    bool clash = false;
    for (std::size_t i = 1; i < kFieldIds && !clash; ++i) {
      auto& slot = lookup.id[slot_of(mix(kNames[i], kNames[i].size()), seed)];
      clash = slot != 0;
      slot = static_cast<std::uint8_t>(i);
    }
    if (!clash) {
      return lookup;
    }
  }
  return {};
}
constexpr Lookup kLookup = make_lookup();
static_assert(kLookup.seed != 0, "two names of fields.def agree in length and four letters");

template <class Word> Word load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Eight octets, A-Z in lower case, all others as they are.
std::uint64_t lower8(std::uint64_t x) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  std::uint64_t seven = x & (kOnes * 0x7f);
  std::uint64_t past_z = seven + kOnes * (0x7f - 'Z');
  std::uint64_t from_a = seven + kOnes * (0x80 - 'A');
  std::uint64_t upper = ~x & (from_a ^ past_z) & (kOnes * 0x80);
  return x | upper >> 2;
}

/// Whether the words at p and q agree, letter case apart. Mostly they are the same.
template <class Word> bool same_letters(const char* p, const char* q) noexcept {
  Word a = load<Word>(p);
  Word b = load<Word>(q);
  return a == b || lower8(a) == lower8(b);
}

} // namespace

std::string_view name(FieldId id) noexcept { return kNames[index(id)]; }
std::uint8_t flags(FieldId id) noexcept { return kFlags[index(id)]; }

FieldId field_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > kLongest) {
    return FieldId::other;
  }
  std::size_t slot = slot_of(mix(text, text.size()), kLookup.seed);
  std::size_t id = kLookup.id[slot];
  return id != 0 && iequals(kNames[id], text) ? static_cast<FieldId>(id) : FieldId::other;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  std::size_t n = a.size();
  if (n != b.size()) {
    return false;
  }
  const char* p = a.data();
  const char* q = b.data();
  // The last word may overlap the one before it.
  if (n >= 8) {
    for (std::size_t i = 0; i + 8 < n; i += 8) {
      if (!same_letters<std::uint64_t>(p + i, q + i)) {
        return false;
      }
    }
    return same_letters<std::uint64_t>(p + n - 8, q + n - 8);
  }
  if (n >= 4) {
    return same_letters<std::uint32_t>(p, q) && same_letters<std::uint32_t>(p + n - 4, q + n - 4);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (lower(p[i]) != lower(q[i])) {
      return false;
    }
  }
  return true;
}

std::string_view lower_case(std::string_view text, Arena& arena) {
  if (std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return text;
  }
  char* to = arena.allocate(text.size(), 1);
  std::transform(text.begin(), text.end(), to, lower);
  return {to, text.size()};
}

bool is_token_char(char c) noexcept { return is(kTokenChar, c); }

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_value(std::string_view text) noexcept {
  return find_control(text.data(), text.data() + text.size()) == text.size();
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  constexpr std::uint64_t kMost = 0x7fffffffffffffffULL;
  if (text.empty()) {
    return {};
  }
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return {};
    }
    auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMost - digit) / 10) {
      return {};
    }
    value = value * 10 + digit;
  }
  return value;
}

void Fields::take(Fields& other) noexcept {
  size_ = other.size_;
  spilled_ = other.spilled_;
  spilled_capacity_ = other.spilled_capacity_;
  has_ = other.has_;
  if (spilled_ == nullptr) {
    std::uninitialized_copy(other.inline_, other.inline_ + size_, inline_);
  }
  other.clear();
}

void Fields::assign(const Fields& other, Arena& arena) {
  clear();
  for (const Field& field : other) {
    add(field, arena);
  }
}

void Fields::add_spilled(const Field& field, Arena& arena) {
  if (spilled_ == nullptr || size_ == spilled_capacity_) {
    std::size_t capacity = size_ * 2 + kInline;
    auto room = arena.make_array<Field>(capacity);
    std::copy(begin(), end(), room.begin());
    spilled_ = room.data();
    spilled_capacity_ = capacity;
  }
  spilled_[size_++] = field;
  has_.set(index(field.id));
}

bool Fields::replace(FieldId id, std::string_view value) {
  if (!has(id)) {
    return false;
  }
  keep_first(id);
  std::find_if(data(), data() + size_, [&](const Field& f) { return f.id == id; })->value = value;
  return true;
}

const Field* Fields::find(FieldId id) const noexcept {
  if (!has(id)) {
    return nullptr;
  }
  return std::find_if(begin(), end(), [&](const Field& f) { return f.id == id; });
}

const Field* Fields::find(std::string_view name) const noexcept {
  FieldId id = field_id(name);
  if (id != FieldId::other) {
    return find(id);
  }
  const Field* found =
      std::find_if(begin(), end(), [&](const Field& f) { return iequals(f.name, name); });
  return found != end() ? found : nullptr;
}

std::size_t Fields::count(FieldId id) const noexcept {
  std::size_t n = 0;
  for_each(id, [&](std::string_view) { ++n; });
  return n;
}

std::size_t Fields::remove(FieldId id) {
  return has(id) ? remove_if([&](const Field& f) { return f.id == id; }) : 0;
}

std::size_t Fields::remove(std::string_view name) {
  FieldId id = field_id(name);
  return id != FieldId::other ? remove(id)
                              : remove_if([&](const Field& f) { return iequals(f.name, name); });
}

std::size_t Fields::remove(const FieldSet& ids) {
  return (has_ & ids).any() ? remove_if([&](const Field& f) { return ids.test(index(f.id)); }) : 0;
}

void Fields::keep_first(FieldId id) {
  if (count(id) > 1) {
    bool seen = false;
    remove_if([&](const Field& f) { return f.id == id && std::exchange(seen, true); });
  }
}

void Fields::rebase(const char* from, std::size_t size, const char* to) noexcept {
  // As numbers: `from` may be memory that is gone.
  auto first = reinterpret_cast<std::uintptr_t>(from);
  auto move = [&](std::string_view& view) {
    auto offset = reinterpret_cast<std::uintptr_t>(view.data()) - first;
    if (offset <= size) {
      view = {to + offset, view.size()};
    }
  };
  for (std::size_t i = 0; i < size_; ++i) {
    move(data()[i].name);
    move(data()[i].value);
  }
}

const FieldSet& hop_by_hop_fields() noexcept {
  static const FieldSet kSet = [] {
    FieldSet set;
    for (std::size_t i = 1; i < kFieldIds; ++i) {
      set.set(i, (kFlags[i] & kHop) != 0);
    }
    return set;
  }();
  return kSet;
}

namespace {

struct HopByHop {
  FieldSet ids;
  bool others = false; // there are names that are not in the table
};

HopByHop read_hop_by_hop(const Fields& fields) noexcept {
  HopByHop gone{hop_by_hop_fields()};
  for (FieldId list : {FieldId::connection, FieldId::proxy_connection}) {
    ListReader reader(fields, list);
    while (auto member = reader.next()) {
      FieldId id = field_id(*member);
      if (id == FieldId::other) {
        gone.others = fields.has(FieldId::other);
      } else if (!has_flag(id, kPinned)) {
        gone.ids.set(index(id));
      }
    }
  }
  return gone;
}

} // namespace

std::optional<FieldSet> hop_by_hop_ids(const Fields& fields) noexcept {
  HopByHop gone = read_hop_by_hop(fields);
  return gone.others ? std::nullopt : std::optional(gone.ids);
}

void remove_hop_by_hop(Fields& fields) {
  HopByHop gone = read_hop_by_hop(fields);
  if (gone.others) {
    // Marked first: removing at once would move the very lists that are read.
    for (Field *field = fields.data(), *end = field + fields.size(); field != end; ++field) {
      if (field->id == FieldId::other &&
          (has_token(fields, FieldId::connection, field->name) ||
           has_token(fields, FieldId::proxy_connection, field->name))) {
        field->id = FieldId::count_;
      }
    }
    fields.remove_if([](const Field& f) { return f.id == FieldId::count_; });
  }
  fields.remove(gone.ids);
}

void remove_forbidden_trailers(Fields& trailers) {
  trailers.remove_if([](const Field& f) { return has_flag(f.id, kNoTrailer); });
}

std::optional<std::string_view> ListReader::next() noexcept {
  while (true) {
    // Past empty members.
    std::size_t i = 0;
    while (i < rest_.size() && (rest_[i] == ',' || rest_[i] == ' ' || rest_[i] == '\t')) {
      ++i;
    }
    rest_.remove_prefix(i);
    if (!rest_.empty()) {
      break;
    }
    while (at_ != end_ && at_ != nullptr && at_->id != id_) {
      ++at_;
    }
    if (at_ == nullptr || at_ == end_) {
      return {};
    }
    rest_ = (at_++)->value;
  }
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted && c == '\\') {
      ++i;
    } else if (c == ',' && !quoted) {
      break;
    }
  }
  auto member = rest_.substr(0, i);
  rest_.remove_prefix(member.size());
  return trim(member);
}

bool has_token(const Fields& fields, FieldId id, std::string_view token) noexcept {
  ListReader reader(fields, id);
  while (auto member = reader.next()) {
    if (iequals(*member, token)) {
      return true;
    }
  }
  return false;
}

} // namespace weir::http
