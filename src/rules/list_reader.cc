// SPDX-License-Identifier: Apache-2.0
#include "rules/list_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/uri.h"
#include "rules/domain_build.h"

namespace weir::rules {

namespace {

constexpr std::string_view kBlank = " \t\r\f\v";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kMaxLine = 4096;

// Names that every hosts file has for the machine itself.
constexpr std::array<std::string_view, 12> kOwnNames{
    "localhost",     "localhost.localdomain", "local",        "broadcasthost",
    "ip6-localhost", "ip6-loopback",          "ip6-localnet", "ip6-mcastprefix",
    "ip6-allnodes",  "ip6-allrouters",        "ip6-allhosts", "0.0.0.0"};

std::string_view take_word(std::string_view& line) {
  std::size_t begin = std::min(line.find_first_not_of(kBlank), line.size());
  std::size_t end = std::min(line.find_first_of(kBlank, begin), line.size());
  std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

} // namespace

std::optional<Prefix> read_prefix(std::string_view text) {
  std::size_t slash = text.find('/');
  auto base = Address::parse(text.substr(0, slash));
  if (!base) {
    return {};
  }
  unsigned most = base->is_v4() ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (ec != std::errc{} || end != digits.data() + digits.size() || bits > most) {
      return {};
    }
  }
  auto bytes = base->bytes();
  for (unsigned bit = 128 - most + bits; bit < 128; ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> bit % 8));
  }
  if (base->is_v4()) {
    return Prefix(Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]}), bits);
  }
  return Prefix(Address::v6(bytes), bits);
}

bool ListReader::read(std::string_view line) {
  entries_.clear();
  arena_.reset();
  if (line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
  }
  line = line.substr(0, line.find('#'));
  if (line.size() > kMaxLine) {
    return false;
  }
  scratch_.clear();
  scratch_.reserve(line.size()); // views into it stay valid
  if (format_ == config::ListFormat::hosts) {
    return read_hosts(line);
  }
  std::string_view word = take_word(line);
  if (word.empty()) {
    return true;
  }
  if (!take_word(line).empty()) {
    return false;
  }
  return format_ == config::ListFormat::cidr ? read_cidr(word) : read_plain(word);
}

bool ListReader::read_plain(std::string_view word) {
  if (auto address = Address::parse(word)) {
    entries_.push_back({{}, DomainKind::exact, Prefix(*address, address->is_v4() ? 32 : 128)});
    return true;
  }
  DomainKind kind = DomainKind::exact;
  if (word.substr(0, 2) == "*.") {
    kind = DomainKind::under;
    word.remove_prefix(2);
  } else if (word.front() == '.') {
    kind = DomainKind::both;
    word.remove_prefix(1);
  }
  return add_name(word, kind);
}

bool ListReader::read_hosts(std::string_view line) {
  std::string_view first = take_word(line);
  if (first.empty()) {
    return true;
  }
  // A zone ("fe80::1%lo0") is not part of the address.
  if (!Address::parse(first.substr(0, first.find('%')))) {
    return false;
  }
  bool good = true;
  bool any = false;
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    any = true;
    if (std::find(kOwnNames.begin(), kOwnNames.end(), word) == kOwnNames.end()) {
      good = add_name(word, DomainKind::exact) && good;
    }
  }
  return good && any;
}

bool ListReader::read_cidr(std::string_view word) {
  auto prefix = read_prefix(word);
  if (!prefix) {
    return false;
  }
  entries_.push_back({{}, DomainKind::exact, *prefix});
  return true;
}

bool ListReader::add_name(std::string_view name, DomainKind kind) {
  if (!name.empty() && name.back() == '.') {
    name.remove_suffix(1);
  }
  std::size_t begin = scratch_.size();
  bool ascii = true;
  for (char c : name) {
    scratch_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  }
  std::string_view normal(scratch_.data() + begin, name.size());
  if (!ascii) {
    auto labels = http::normalise_host(name, arena_);
    normal = labels ? *labels : std::string_view();
  }
  if (!is_domain_name(normal)) {
    return false;
  }
  entries_.push_back({normal, kind, {}});
  return true;
}

} // namespace weir::rules
