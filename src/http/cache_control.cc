// SPDX-License-Identifier: Apache-2.0
#include "http/cache_control.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "http/chars.h"
#include "http/structured_fields.h"

namespace weir::http {

namespace {

enum class Directive : std::uint8_t {
  max_age,
  s_maxage,
  stale_while_revalidate,
  stale_if_error,
  min_fresh,
  max_stale,
  no_store,
  no_cache,
  private_,
  public_,
  must_revalidate,
  proxy_revalidate,
  no_transform,
  must_understand,
  only_if_cached,
  immutable,
  unknown,
};

Directive directive(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 16> kNames{
      "max-age",        "s-maxage",        "stale-while-revalidate",
      "stale-if-error", "min-fresh",       "max-stale",
      "no-store",       "no-cache",        "private",
      "public",         "must-revalidate", "proxy-revalidate",
      "no-transform",   "must-understand", "only-if-cached",
      "immutable"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (iequals(kNames[i], name)) {
      return static_cast<Directive>(i);
    }
  }
  return Directive::unknown;
}

/// What follows '='. Not `valid`: neither a token nor one whole quoted-string.
struct Argument {
  bool present = false;
  bool valid = false;
  bool quoted = false;
  std::string_view text; // inside the quotes, escapes left in
};

Argument read_argument(std::string_view text) noexcept {
  Argument argument{true, false, false, text};
  if (text.empty() || text.front() != '"') {
    argument.valid = is_token(text);
    return argument;
  }
  argument.quoted = true;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      argument.text = text.substr(1, i - 1);
      argument.valid = i + 1 == text.size();
      return argument;
    }
  }
  return argument;
}

std::optional<std::uint32_t> read_seconds(std::string_view text, bool quoted) noexcept {
  std::uint64_t value = 0;
  bool any = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\' && i + 1 < text.size()) {
      ++i; // quoted-pair: the octet itself
    }
    if (!is_digit(text[i])) {
      return {};
    }
    any = true;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
    value = value > kVeryLong ? kVeryLong : value;
  }
  return any ? std::optional(static_cast<std::uint32_t>(value)) : std::nullopt;
}

/// A directive with seconds: what it said so far, over its repetitions.
class Seconds {
public:
  void take(const Argument& argument) noexcept {
    auto value = argument.valid ? read_seconds(argument.text, argument.quoted) : std::nullopt;
    // C3.8: unlike repetitions count as none of them, never as the most generous.
    invalid_ = invalid_ || !value || (seen_ && value_ != value);
    value_ = value;
    seen_ = true;
  }
  std::optional<std::uint32_t> value() const noexcept {
    return seen_ && !invalid_ ? value_ : std::nullopt;
  }
  bool invalid() const noexcept { return invalid_; }

private:
  std::optional<std::uint32_t> value_;
  bool seen_ = false;
  bool invalid_ = false;
};

/// private and no-cache: with a list of names, or for the whole response. What is unclear is whole.
void take_qualified(const Argument& argument, bool& whole, bool& qualified,
                    std::string_view& names) noexcept {
  if (!argument.valid || trim(argument.text).empty()) {
    whole = true;
    return;
  }
  if (!qualified) {
    names = argument.text;
    qualified = true;
  } else if (names != argument.text) {
    whole = true; // two lists: only one is kept
  }
}

struct Reader {
  CacheControl out;
  std::array<Seconds, 6> seconds{};

  void take(Directive which, const Argument& argument) noexcept;
  CacheControl finish() noexcept;
};

void Reader::take(Directive which, const Argument& argument) noexcept {
  switch (which) {
  case Directive::max_stale:
    if (!argument.present) {
      seconds[static_cast<std::size_t>(which)].take({true, true, false, "2147483648"});
      return;
    }
    [[fallthrough]];
  case Directive::max_age:
  case Directive::s_maxage:
  case Directive::stale_while_revalidate:
  case Directive::stale_if_error:
  case Directive::min_fresh:
    seconds[static_cast<std::size_t>(which)].take(argument);
    return;
  case Directive::no_cache:
    take_qualified(argument, out.no_cache, out.no_cache_fields, out.no_cache_names);
    return;
  case Directive::private_:
    take_qualified(argument, out.is_private, out.private_fields, out.private_names);
    return;
  // What forbids counts with an argument too, what permits does not.
  case Directive::no_store:
    out.no_store = true;
    return;
  case Directive::must_revalidate:
    out.must_revalidate = true;
    return;
  case Directive::proxy_revalidate:
    out.proxy_revalidate = true;
    return;
  case Directive::no_transform:
    out.no_transform = true;
    return;
  case Directive::only_if_cached:
    out.only_if_cached = true;
    return;
  case Directive::public_:
    out.is_public = out.is_public || !argument.present;
    return;
  case Directive::must_understand:
    out.must_understand = out.must_understand || !argument.present;
    return;
  case Directive::immutable:
    out.immutable = out.immutable || !argument.present;
    return;
  case Directive::unknown: // C3.4
    return;
  }
}

CacheControl Reader::finish() noexcept {
  auto of = [&](Directive which) -> const Seconds& {
    return seconds[static_cast<std::size_t>(which)];
  };
  out.max_age = of(Directive::max_age).value();
  out.max_age_invalid = of(Directive::max_age).invalid();
  out.s_maxage = of(Directive::s_maxage).value();
  out.s_maxage_invalid = of(Directive::s_maxage).invalid();
  out.stale_while_revalidate = of(Directive::stale_while_revalidate).value();
  out.stale_if_error = of(Directive::stale_if_error).value();
  out.min_fresh = of(Directive::min_fresh).value();
  out.max_stale = of(Directive::max_stale).value();
  return out;
}

constexpr std::pair<Directive, bool CacheControl::*> kFlags[] = {
    {Directive::no_store, &CacheControl::no_store},
    {Directive::must_revalidate, &CacheControl::must_revalidate},
    {Directive::proxy_revalidate, &CacheControl::proxy_revalidate},
    {Directive::no_transform, &CacheControl::no_transform},
    {Directive::public_, &CacheControl::is_public},
    {Directive::must_understand, &CacheControl::must_understand},
    {Directive::immutable, &CacheControl::immutable},
};
constexpr std::pair<Directive, std::optional<std::uint32_t> CacheControl::*> kSeconds[] = {
    {Directive::max_age, &CacheControl::max_age},
    {Directive::s_maxage, &CacheControl::s_maxage},
    {Directive::stale_while_revalidate, &CacheControl::stale_while_revalidate},
    {Directive::stale_if_error, &CacheControl::stale_if_error},
};

/// What a member of a targeted field says. The last of several with one key counts; a value of the
/// wrong type, and the directive is as if absent (RFC 9213 §2.1).
void take_member(const DictionaryReader::Member& member, CacheControl& out) noexcept {
  using Type = StructuredItem::Type;
  const StructuredItem& value = member.value;
  const Directive which = directive(member.key);
  const bool yes = value.type == Type::boolean && value.number == 1;
  for (auto [flag, place] : kFlags) {
    if (flag == which) {
      out.*place = yes;
    }
  }
  for (auto [seconds, place] : kSeconds) {
    if (seconds == which) {
      bool typed = value.type == Type::integer;
      auto clamped = std::clamp<std::int64_t>(value.number, 0, kVeryLong);
      out.*place = typed && value.number >= 0 ? std::optional(static_cast<std::uint32_t>(clamped))
                                              : std::nullopt;
    }
  }
  const bool negative = value.type == Type::integer && value.number < 0; // 0 is what it means
  if (which == Directive::max_age) {
    out.max_age_invalid = negative;
  } else if (which == Directive::s_maxage) {
    out.s_maxage_invalid = negative;
  }
  auto qualified = [&](bool& whole, bool& listed, std::string_view& names) {
    whole = yes || (value.type == Type::string && trim(value.text).empty());
    listed = value.type == Type::string && !whole;
    names = listed ? value.text : std::string_view{};
  };
  if (which == Directive::no_cache) {
    qualified(out.no_cache, out.no_cache_fields, out.no_cache_names);
  } else if (which == Directive::private_) {
    qualified(out.is_private, out.private_fields, out.private_names);
  }
}

} // namespace

std::optional<CacheControl> parse_targeted(const Fields& fields, std::string_view name) {
  const FieldId id = field_id(name);
  std::string_view text;
  std::string joined; // of more lines than one
  bool found = false;
  for (const Field& field : fields) {
    if (id != FieldId::other ? field.id != id : !iequals(field.name, name)) {
      continue;
    }
    if (found) {
      joined = joined.empty() ? std::string(text) : joined;
      joined += ", ";
      joined += field.value;
    } else {
      text = field.value;
      found = true;
    }
  }
  DictionaryReader reader(joined.empty() ? text : std::string_view(joined));
  CacheControl out;
  while (auto member = reader.next()) {
    out.present = true;
    take_member(*member, out);
  }
  if (reader.failed() || !out.present) {
    return {};
  }
  if (!joined.empty()) { // views into what goes away: the names are not used beyond their presence
    out.no_cache_names = out.private_names = {};
  }
  return out;
}

CacheControl parse_cache_control(const Fields& fields, FieldId id) noexcept {
  Reader reader;
  reader.out.present = fields.has(id);
  ListReader list(fields, id);
  while (auto member = list.next()) {
    auto equals = member->find('=');
    // A blank beside '=' makes no token of the name, or of the argument: skipped (C3.6).
    if (equals == std::string_view::npos) {
      reader.take(directive(*member), {});
    } else if (auto text = member->substr(equals + 1);
               text.empty() || (text.front() != ' ' && text.front() != '\t')) {
      reader.take(directive(member->substr(0, equals)), read_argument(text));
    }
  }
  return reader.finish();
}

bool is_pragma_no_cache(const Fields& fields) noexcept {
  return !fields.has(FieldId::cache_control) && has_token(fields, FieldId::pragma, "no-cache");
}

std::optional<std::uint32_t> parse_delta_seconds(std::string_view text) noexcept {
  return read_seconds(text, false);
}

std::optional<std::uint32_t> parse_age(const Fields& fields) noexcept {
  ListReader list(fields, FieldId::age);
  auto first = list.next();
  return first ? parse_delta_seconds(*first) : std::nullopt;
}

} // namespace weir::http
