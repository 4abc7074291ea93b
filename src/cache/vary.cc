// SPDX-License-Identifier: Apache-2.0
#include "cache/vary.h"

#include <algorithm>
#include <array>
#include <vector>

#include "http/conditional.h"
#include "http/h1_writer.h"
#include "http/preference.h"

namespace weir::cache {

using http::Field;
using http::FieldId;
using http::Fields;

namespace {

// How the value of one name begins. No value holds a control octet, so LF ends it.
constexpr char kAbsent = '-';
constexpr char kText = '=';     // the field as it is, blanks around commas dropped
constexpr char kWeighted = '~'; // a list of preferences, put in order
constexpr char kEnd = '\n';

bool is_blank(char c) { return c == ' ' || c == '\t'; }

using http::Preference;

bool comes_before(const Preference& a, const Preference& b) {
  if (a.weight != b.weight) {
    return a.weight > b.weight;
  }
  return std::lexicographical_compare(
      a.what.begin(), a.what.end(), b.what.begin(), b.what.end(),
      [](char x, char y) { return http::lower(x) < http::lower(y); });
}

/// Octets appended to memory that is known to be enough.
class Writer {
public:
  explicit Writer(char* at) : begin_(at), at_(at) {}
  void put(char c) { *at_++ = c; }
  void put(std::string_view text) { at_ = std::copy(text.begin(), text.end(), at_); }
  void drop_blanks(const char* from) {
    while (at_ != from && is_blank(at_[-1])) {
      --at_;
    }
  }
  char* at() const { return at_; }
  std::string_view text() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

private:
  char* begin_;
  char* at_;
};

/// Calls `take` with the value of each line of this name.
template <class F> void for_each_line(const Fields& fields, std::string_view name, F&& take) {
  FieldId id = http::field_id(name);
  if (!fields.has(id)) {
    return;
  }
  for (const Field& field : fields) {
    if (field.id == id && (id != FieldId::other || http::iequals(field.name, name))) {
      take(field.value);
    }
  }
}

/// False, and nothing written: it is not a list that is understood. What is written is never longer
/// than the lines: ";800" stands for ";q=0.8".
bool write_weighted(const Fields& request, FieldId id, Writer& out) {
  std::array<Preference, 32> members;
  std::size_t count = 0;
  http::ListReader reader(request, id);
  while (auto member = reader.next()) {
    auto read = http::read_preference(*member);
    if (!read || count == members.size()) {
      return false;
    }
    members[count++] = *read;
  }
  std::sort(members.begin(), members.begin() + count, comes_before);
  out.put(kWeighted);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) {
      out.put(',');
    }
    for (char c : members[i].what) {
      out.put(http::lower(c));
    }
    if (members[i].weight != 1000) {
      out.put(';');
      out.put(http::Decimal(members[i].weight).view());
    }
  }
  return true;
}

/// Lines joined by commas; blanks around commas go, but for those in quotes.
void write_text(const Fields& request, std::string_view name, Writer& out) {
  bool first = true;
  bool quoted = false;
  for_each_line(request, name, [&](std::string_view line) {
    out.put(first ? kText : ',');
    first = false;
    const char* from = out.at();
    bool after_comma = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      char c = line[i];
      if (quoted && c == '\\' && i + 1 < line.size()) {
        out.put(c);
        c = line[++i];
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && c == ',') {
        out.drop_blanks(from);
        after_comma = true;
        out.put(c);
        continue;
      } else if (!quoted && after_comma && is_blank(c)) {
        continue;
      }
      after_comma = false;
      out.put(c);
    }
  });
}

std::string_view take_name(std::string_view& names) {
  std::size_t comma = std::min(names.find(','), names.size());
  std::string_view name = names.substr(0, comma);
  names.remove_prefix(std::min(comma + 1, names.size()));
  return name;
}

} // namespace

std::optional<std::string> vary_names(const Fields& response) {
  std::string joined;
  if (!response.has(FieldId::vary)) {
    return joined;
  }
  std::vector<std::string> names;
  http::ListReader reader(response, FieldId::vary);
  while (auto member = reader.next()) {
    if (*member == "*" || !http::is_token(*member) || names.size() == kMostVaryNames) {
      return {};
    }
    std::string& name = names.emplace_back(*member);
    std::transform(name.begin(), name.end(), name.begin(), http::lower);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    joined += joined.empty() ? "" : ",";
    joined += name;
  }
  return joined;
}

std::string_view selecting_values(std::string_view names, const Fields& request, Arena& arena) {
  if (names.empty()) {
    return {};
  }
  // For each name a mark and an end, for each line its value and a comma.
  std::size_t size = 0;
  for (std::string_view rest = names; !rest.empty();) {
    size += 2;
    for_each_line(request, take_name(rest),
                  [&](std::string_view line) { size += line.size() + 1; });
  }
  Writer out(arena.allocate(size, 1));
  while (!names.empty()) {
    std::string_view name = take_name(names);
    FieldId id = http::field_id(name);
    bool there = false;
    for_each_line(request, name, [&](std::string_view) { there = true; });
    bool weighted = id == FieldId::accept_encoding || id == FieldId::accept_language;
    if (!there) {
      out.put(kAbsent);
    } else if (!weighted || !write_weighted(request, id, out)) {
      write_text(request, name, out);
    }
    out.put(kEnd);
  }
  return out.text();
}

std::optional<std::size_t> select_by_tag(std::span<const std::string_view> tags,
                                         std::string_view tag) noexcept {
  auto find = [&](auto matches) -> std::optional<std::size_t> {
    auto at = std::find_if(tags.begin(), tags.end(),
                           [&](std::string_view stored) { return matches(stored, tag); });
    return at != tags.end() ? std::optional(static_cast<std::size_t>(at - tags.begin()))
                            : std::nullopt;
  };
  auto strong = find(http::strong_match);
  return strong ? strong : find(http::weak_match);
}

} // namespace weir::cache
