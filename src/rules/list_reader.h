// SPDX-License-Identifier: Apache-2.0
//
// ListReader: the lines of list files, one at a time: plain domains, hosts files, CIDR blocks.
// Pure: bytes in, entries out. Owner: one list being compiled, or a test.
//
//   plain  example.com (that host), .example.com (it and its subdomains), *.example.com (these
//          alone), or an address; one a line
//   hosts  ADDRESS NAME ...; the names of the machine itself (localhost ...) are left out
//   cidr   10.0.0.0/8 or an address; bits after the prefix are ignored
//   `#` begins a comment; a line in another form is bad and tells so, the rest goes on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/arena.h"
#include "config/config.h"
#include "rules/domain_set.h"

namespace weir::rules {

/// One entry: a name, or (name empty) a block of addresses.
struct ListEntry {
  std::string_view name; // normalised; valid until the next read()
  DomainKind kind = DomainKind::exact;
  Prefix prefix;
};

class ListReader {
public:
  explicit ListReader(config::ListFormat format) : format_(format) {}

  /// Reads one line without its end. False: it is bad; then entries() has what was good in it.
  bool read(std::string_view line);
  std::span<const ListEntry> entries() const noexcept { return entries_; }

private:
  bool read_plain(std::string_view word);
  bool read_hosts(std::string_view line);
  bool read_cidr(std::string_view word);
  /// False: not a host name.
  bool add_name(std::string_view name, DomainKind kind);

  config::ListFormat format_;
  std::string scratch_; // the normalised names of the line
  Arena arena_;         // those that had to be written as A-labels
  std::vector<ListEntry> entries_;
};

/// "10.1.2.3/8" is 10.0.0.0/8: what stands in lists, read leniently.
std::optional<Prefix> read_prefix(std::string_view text);

} // namespace weir::rules
