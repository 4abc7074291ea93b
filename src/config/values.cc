// SPDX-License-Identifier: Apache-2.0
#include "config/values.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/arena.h"
#include "http/uri.h"

namespace weir::config {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<unsigned> number(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 6 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char c : text) {
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= most ? std::optional(value) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

/// A host name in lower case and ASCII (xn--...), or an address without brackets. "" on success.
std::string read_host(std::string_view text, std::string& out) {
  if (text.find("//") != std::string_view::npos || text.find('/') != std::string_view::npos) {
    return "a host has no scheme and no path";
  }
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (bracketed || std::count(text.begin(), text.end(), ':') > 1) {
    const auto address = Address::parse(text);
    if (!address || !address->is_v6()) {
      return "this is not an address";
    }
    out = address->host();
    return {};
  }
  if (text.find(':') != std::string_view::npos) {
    return "a host has no port here";
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; })) {
    Arena arena;
    const auto name = http::normalise_host(text, arena);
    if (!name) {
      return "this is not the name of a host";
    }
    out = std::string(*name);
  } else {
    out = lower(text);
  }
  if (out.size() > 1 && out.back() == '.') {
    out.pop_back();
  }
  std::size_t label = 0;
  bool numeric = true;
  for (const char c : out) {
    if (c == '.' ? label == 0 : !((c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_')) {
      return "a host has letters, digits, '-' and dots";
    }
    label = c == '.' ? 0 : label + 1;
    numeric = c == '.' ? true : numeric && is_digit(c);
    if (label > 63) {
      return "a label of a host has at most 63 characters";
    }
  }
  if (label == 0 || out.size() > 253) {
    return "a host has letters, digits, '-' and dots, at most 253";
  }
  if (numeric && !Address::parse(out)) {
    return "this is neither a name nor an address";
  }
  return {};
}

std::optional<unsigned> day_of(std::string_view text) {
  const auto found = std::find(kDays.begin(), kDays.end(), text);
  if (found == kDays.end()) {
    return std::nullopt;
  }
  return static_cast<unsigned>(found - kDays.begin());
}

/// HH:MM, in minutes.
std::optional<unsigned> minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') {
    return std::nullopt;
  }
  const auto hour = number(text.substr(0, 2), 24);
  const auto minute = number(text.substr(3), 59);
  if (!hour || !minute || (*hour == 24 && *minute != 0)) {
    return std::nullopt;
  }
  return *hour * 60 + *minute;
}

} // namespace

std::string read_host_pattern(std::string_view text, HostPattern& out) {
  if (text == "*") {
    out.kind = HostPattern::Kind::any;
    return {};
  }
  out.kind = HostPattern::Kind::exact;
  if (text.substr(0, 2) == "*.") {
    out.kind = HostPattern::Kind::subdomains;
    text.remove_prefix(2);
  } else if (text.substr(0, 1) == ".") {
    out.kind = HostPattern::Kind::both;
    text.remove_prefix(1);
  }
  if (text.find('*') != std::string_view::npos) {
    return "'*' stands only at the front, for whole labels: *.example.com";
  }
  std::string wrong = read_host(text, out.text);
  if (wrong.empty() && out.kind != HostPattern::Kind::exact && Address::parse(out.text)) {
    wrong = "an address has no subdomains; blocks of addresses stand in a list of format cidr";
  }
  return wrong;
}

std::string read_path_pattern(std::string_view text, PathPattern& out) {
  const bool glob = text.find_first_of("*?") != std::string_view::npos;
  if (text.empty() || (text[0] != '/' && text[0] != '*')) {
    return "a path begins with '/'; an expression is written: ~ EXPR";
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f ||
        c == '#') {
      return "a path has only visible ASCII and no '#'; write other bytes as %XX";
    }
  }
  out.kind = glob ? PathPattern::Kind::glob : PathPattern::Kind::prefix;
  out.text = std::string(text);
  return {};
}

std::string check_regex(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 compiled(re2::StringPiece(expression.data(), expression.size()), options);
  return compiled.ok() ? "" : compiled.error();
}

std::string read_port(std::string_view text, std::uint16_t& out) {
  const auto port = number(text, 65535);
  if (!port || *port == 0) {
    return "a port is a number from 1 to 65535";
  }
  out = static_cast<std::uint16_t>(*port);
  return {};
}

std::string read_ports(std::string_view text, PortRange& out) {
  const std::size_t dash = text.find('-');
  std::string wrong = read_port(text.substr(0, dash), out.first);
  out.last = out.first;
  if (wrong.empty() && dash != std::string_view::npos) {
    wrong = read_port(text.substr(dash + 1), out.last);
  }
  if (wrong.empty() && out.last < out.first) {
    wrong = "a range runs from the lower port to the higher";
  }
  return wrong;
}

std::string read_prefix(std::string_view text, Prefix& out) {
  if (const auto prefix = Prefix::parse(text)) {
    out = *prefix;
    return {};
  }
  const std::size_t slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  const auto bits =
      slash == std::string_view::npos ? std::nullopt : number(text.substr(slash + 1), 128);
  if (base && bits && *bits <= (base->is_v4() ? 32U : 128U)) {
    std::array<std::uint8_t, 16> bytes = base->bytes();
    const unsigned keep = base->is_v4() ? *bits + 96 : *bits;
    for (unsigned bit = keep; bit < 128; ++bit) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> bit % 8));
    }
    const Address start = base->is_v4() ? Address::v4({bytes[12], bytes[13], bytes[14], bytes[15]})
                                        : Address::v6(bytes);
    return fmt::format("bits are set behind the mask: write {}/{}", start.host(), *bits);
  }
  return "a block is written 10.0.0.0/8 or 2001:db8::/32";
}

std::string read_listen_address(std::string_view text, Address& out) {
  if (const auto address = Address::parse_with_port(text)) {
    out = *address;
    return {};
  }
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.substr(colon + 1) == "0") {
    if (const auto address = Address::parse(text.substr(0, colon))) {
      out = *address;
      return {};
    }
  }
  if (std::all_of(text.begin(), text.end(), is_digit) || text.substr(0, 1) == ":") {
    const std::string_view port = text.substr(text.rfind(':') + 1);
    return fmt::format("the address is missing: write 0.0.0.0:{0}, [::]:{0} or 127.0.0.1:{0}",
                       port);
  }
  if (const auto address = Address::parse(text)) {
    return fmt::format("the port is missing: write {}", address->with_port(3128).to_string());
  }
  return "an address and a port belong here: 127.0.0.1:3128, [::1]:3128";
}

std::string read_server(std::string_view text, ServerDecl& out) {
  const std::size_t colon = text.rfind(':');
  const bool v6 = std::count(text.begin(), text.end(), ':') > 1 && text.front() != '[';
  if (text.find("//") != std::string_view::npos) {
    return "a server has no scheme: write HOST:PORT";
  }
  if (v6) {
    return fmt::format("an IPv6 address stands in brackets: [{}]:80", text);
  }
  if (colon == std::string_view::npos || text.back() == ']') {
    return fmt::format("the port is missing: write {}:80", text);
  }
  std::string wrong = read_host(text.substr(0, colon), out.host);
  return wrong.empty() ? read_port(text.substr(colon + 1), out.port) : wrong;
}

std::string read_resolver(std::string_view text, Address& out) {
  auto address = Address::parse(text, 53);
  if (!address) {
    address = Address::parse_with_port(text);
  }
  if (!address) {
    return "a resolver is an address: 10.0.0.53, [2001:db8::53]:5353";
  }
  out = *address;
  return {};
}

std::string read_days(std::string_view text, std::uint8_t& out) {
  constexpr std::string_view kForm = "days are mon, tue, wed, thu, fri, sat, sun; mon-fri; sat,sun";
  out = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = day_of(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_of(part.substr(dash + 1));
    if (!first || !last) {
      return std::string(kForm);
    }
    for (unsigned day = *first;; day = (day + 1) % 7) {
      out = static_cast<std::uint8_t>(out | 1U << day);
      if (day == *last) {
        break;
      }
    }
    if (comma == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(comma + 1);
  }
}

std::string read_times(std::string_view text, TimeSlot& out) {
  const std::size_t dash = text.find('-');
  const auto from = minutes(text.substr(0, dash));
  const auto to = dash == std::string_view::npos ? std::nullopt : minutes(text.substr(dash + 1));
  if (!from || !to || *from == 1440) {
    return "a time of the day is written 08:00-18:00";
  }
  if (*from == *to) {
    return "the times are equal: the whole day is 00:00-24:00";
  }
  out.from = static_cast<std::uint16_t>(*from);
  out.to = static_cast<std::uint16_t>(*to);
  return {};
}

std::string check_zone(std::string_view zone, bool outside) {
  const bool plain = std::all_of(zone.begin(), zone.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
  constexpr std::string_view kForm = "a time zone is written Europe/Berlin or UTC";
  if (zone.empty() || !plain || zone.front() == '/' || zone.front() == '-') {
    return std::string(kForm);
  }
  if (!outside || zone == "UTC") {
    return {};
  }
  const std::string folder = "/usr/share/zoneinfo/";
  struct stat info {};
  if (::stat((folder + std::string(zone)).c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    return {};
  }
  if (::stat(folder.c_str(), &info) != 0) {
    return "there are no time zones on this machine: install tzdata";
  }
  return std::string(kForm) + "; this one is not in /usr/share/zoneinfo";
}

std::string check_url(std::string_view text) {
  const bool scheme = text.substr(0, 7) == "http://" || text.substr(0, 8) == "https://";
  if (!scheme && text.substr(0, 1) != "/") {
    return "a URL begins with http://, https:// or '/'";
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      return "a URL has only visible ASCII; write other bytes as %XX";
    }
  }
  return {};
}

std::string read_status(std::string_view text, unsigned least, unsigned most, std::uint16_t& out) {
  const auto status = number(text, 999);
  if (!status || *status < least || *status > most) {
    return fmt::format("a status from {} to {} belongs here", least, most);
  }
  out = static_cast<std::uint16_t>(*status);
  return {};
}

bool read_statuses(std::string_view text, std::uint16_t& first, std::uint16_t& last) {
  const auto number = [](std::string_view digits, std::uint16_t& value) {
    return read_status(digits, 200, 599, value).empty();
  };
  if (text.size() == 3 && text.substr(1) == "xx" && text[0] >= '2' && text[0] <= '5') {
    first = static_cast<std::uint16_t>((text[0] - '0') * 100);
    last = static_cast<std::uint16_t>(first + 99);
    return true;
  }
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    return number(text, first) && number(text, last);
  }
  return number(text.substr(0, dash), first) && number(text.substr(dash + 1), last) &&
         first <= last;
}

std::string write_host(const HostPattern& host) {
  switch (host.kind) {
  case HostPattern::Kind::exact:
    return host.text;
  case HostPattern::Kind::subdomains:
    return "*." + host.text;
  case HostPattern::Kind::both:
    return "." + host.text;
  case HostPattern::Kind::any:
    return "*";
  case HostPattern::Kind::regex:
    return "~ " + host.text;
  }
  return {};
}

std::string write_ports(const PortRange& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}-{}", range.first, range.last);
}

std::string write_slot(const TimeSlot& slot) {
  std::string days;
  for (std::size_t day = 0; day < kDays.size(); ++day) {
    if ((slot.days >> day & 1U) != 0) {
      days += (days.empty() ? "" : ",") + std::string(kDays[day]);
    }
  }
  return fmt::format("{} {:02}:{:02}-{:02}:{:02}", days, slot.from / 60, slot.from % 60,
                     slot.to / 60, slot.to % 60);
}

} // namespace weir::config
